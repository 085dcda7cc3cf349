import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Aead, chosenAead, nodeAead, sodiumAead } from '../../../src/format/aead.ts'
import { noise } from './pieces.ts'

const sodium = await sodiumAead()
const paths: readonly Aead[] = [nodeAead, sodium]
const key = noise(32, 'key')
const nonce = noise(12, 'nonce')

describe('bulk ChaCha20-Poly1305', () => {
  it.each([0, 1, 15, 16, 63, 64, 65, 4_096, 65_535, 65_536])('gives the same bytes on node:crypto and libsodium for %i bytes', (length) => {
    const plaintext = noise(length, `plaintext ${length}`)
    const [a, b] = paths.map((aead) => {
      const out = new Uint8Array(length + 16)
      aead.keyed(key).seal(nonce, plaintext, out)
      return out
    })
    expect(a).toEqual(b)
    for (const aead of paths) {
      const opened = new Uint8Array(length)
      expect(aead.keyed(key).open(nonce, a as Uint8Array, opened)).toBe(true)
      expect(opened).toEqual(plaintext)
    }
  })

  it.each(paths.map((aead) => [aead.name, aead] as const))('writes into the memory it is given and nowhere else (%s)', (_, aead) => {
    const memory = new Uint8Array(200).fill(7)
    aead.keyed(key).seal(nonce, noise(50), memory.subarray(100))
    expect(memory.subarray(0, 100).every((byte) => byte === 7)).toBe(true)
    expect(memory.subarray(166).every((byte) => byte === 7)).toBe(true)
  })

  it.each(paths.map((aead) => [aead.name, aead] as const))(
    'opens nothing that was changed, and leaves the memory alone (%s)',
    (_, aead) => {
      const whole = new Uint8Array(1_016)
      aead.keyed(key).seal(nonce, noise(1_000), whole)
      const target = new Uint8Array(1_000)
      for (let round = 0; round < 200; round++) {
        const bent = whole.slice()
        const bit = round < 128 ? 8_000 + round : randomInt(8_000)
        bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(aead.keyed(key).open(nonce, bent, target)).toBe(false)
      }
      expect(aead.keyed(key).open(noise(12, 'other'), whole, target)).toBe(false)
      for (const length of [0, 1, 15, 16, 1_015]) expect(aead.keyed(key).open(nonce, whole.subarray(0, length), target)).toBe(false)
      expect(target.every((byte) => byte === 0)).toBe(true)
    },
  )

  it('runs on node:crypto here', async () => {
    expect((await chosenAead()).name).toBe('node')
  })
})
