/** Length padding: zero bytes after the content, so that the size of a sealed file tells less about what is in it. */

import { allocate } from '../bytes/pool.ts'
import { FormatError } from '../errors.ts'

/** `padme`: to the next Padmé length, at most 12 % more and less than that for larger files. */
export type Padding = 'none' | 'padme'

/** Zeros are written in pieces of this many bytes. */
const PIECE_BYTES = 65_536

/**
 * The padded length of `byteLength` bytes (Padmé, PURBs, Nikitin et al. 2019): lengths keep only as many leading bits as their magnitude needs, so
 * all files up to L bytes share O(log log L) bits of difference.
 */
export function padmeLength(byteLength: number): number {
  if (byteLength < 2) return byteLength
  const exponent = Math.floor(Math.log2(byteLength))
  const kept = Math.floor(Math.log2(exponent || 1)) + 1
  const step = 2 ** Math.max(0, exponent - kept)
  return Math.ceil(byteLength / step) * step
}

/** Passes chunks on and appends zeros up to the padded length; `onEnd` is told the content's own length, which must be kept elsewhere. */
export async function* padded(
  chunks: AsyncIterable<Uint8Array>,
  padding: Padding,
  onEnd: (contentLength: number) => void,
): AsyncGenerator<Uint8Array> {
  let contentLength = 0
  for await (const chunk of chunks) {
    contentLength += chunk.byteLength
    yield chunk
  }
  onEnd(contentLength)
  if (padding === 'none') return
  for (let rest = padmeLength(contentLength) - contentLength; rest > 0; rest -= PIECE_BYTES) {
    yield allocate(Math.min(rest, PIECE_BYTES)).fill(0)
  }
}

/**
 * The first `contentLength` bytes of a padded stream. What follows is read to its end, so that it is authenticated too, and must be zero. Throws
 * `malformed` when it is not, or when the stream is shorter.
 */
export async function* unpadded(chunks: AsyncIterable<Uint8Array>, contentLength: number): AsyncGenerator<Uint8Array> {
  let rest = contentLength
  for await (const chunk of chunks) {
    const content = chunk.subarray(0, rest)
    rest -= content.byteLength
    if (chunk.subarray(content.byteLength).some((byte) => byte !== 0)) {
      throw new FormatError('malformed', `there is more than padding after the ${contentLength} bytes that the file is said to have`)
    }
    if (content.byteLength > 0) yield content
  }
  if (rest > 0) throw new FormatError('malformed', `the file is ${rest} bytes shorter than it is said to be`)
}
