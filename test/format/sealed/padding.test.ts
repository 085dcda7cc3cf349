import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSealed } from '../../../src/format/open.ts'
import { padmeLength, unpadded } from '../../../src/format/padding.ts'
import type { Sealed } from '../../../src/format/seal.ts'
import { alice, sealed } from './keys.ts'
import { bytesOf, noise, pieces } from './pieces.ts'

/** The formula as the paper has it, in integers. */
function padmeOfThePaper(length: bigint): bigint {
  const bits = (value: bigint) => BigInt(value.toString(2).length)
  const exponent = bits(length) - 1n
  const kept = bits(exponent)
  const zeroes = exponent - kept
  const mask = zeroes > 0n ? (1n << zeroes) - 1n : 0n
  return (length + mask) & ~mask
}

describe('Padmé lengths', () => {
  it('are those of the paper', () => {
    expect([0, 1, 2, 3, 8, 9, 10, 100, 1_000, 1_000_000].map(padmeLength)).toEqual([0, 1, 2, 3, 8, 10, 10, 104, 1_024, 1_015_808])
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 2, max: 100_000 }), fc.integer({ min: 2, max: 2 ** 50 })), (length) => {
        expect(padmeLength(length)).toBe(Number(padmeOfThePaper(BigInt(length))))
      }),
    )
    for (let exponent = 2; exponent < 50; exponent++) {
      for (const length of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        expect(padmeLength(length), `${length}`).toBe(Number(padmeOfThePaper(BigInt(length))))
      }
    }
  })

  it('never shrink, never add 12 % or more, and are their own padding', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (length) => {
        const padded = padmeLength(length)
        expect(padded).toBeGreaterThanOrEqual(length)
        expect(padded).toBeLessThan(length * 1.12 + 1)
        expect(padmeLength(padded)).toBe(padded)
      }),
    )
  })
})

describe('a padded file', () => {
  it.each([0, 1, 1_000, 970_000, 1_000_000, 3_000_001])(
    'of %i bytes opens to the content and zeros, and loses them when its length is known',
    async (size) => {
      const content = noise(size)
      let told: Sealed | undefined
      const file = await sealed(content, {
        padding: 'padme',
        onSealed: (facts) => {
          told = facts
        },
      })
      expect(told?.contentLength).toBe(size)
      const opened = await bytesOf(openSealed(pieces(file, 500_000), [alice.identity]))
      expect(opened.byteLength).toBe(padmeLength(size))
      expect(opened.subarray(0, size).equals(content)).toBe(true)
      expect(opened.subarray(size).every((byte) => byte === 0)).toBe(true)
      expect((await bytesOf(unpadded(openSealed(pieces(file, 500_000), [alice.identity]), size))).equals(content)).toBe(true)
    },
  )

  it('has the same length as any other file that is padded to it', async () => {
    const [a, b] = [await sealed(noise(1_000_001), { padding: 'padme' }), await sealed(noise(1_015_808), { padding: 'padme' })]
    expect(a.byteLength).toBe(b.byteLength)
  })

  it('is refused when more than zeros follows, or when it is shorter than it is said to be', async () => {
    await expect(bytesOf(unpadded(pieces(Uint8Array.of(1, 2, 0, 3), 2), 2))).rejects.toMatchObject({ code: 'malformed' })
    await expect(bytesOf(unpadded(pieces(Uint8Array.of(1, 2), 2), 3))).rejects.toMatchObject({ code: 'malformed' })
  })
})
