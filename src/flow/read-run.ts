/** Neighbouring blocks of a pack in one read: each is handed over, hashed, as soon as its last byte is there. */
import { allocate, type BufferPool, createPool, recycle } from '../bytes/pool.ts'
import type { Locator, Span, Vault } from '../contracts.ts'
import { matchesAhead } from '../format/address.ts'
import { type ReadSpanOptions, streamed } from './read-span.ts'

/** Most bytes of one run. */
export const RUN_BYTES = 16 * 1024 * 1024
/** Section headers between neighbours are read along; a wider gap is not. */
const GAP_BYTES = 128
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
  const blocks = await memoryFor(spans)
  const hashing: Promise<void>[] = []
  const cutter = cutterOf(spans, blocks, (index, block, span) => {
    hashing.push(
      matchesAhead(span.cid, block).then(
        (intact) => (intact ? options.onBlock(index, block) : recycle(block)),
        // A hash function that is not known: the block is asked for by itself, which says so.
        () => recycle(block),
      ),
    )
  })
  try {
    await streamed(vault, at, range, { ...options, into: undefined }, cutter.take)
  } finally {
    await Promise.all(hashing)
    // What never became whole goes back.
    for (const block of blocks.slice(cutter.filled())) recycle(block)
  }
}

/** Taken beforehand, since pieces are cut up as they come. */
const memoryFor = (spans: readonly Span[]): Promise<readonly Uint8Array[]> =>
  Promise.all(
    spans.map(async ({ length }) =>
      length > BLOCK_BYTES || length < BLOCK_BYTES / 4 ? allocate(length) : (await pool.take()).subarray(0, length),
    ),
  )

/** Deals the bytes of a range out to the blocks in it. */
function cutterOf(spans: readonly Span[], memory: readonly Uint8Array[], onFilled: (index: number, block: Uint8Array, span: Span) => void) {
  let index = 0
  /** Of the next byte that comes. */
  let offset = spans[0]?.offset ?? 0
  let filled = 0
  return {
    filled: () => index,
    take(piece: Uint8Array) {
      for (let from = 0; from < piece.byteLength; ) {
        const span = spans[index]
        const block = memory[index]
        if (!span || !block) return
        const skip = Math.min(Math.max(0, span.offset - offset), piece.byteLength - from)
        const count = Math.min(span.length - filled, piece.byteLength - from - skip)
        block.set(piece.subarray(from + skip, from + skip + count), filled)
        from += skip + count
        offset += skip + count
        filled += count
        if (filled < span.length || offset < span.offset) continue
        onFilled(index, block, span)
        index++
        filled = 0
      }
    },
  }
}
