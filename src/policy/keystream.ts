/** Unbiased numbers from a seed: what draws and permutations are made of. */
import { type Cipheriv, createCipheriv, hash } from 'node:crypto'
import { PolicyError } from '../errors.ts'

const WORD_BYTES = 6
const WORD_RANGE = 2 ** (8 * WORD_BYTES)
const ZEROS = Buffer.alloc(128 * WORD_BYTES)
const NONCE = Buffer.alloc(16)

/** Unbiased numbers below a bound, from the ChaCha20 keystream of the seed; words in the uneven tail of the range are rejected. */
export function uniform(seed: Uint8Array): (bound: number) => number {
  let cipher: Cipheriv | undefined
  let words = ZEROS.subarray(0, 0)
  let at = 0
  return (bound) => {
    if (bound > WORD_RANGE) throw new PolicyError('invalid', `cannot draw from ${bound} blocks; the most is ${WORD_RANGE}`)
    const limit = WORD_RANGE - (WORD_RANGE % bound)
    for (;;) {
      if (at === words.byteLength) {
        cipher ??= createCipheriv('chacha20', derived(seed, 'draw'), NONCE)
        words = cipher.update(ZEROS)
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
  return hash('sha256', Buffer.concat([Buffer.from(`perdure ${purpose} `), seed]), 'buffer')
}
