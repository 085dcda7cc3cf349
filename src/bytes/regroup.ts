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
