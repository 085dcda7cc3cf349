/** Streams cut in different ways, and what came out of one before it ended or failed. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import type { Random } from '../../../src/contracts/options.ts'

/** The system's randomness. */
export const random: Random = (byteLength) => new Uint8Array(randomBytes(byteLength))

/** The same bytes for the same seed: only for golden vectors and reproducible tests. */
export function fixedRandom(seed: string): Random {
  const cipher = createCipheriv('chacha20', createHash('sha256').update(seed).digest(), Buffer.alloc(16))
  return (byteLength) => new Uint8Array(cipher.update(Buffer.alloc(byteLength)))
}

/** Reproducible bytes without structure. */
export const noise = (byteLength: number, seed = 'noise'): Uint8Array => fixedRandom(seed)(byteLength)

/** A stream of pieces whose sizes go round. */
export async function* pieces(bytes: Uint8Array, ...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let index = 0
  for (let from = 0; from < bytes.byteLength; ) {
    const size = sizes[index++ % sizes.length] ?? bytes.byteLength
    yield bytes.slice(from, from + size)
    from += size
  }
}

export const whole = (bytes: Uint8Array): AsyncIterable<Uint8Array> => pieces(bytes, Math.max(1, bytes.byteLength))

/** One byte at a time; of a long stream only where things happen, at its start and its end. */
export async function* bytewise(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const edge = bytes.byteLength > 200_000 ? 2_000 : bytes.byteLength
  yield* pieces(bytes.subarray(0, edge), 1)
  yield* pieces(bytes.subarray(edge, bytes.byteLength - edge), 65_551)
  if (edge < bytes.byteLength) yield* pieces(bytes.subarray(bytes.byteLength - edge), 1)
}

export interface Outcome {
  readonly bytes: Buffer
  readonly error: unknown
}

/** Everything a stream yields up to its end or its error. */
export async function drained(stream: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const parts: Uint8Array[] = []
  try {
    for await (const part of stream) parts.push(part.slice())
    return { bytes: Buffer.concat(parts), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(parts), error }
  }
}

/** Everything a stream yields; fails as it fails. */
export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const { bytes, error } = await drained(stream)
  if (error !== undefined) throw error
  return bytes
}
