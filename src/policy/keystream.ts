/** Unbiased numbers from a seed: what draws and permutations are made of. */
import { type Cipheriv, createCipheriv, createHash } from 'node:crypto'
import { PolicyError } from '../errors.ts'

const WORD_BYTES = 6
const WORD_RANGE = 2 ** (8 * WORD_BYTES)
const BUFFER_BYTES = 128 * WORD_BYTES

/** Unbiased numbers below a bound, from the ChaCha20 keystream of the seed; words in the uneven tail of the range are rejected. */
export function uniform(seed: Uint8Array): (bound: number) => number {
  const zeros = Buffer.alloc(BUFFER_BYTES)
  let cipher: Cipheriv | undefined
  let words = Buffer.alloc(0)
  let at = 0
  return (bound) => {
    if (bound > WORD_RANGE) throw new PolicyError('invalid', `cannot draw from ${bound} blocks; the most is ${WORD_RANGE}`)
    const limit = WORD_RANGE - (WORD_RANGE % bound)
    for (;;) {
      if (at === words.byteLength) {
        cipher ??= createCipheriv('chacha20', derived(seed, 'draw'), Buffer.alloc(16))
        words = cipher.update(zeros)
        at = 0
      }
      const word = words.readUIntBE(at, WORD_BYTES)
      at += WORD_BYTES
      if (word < limit) return word % bound
    }
  }
}

/** One seed, several independent streams. */
export function derived(seed: Uint8Array, purpose: string): Uint8Array {
  return createHash('sha256').update(`perdure ${purpose} `).update(seed).digest()
}
