/**
 * Fr32 padding of Filecoin pieces: two zero bits after every 254, so that each 32 bytes are an element of the field that proofs are made over.
 * https://spec.filecoin.io/#section-systems.filecoin_files.piece
 */

/** Four elements carry so many bytes, and take `QUAD_PADDED` of them. */
export const QUAD_BYTES = 127
export const QUAD_PADDED = 128
/** Least that falls on whole words on both sides. */
export const STRIDE_BYTES = 4 * QUAD_BYTES
export const STRIDE_PADDED = 4 * QUAD_PADDED

const WORDS_IN = STRIDE_BYTES / 4
const WORDS_OUT = STRIDE_PADDED / 4
const FRAMES = 16
const FRAME_BITS = 254
const LAST_WORD = 0x3fffffff

/** As many strides as the words hold. On a machine with little-endian words, which is every one that Node is released for but IBM's. */
export function padFr32(from: Uint32Array, to: Uint32Array): void {
  const strides = from.length / WORDS_IN
  for (let stride = 0; stride < strides; stride++)
    for (let frame = 0; frame < FRAMES; frame++) {
      const bit = frame * FRAME_BITS
      const shift = bit & 31
      let at = stride * WORDS_IN + (bit >>> 5)
      let out = stride * WORDS_OUT + frame * 8
      if (shift === 0) {
        for (let word = 0; word < 7; word++) to[out++] = from[at++] as number
        to[out] = (from[at] as number) & LAST_WORD
        continue
      }
      let word = from[at] as number
      for (let count = 0; count < 8; count++) {
        const next = from[++at] as number
        to[out++] = (word >>> shift) | (next << (32 - shift))
        word = next
      }
      to[out - 1] = (to[out - 1] as number) & LAST_WORD
    }
}
