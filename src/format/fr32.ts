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
const FRAMES = 16
const FRAME_BITS = 254
const FRAME_WORDS = 8
const LAST_WORD = 0x3fffffff

/** As many strides as the words hold. On a machine with little-endian words, which is every one that Node is released for but IBM's. */
export function padFr32(from: Int32Array, to: Int32Array): void {
  const strides = Math.floor(from.length / WORDS_IN)
  for (let stride = 0, out = 0; stride < strides; stride++)
    for (let frame = 0; frame < FRAMES; frame++, out += FRAME_WORDS) {
      const bit = frame * FRAME_BITS
      frameOf(from, stride * WORDS_IN + (bit >>> 5), bit & 31, to, out)
    }
}

/** 254 bits from a place within a word on, as eight words. Written out: a loop over the words takes six times as long. */
function frameOf(from: Int32Array, at: number, shift: number, to: Int32Array, out: number): void {
  const a = from[at] as number
  const b = from[at + 1] as number
  const c = from[at + 2] as number
  const d = from[at + 3] as number
  const e = from[at + 4] as number
  const f = from[at + 5] as number
  const g = from[at + 6] as number
  const h = from[at + 7] as number
  // A shift by 32 is one by none: where a frame begins with a word, nothing of the next word belongs to it.
  const left = (word: number) => (shift === 0 ? 0 : word << (32 - shift))
  to[out] = (a >>> shift) | left(b)
  to[out + 1] = (b >>> shift) | left(c)
  to[out + 2] = (c >>> shift) | left(d)
  to[out + 3] = (d >>> shift) | left(e)
  to[out + 4] = (e >>> shift) | left(f)
  to[out + 5] = (f >>> shift) | left(g)
  to[out + 6] = (g >>> shift) | left(h)
  // The last frame of a stride ends with its last word.
  const rest = shift > 2 ? left(from[at + FRAME_WORDS] as number) : 0
  to[out + 7] = ((h >>> shift) | rest) & LAST_WORD
}
