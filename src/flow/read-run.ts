/** Neighbouring blocks of a pack in one read: each is handed over, hashed, as soon as its last byte is there. */
import { allocate, type BufferPool, createPool, recycle } from '../bytes/pool.ts'
import type { Locator, Span, Vault } from '../contracts.ts'
import { matches } from '../format/address.ts'
import { type ReadSpanOptions, streamed } from './read-span.ts'

/** Most bytes of one run. */
export const RUN_BYTES = 16 * 1024 * 1024
/** Section headers between neighbours are read along; a wider gap is not. */
export const GAP_BYTES = 128
const BLOCK_BYTES = 1024 * 1024
const KEPT_BUFFERS = 64

/** Blocks of this size are many and short-lived: whoever is done with one gives it to `recycle`. */
const pool: BufferPool = createPool({ byteLength: BLOCK_BYTES, count: KEPT_BUFFERS })

export interface RunOptions extends ReadSpanOptions {
  /** A block that came and hashes to its CID; others are passed over in silence. */
  readonly onBlock: (index: number, bytes: Uint8Array) => void
}

/** Does the span follow the one before closely enough to be read with it? */
export function follows(previous: Span, next: Span): boolean {
  const gap = next.offset - (previous.offset + previous.length)
  return gap >= 0 && gap <= GAP_BYTES
}

/** Reads spans that follow each other, in order of their offsets. Resolves at the end of the answer, whatever it was worth; rejects as `streamed` does. */
export async function readRun(vault: Vault, at: Locator, spans: readonly Span[], options: RunOptions): Promise<void> {
  const first = spans[0]
  const last = spans.at(-1)
  if (!first || !last) return
  const range = { cid: first.cid, offset: first.offset, length: last.offset + last.length - first.offset }
  const cutter = cutterOf(spans, await memoryFor(spans), options.onBlock)
  try {
    await streamed(vault, at, range, { ...options, into: undefined }, cutter.take)
  } finally {
    cutter.close()
  }
}

/** Taken beforehand, since pieces are cut up as they come. */
const memoryFor = (spans: readonly Span[]): Promise<readonly Uint8Array[]> =>
  Promise.all(
    spans.map(async ({ length }) =>
      length > BLOCK_BYTES || length < BLOCK_BYTES / 4 ? allocate(length) : (await pool.take()).subarray(0, length),
    ),
  )

function cutterOf(spans: readonly Span[], memory: readonly Uint8Array[], onBlock: RunOptions['onBlock']) {
  let index = 0
  /** Of the next byte that comes. */
  let offset = spans[0]?.offset ?? 0
  let filled = 0
  return {
    take(piece: Uint8Array) {
      for (let from = 0; from < piece.byteLength; ) {
        const span = spans[index]
        const block = memory[index]
        if (!span || !block) return
        const skip = Math.min(Math.max(0, span.offset - offset), piece.byteLength - from)
        from += skip
        offset += skip
        const count = Math.min(span.length - filled, piece.byteLength - from)
        block.set(piece.subarray(from, from + count), filled)
        from += count
        offset += count
        filled += count
        if (filled < span.length || offset < span.offset) continue
        if (matches(span.cid, block)) onBlock(index, block)
        else recycle(block)
        index++
        filled = 0
      }
    },
    /** What never became whole goes back. */
    close() {
      for (; index < memory.length; index++) recycle(memory[index] ?? new Uint8Array(0))
    },
  }
}
