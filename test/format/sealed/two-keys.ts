/** One ChaCha20-Poly1305 ciphertext that is valid under two keys: why an AEAD alone does not say who may read what (Len, Grubbs, Ristenpart 2021). */
import { createCipheriv } from 'node:crypto'
import { noise } from './pieces.ts'

const P = 2n ** 130n - 5n
const BLOCK = 2n ** 128n

const number = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
const mod = (value: bigint) => ((value % P) + P) % P

function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * index)) & 255n))
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square))
    if (rest & 1n) result = mod(result * square)
  return result
}

/** The one-time Poly1305 key of a message. */
function oneTime(key: Uint8Array, nonce: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  const block = createCipheriv('chacha20', key, Buffer.concat([Buffer.alloc(4), nonce])).update(Buffer.alloc(32))
  return { r: number(block.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn, s: number(block.subarray(16)) }
}

/** Two ciphertext blocks and a tag, 48 bytes, that open under both keys: the first block is tried, the second solved for. */
export function validUnderBoth(a: Uint8Array, b: Uint8Array, nonce: Uint8Array): Uint8Array {
  const [one, two] = [oneTime(a, nonce), oneTime(b, nonce)]
  const lengths = BLOCK + (32n << 64n)
  const inverse = power(mod(one.r ** 2n - two.r ** 2n), P - 2n)
  const sum = (first: bigint, second: bigint, { r }: typeof one) => mod(first * r ** 3n + second * r ** 2n + lengths * r)
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const first = BLOCK + number(noise(16, `block ${attempt}`))
    for (let carry = -4n; carry <= 4n; carry++) {
      const wanted = two.s - one.s + carry * BLOCK
      const second = mod(mod(wanted - first * mod(one.r ** 3n - two.r ** 3n) - lengths * mod(one.r - two.r)) * inverse)
      if (second < BLOCK || second >= 2n * BLOCK) continue
      const tag = (sum(first, second, one) + one.s) % BLOCK
      if (tag !== (sum(first, second, two) + two.s) % BLOCK) continue
      return new Uint8Array(Buffer.concat([bytesOf(first - BLOCK), bytesOf(second - BLOCK), bytesOf(tag)]))
    }
  }
  throw new RangeError('no such ciphertext was found')
}
