/** Bytes that are cheap to make, and streams of them. */
import { createCipheriv, createHash } from 'node:crypto'

/** The same for the same seed; a shorter one is the beginning of a longer one. */
export function noise(byteLength: number, seed = 'noise'): Buffer {
  const cipher = createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16))
  return cipher.update(Buffer.alloc(byteLength))
}

/** Pieces of the given sizes, taken in turn until all bytes are out. */
export async function* piecesOf(bytes: Uint8Array, sizes: readonly number[] = [65_536]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.byteLength
    yield bytes.subarray(at, at + size)
    at += size
  }
}
