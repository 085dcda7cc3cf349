/** A file of our own, read in buffers that are used again. */
import { open } from 'node:fs/promises'
import { allocate, createPool } from '../bytes/pool.ts'
import type { AbortOptions } from '../contracts.ts'

const CHUNK = 1024 * 1024
const chunks = createPool({ byteLength: CHUNK, count: 8 })

/** The file's bytes in chunks, the next one read while one is used. Whoever is done with a chunk may give it to `recycle`. */
export async function* chunksOf(
  path: string,
  range: AbortOptions & { readonly offset: number; readonly length: number },
): AsyncGenerator<Uint8Array> {
  const { offset, length, signal } = range
  signal?.throwIfAborted()
  const file = await open(path)
  const end = offset + length
  const chunkAt = async (at: number): Promise<Uint8Array> => {
    const size = Math.min(CHUNK, end - at)
    const bytes = size === CHUNK ? await chunks.take() : allocate(size)
    let filled = 0
    for (let read = 1; read > 0 && filled < size; filled += read) {
      read = (await file.read(bytes, filled, size - filled, at + filled)).bytesRead
    }
    return bytes.subarray(0, filled)
  }
  let ahead: Promise<Uint8Array> | undefined
  try {
    for (let at = offset; at < end; at += CHUNK) {
      const bytes = await (ahead ?? chunkAt(at))
      signal?.throwIfAborted()
      ahead = at + CHUNK < end ? chunkAt(at + CHUNK) : undefined
      ahead?.catch(() => undefined)
      if (bytes.byteLength > 0) yield bytes
    }
    ahead = undefined
  } finally {
    // The handle may be closed only when no read is under way.
    await Promise.allSettled([ahead])
    await file.close()
  }
}

/** Is a file of ours exactly these bytes? Stops at the first that differ; a file that cannot be read is not. */
export async function holdsBytes(path: string, content: AsyncIterable<Uint8Array>): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    let at = 0
    for await (const bytes of content) {
      const own = new Uint8Array(bytes.byteLength)
      let filled = 0
      for (let read = 1; read > 0 && filled < own.byteLength; filled += read)
        read = (await file.read(own, filled, own.byteLength - filled, at + filled)).bytesRead
      if (filled < own.byteLength || Buffer.compare(own, bytes) !== 0) return false
      at += filled
    }
    return (await file.stat()).size === at
  } finally {
    await file.close()
  }
}
