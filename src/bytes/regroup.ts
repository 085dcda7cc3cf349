/** Cuts a foreign stream again, into chunks of one size. */
import type { AbortOptions } from '../contracts/options.ts'
import type { Content } from '../contracts/source.ts'
import { abortable } from './abortable.ts'
import { allocate, type BufferPool, recycle } from './pool.ts'

export interface RegroupOptions extends AbortOptions {
  /** Where chunks of exactly `size` bytes get their memory; its buffers must have that size. */
  readonly pool?: BufferPool | undefined
}

/** Yields chunks of exactly `size` bytes, the last one shorter, none for an empty stream. Every byte is copied: the producer may use its buffers again. */
export async function* regroup(stream: Content, size: number, options: RegroupOptions = {}): AsyncGenerator<Uint8Array> {
  const { pool, signal } = options
  let buffer: Uint8Array | undefined
  let filled = 0
  try {
    for await (const chunk of abortable(stream, { signal })) {
      for (let from = 0; from < chunk.byteLength; ) {
        buffer ??= pool ? await pool.take(signal) : allocate(size)
        const part = chunk.subarray(from, from + size - filled)
        buffer.set(part, filled)
        from += part.byteLength
        filled += part.byteLength
        if (filled < size) continue
        const full = buffer
        buffer = undefined
        filled = 0
        yield full
      }
    }
    if (buffer && filled > 0) yield buffer.slice(0, filled)
  } finally {
    if (buffer) recycle(buffer)
  }
}

/**
 * Cuts chunks that belong to the reader into chunks of exactly `size` bytes, the last one shorter. Those that have that size already pass as they
 * are, and so does a single shorter one; of all others the bytes are copied, and their buffers given back.
 */
export async function* recut(chunks: AsyncIterable<Uint8Array>, size: number, options: RegroupOptions = {}): AsyncGenerator<Uint8Array> {
  const { pool, signal } = options
  let held: Uint8Array | undefined
  let buffer: Uint8Array | undefined
  let filled = 0
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted()
      if (chunk.byteLength === size && filled === 0 && !held) {
        yield chunk
        continue
      }
      if (!held && filled === 0 && chunk.byteLength < size) {
        held = chunk
        continue
      }
      for (const part of held ? [held, chunk] : [chunk]) {
        for (let from = 0; from < part.byteLength; ) {
          buffer ??= pool ? await pool.take(signal) : allocate(size)
          const piece = part.subarray(from, from + size - filled)
          buffer.set(piece, filled)
          from += piece.byteLength
          filled += piece.byteLength
          if (filled < size) continue
          const full = buffer
          buffer = undefined
          filled = 0
          yield full
        }
        recycle(part)
      }
      held = undefined
    }
    if (held && held.byteLength > 0) yield held
    held = undefined
    if (buffer && filled > 0) yield buffer.slice(0, filled)
  } finally {
    if (held) recycle(held)
    if (buffer) recycle(buffer)
  }
}
