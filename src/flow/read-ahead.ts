/** Blocks of one pack, in order and hashed, with some asked for ahead. */
import type { AbortOptions, PackRow, Span } from '../contracts.ts'
import type { BlockReader } from './block-reader.ts'

/** Blocks asked for ahead, half of them together, so that neighbours travel together. */
const AHEAD = 16

export interface ReadBlock {
  readonly span: Span
  readonly bytes: Uint8Array
}

/** Reads the spans given, which need not be all of the pack. Throws `unavailable` naming the block that no replica could give. */
export async function* readAhead(
  reader: BlockReader,
  pack: PackRow,
  spans: readonly Span[],
  options: AbortOptions,
): AsyncGenerator<ReadBlock> {
  const ahead: Promise<Uint8Array>[] = []
  for (let next = 0, at = 0; at < spans.length; at++) {
    const most = ahead.length <= AHEAD / 2 ? AHEAD : 0
    for (; next < spans.length && ahead.length < most; next++) {
      const span = spans[next]
      if (span) ahead.push(watched(reader.fromPack(pack, span, options)))
    }
    const bytes = await ahead.shift()
    const span = spans[at]
    if (bytes && span) yield { span, bytes }
  }
}

/** Reads in flight may fail after the first failure has ended the work. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
