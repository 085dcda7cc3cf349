/** Writes a stream to a file in large pieces, the next one filling while the last is on its way to the disk. */
import type { FileHandle } from 'node:fs/promises'
import { recycle } from '../../bytes/pool.ts'

const PIECE_BYTES = 4 * 1024 * 1024

/**
 * Writes all chunks from the start of the file. Chunks are copied, so a body may reuse its buffer for the next one; memory is two pieces.
 * No write is in flight any more when it settles.
 */
export async function writeBehind(handle: FileHandle, chunks: AsyncIterable<Uint8Array>, byteLength: number): Promise<void> {
  const size = Math.max(1, Math.min(PIECE_BYTES, byteLength))
  let filling = Buffer.allocUnsafeSlow(size)
  let spare = Buffer.allocUnsafeSlow(size)
  let filled = 0
  let at = 0
  // Resolves to the error instead of rejecting: a write may fail while nobody is looking, between two chunks.
  let writing: Promise<{ readonly error?: unknown }> = Promise.resolve({})

  const flush = async () => {
    await settled(writing)
    writing = writeAll(handle, filling.subarray(0, filled), at).then(
      () => ({}),
      (error: unknown) => ({ error }),
    )
    at += filled
    filled = 0
    const full = filling
    filling = spare
    spare = full
  }

  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.byteLength; ) {
        const count = Math.min(size - filled, chunk.byteLength - from)
        filling.set(chunk.subarray(from, from + count), filled)
        filled += count
        from += count
        if (filled === size) await flush()
      }
      recycle(chunk)
    }
    if (filled > 0) await flush()
  } finally {
    await writing
  }
  await settled(writing)
}

async function settled(writing: Promise<{ readonly error?: unknown }>): Promise<void> {
  const { error } = await writing
  if (error !== undefined) throw error
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done)
    done += bytesWritten
  }
}
