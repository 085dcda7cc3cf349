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
  const filling = fillingOf(size, options)
  try {
    for await (const chunk of abortable(stream, options)) yield* filling.add(chunk)
    const rest = filling.rest()
    if (rest) yield rest
  } finally {
    filling.drop()
  }
}

/**
 * Cuts chunks that belong to the reader into chunks of exactly `size` bytes, the last one shorter. Those that have that size already pass as they
 * are, and so does a single shorter one; of all others the bytes are copied, and their buffers given back.
 */
export async function* recut(chunks: AsyncIterable<Uint8Array>, size: number, options: RegroupOptions = {}): AsyncGenerator<Uint8Array> {
  const filling = fillingOf(size, options)
  let held: Uint8Array | undefined
  try {
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted()
      if (!held && filling.empty && chunk.byteLength === size) yield chunk
      else if (!held && filling.empty && chunk.byteLength < size) held = chunk
      else {
        const parts = held ? [held, chunk] : [chunk]
        held = undefined
        for (const part of parts) {
          yield* filling.add(part)
          recycle(part)
        }
      }
    }
    const rest = held ?? filling.rest()
    held = undefined
    if (rest && rest.byteLength > 0) yield rest
  } finally {
    filling.drop()
    if (held) recycle(held)
  }
}

interface Filling {
  /** Nothing waits to be completed. */
  readonly empty: boolean
  /** Copies a chunk, and yields every buffer that it fills. */
  add(chunk: Uint8Array): AsyncGenerator<Uint8Array>
  /** What waits, in memory of its own. */
  rest(): Uint8Array | undefined
  drop(): void
}

function fillingOf(size: number, { pool, signal }: RegroupOptions): Filling {
  let buffer: Uint8Array | undefined
  let filled = 0
  return {
    get empty() {
      return filled === 0
    },
    async *add(chunk) {
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
    },
    rest: () => (filled > 0 ? buffer?.slice(0, filled) : undefined),
    drop() {
      if (buffer) recycle(buffer)
      buffer = undefined
    },
  }
}
