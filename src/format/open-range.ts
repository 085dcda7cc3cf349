/** Parts of a sealed file: the header, then only the chunks that a range touches. */
import type { ByteRange } from '../contracts/archive.ts'
import type { AbortOptions } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import {
  CHUNK_BYTES,
  CHUNKS_PER_LEAF,
  LEAF_BYTES,
  MAX_HEADER_BYTES,
  PAYLOAD_NONCE_BYTES,
  plaintextLength,
  SEALED_CHUNK_BYTES,
} from './age-layout.ts'
import { type OpenOptions, openGroup } from './open.ts'
import { openStart, readStart } from './opened-header.ts'
import type { Identity } from './recipients.ts'
import { groupsOf } from './stream.ts'

/** Where the bytes of an age file can be had in any order. */
export interface SealedSource {
  /** Of the whole age file. What it says is not believed before the last chunk has shown it. */
  readonly byteLength: number
  /**
   * The bytes `[offset, offset + length)`, in order, cut anywhere, the reader's own. Must fetch as it is pulled: the header is read by asking for
   * much and stopping early.
   */
  read(range: Required<ByteRange>, options: AbortOptions): AsyncIterable<Uint8Array>
}

/** A sealed file whose header was opened. */
export interface SealedRanges {
  /** Bytes of plaintext, padding included, once the last chunk was fetched and has shown that the file ends there. */
  length(options?: AbortOptions): Promise<number>
  /**
   * Yields the plaintext of a range; a length beyond the end is cut. Everything was authenticated, and where the range touches the end, that end,
   * too. Throws `bad-range` for an offset beyond the end, and what `openSealed` throws.
   */
  read(range: ByteRange, options?: AbortOptions): AsyncGenerator<Uint8Array>
}

/** Fetches and opens the header. Throws as `openSealed` does; armored files are not read here. */
export async function openRanges(source: SealedSource, identities: readonly Identity[], options: OpenOptions = {}): Promise<SealedRanges> {
  const { byteLength } = source
  const length = Math.min(byteLength, MAX_HEADER_BYTES + PAYLOAD_NONCE_BYTES)
  const start = source.read({ offset: 0, length }, options)[Symbol.asyncIterator]()
  let opened: Awaited<ReturnType<typeof readStart>>
  try {
    opened = await readStart(start)
  } finally {
    await start.return?.()
  }
  const stream = await openStart(opened, identities, options)
  const payloadStart = opened.header.byteLength + PAYLOAD_NONCE_BYTES
  const claimed = plaintextLength(byteLength, opened.header.byteLength)
  const lastChunk = Math.max(0, Math.ceil(claimed / CHUNK_BYTES) - 1)
  let endShown = false

  async function* chunks(first: number, last: number, abort: AbortOptions): AsyncGenerator<Uint8Array> {
    const offset = payloadStart + first * SEALED_CHUNK_BYTES
    const end = Math.min(byteLength, payloadStart + (last + 1) * SEALED_CHUNK_BYTES)
    let number = first
    for await (const { bytes, last: lastGroup } of groupsOf(source.read({ offset, length: end - offset }, abort), LEAF_BYTES, abort)) {
      yield* openGroup(stream, bytes, number, lastGroup && last === lastChunk)
      number += CHUNKS_PER_LEAF
    }
    if (last === lastChunk) endShown = true
  }

  const showEnd = async (abort: AbortOptions): Promise<number> => {
    if (!endShown) for await (const _ of chunks(lastChunk, lastChunk, abort));
    return claimed
  }

  return {
    length: (abort = {}) => showEnd(abort),
    async *read({ offset, length: wanted = Number.POSITIVE_INFINITY }, abort = {}) {
      if (offset >= claimed || wanted === 0) {
        const total = await showEnd(abort)
        if (offset > total) throw new FormatError('bad-range', `offset ${offset} lies past the end of a file of ${total} bytes`)
        return
      }
      const end = Math.min(claimed, offset + wanted)
      const first = Math.floor(offset / CHUNK_BYTES)
      let at = first * CHUNK_BYTES
      for await (const plaintext of chunks(first, Math.floor((end - 1) / CHUNK_BYTES), abort)) {
        yield plaintext.subarray(Math.max(0, offset - at), end - at)
        at += plaintext.byteLength
      }
    },
  }
}
