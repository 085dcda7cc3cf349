/** Parts of a sealed file: the header, then only the chunks that a range touches. */

import type { AbortOptions } from '../contracts/options.ts'
import type { ByteRange } from '../contracts/putting.ts'
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
import { type FileStart, openStart, readStart } from './opened-header.ts'
import type { Identity } from './recipients.ts'
import { type ChunkStream, groupsOf } from './stream.ts'

/** Where the bytes of an age file can be had in any order. */
export interface SealedSource {
  /** Of the whole age file. What it says is not believed before the last chunk has shown it. */
  readonly byteLength: number
  /**
   * The bytes `[offset, offset + length)`, in order, cut anywhere, the reader's own. Must fetch as it is pulled: the header is read by asking for
   * much and stopping early.
   */
  read(range: { readonly offset: number; readonly length: number }, options: AbortOptions): AsyncIterable<Uint8Array>
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
  const start = await startOf(source, options)
  const stream = await openStart(start, identities, options)
  const chunks = chunkReader(source, start, stream)
  const { claimed, lastChunk } = chunks
  let endShown = false

  const showEnd = async (abort: AbortOptions): Promise<number> => {
    if (!endShown) for await (const _ of chunks.read(lastChunk, lastChunk, abort));
    endShown = true
    return claimed
  }

  return {
    length: (abort = {}) => showEnd(abort),
    async *read({ offset, length: wanted = Number.POSITIVE_INFINITY }, abort = {}) {
      assertRange(offset, wanted)
      if (offset >= claimed || wanted === 0) {
        const total = await showEnd(abort)
        if (offset > total) throw new FormatError('bad-range', `offset ${offset} lies past the end of a file of ${total} bytes`)
        return
      }
      const end = Math.min(claimed, offset + wanted)
      const first = Math.floor(offset / CHUNK_BYTES)
      let at = first * CHUNK_BYTES
      for await (const plaintext of chunks.read(first, Math.floor((end - 1) / CHUNK_BYTES), abort)) {
        yield plaintext.subarray(Math.max(0, offset - at), end - at)
        at += plaintext.byteLength
      }
      if (end === claimed) endShown = true
    },
  }
}

async function startOf(source: SealedSource, options: AbortOptions): Promise<FileStart> {
  const length = Math.min(source.byteLength, MAX_HEADER_BYTES + PAYLOAD_NONCE_BYTES)
  const bytes = source.read({ offset: 0, length }, options)[Symbol.asyncIterator]()
  try {
    return await readStart(bytes)
  } finally {
    await bytes.return?.()
  }
}

interface ChunkReader {
  /** Bytes of plaintext, if the source's length is true. */
  readonly claimed: number
  readonly lastChunk: number
  /** The plaintext of the chunks `first … last`, the last one of the file opened as such. */
  read(first: number, last: number, options: AbortOptions): AsyncGenerator<Uint8Array>
}

function chunkReader(source: SealedSource, { header }: FileStart, stream: ChunkStream): ChunkReader {
  const payloadStart = header.byteLength + PAYLOAD_NONCE_BYTES
  const claimed = plaintextLength(source.byteLength, header.byteLength)
  const lastChunk = Math.max(0, Math.ceil(claimed / CHUNK_BYTES) - 1)
  return {
    claimed,
    lastChunk,
    async *read(first, last, options) {
      const offset = payloadStart + first * SEALED_CHUNK_BYTES
      const length = Math.min(source.byteLength, payloadStart + (last + 1) * SEALED_CHUNK_BYTES) - offset
      let number = first
      for await (const group of groupsOf(exactly(source.read({ offset, length }, options), length), LEAF_BYTES, options)) {
        yield* openGroup(stream, group.bytes, number, group.last && last === lastChunk)
        number += CHUNKS_PER_LEAF
      }
    },
  }
}

/** A source that gives less than it was asked for must not pass for the end of the file. */
async function* exactly(bytes: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let rest = length
  for await (const chunk of bytes) {
    rest -= chunk.byteLength
    if (rest < 0) break
    yield chunk
  }
  if (rest !== 0)
    throw new FormatError(
      'damaged',
      `the sealed file has not the length it was said to have: ${Math.abs(rest)} bytes too ${rest > 0 ? 'few' : 'many'}`,
    )
}

function assertRange(offset: number, length: number): void {
  const wholeLength = length === Number.POSITIVE_INFINITY || (Number.isSafeInteger(length) && length >= 0)
  if (Number.isSafeInteger(offset) && offset >= 0 && wholeLength) return
  throw new FormatError('bad-range', `offset ${offset} and length ${length} must be whole numbers from 0 on`)
}
