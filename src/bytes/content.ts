/** Bytes in any form a caller may hold them, cut into chunks. */
import type { AbortOptions } from '../contracts/options.ts'
import type { Content } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import type { BufferPool } from './pool.ts'
import { regroup } from './regroup.ts'

/** Chunk size of `unixfs-v1-2025`. */
export const DEFAULT_CHUNK_SIZE = 1024 * 1024

/** Read-ahead, the chunk at hand, what is hashed ahead, and what the sink has under way. */
export const POOL_BUFFERS = 12

export interface ContentOptions {
  /** One for everything a put reads: its buffers hold one chunk each. */
  readonly pool: BufferPool
}

/** Opens content once, in chunks of exactly the pool's buffer size, the last one shorter. Throws `unsupported` at once for what is no content. */
export function openContent(content: Content, { pool }: ContentOptions): (options?: AbortOptions) => AsyncIterable<Uint8Array> {
  if (!isContent(content)) {
    throw new SourceError(
      'unsupported',
      `${typeof content} is not content; pass a Uint8Array, a Blob, a stream or an iterable of Uint8Array`,
    )
  }
  return ({ signal } = {}) => {
    if (content instanceof Uint8Array) return slices(content, pool.byteLength, signal)
    if (content instanceof Blob) return blobSlices(content, pool.byteLength, signal)
    return regroup(content, pool.byteLength, { pool, signal })
  }
}

export function isContent(value: unknown): value is Content {
  if (typeof value !== 'object' || value === null) return false
  return (
    value instanceof Uint8Array ||
    value instanceof Blob ||
    value instanceof ReadableStream ||
    Symbol.asyncIterator in value ||
    Symbol.iterator in value
  )
}

/** The length, where it is known without reading. */
export function contentLength(content: Content): number | undefined {
  if (content instanceof Uint8Array) return content.byteLength
  return content instanceof Blob ? content.size : undefined
}

async function* slices(bytes: Uint8Array, size: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.byteLength; from += size) {
    signal?.throwIfAborted()
    yield bytes.subarray(from, from + size)
  }
}

async function* blobSlices(blob: Blob, size: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < blob.size; from += size) {
    signal?.throwIfAborted()
    const slice = await blob
      .slice(from, from + size)
      .arrayBuffer()
      .catch((cause: unknown) => {
        throw new SourceError('changed', 'the file behind the Blob changed or vanished; open it again', { cause })
      })
    yield new Uint8Array(slice)
  }
}
