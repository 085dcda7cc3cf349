import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeParts, encodeParts, permutation, type RotationState, rotate } from '../../src/policy/rotation.ts'

/** Fresh seeds that can be told again. */
function seeds(name = '') {
  let made = 0
  const random = () => new Uint8Array(createHash('sha256').update(`rotation ${name} ${made++}`).digest())
  return { random, made: () => made }
}

describe('a rotation', () => {
  it('reads every block exactly once per round, whatever the sizes of the audits and the interruptions', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 150 }), dies: fc.boolean() }), { minLength: 1, maxLength: 40 }),
        (population, audits) => {
          const { random } = seeds()
          const reads = new Map<string, Map<number, number>>()
          let state: RotationState | undefined
          for (const { count, dies } of audits) {
            const { indexes, next, parts } = rotate(state, { population, count, random })
            expect(indexes).toHaveLength(Math.min(count, population))
            expect(new Set(indexes).size).toBe(indexes.length)
            // Killed before its evidence was kept: nothing was read as far as anybody knows.
            if (dies) continue
            for (const part of parts) {
              const key = Buffer.from(part.seed).toString('hex')
              const round = reads.get(key) ?? new Map<number, number>()
              reads.set(key, round)
              for (const block of permutation(part.seed, population).subarray(part.from, part.from + part.count))
                round.set(block, (round.get(block) ?? 0) + 1)
            }
            state = next
          }
          const rounds = [...reads.values()]
          for (const round of rounds) expect([...round.values()].every((times) => times === 1)).toBe(true)
          // All but the last round are complete before the next one begins.
          for (const round of rounds.slice(0, -1)) expect(round.size).toBe(population)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('asks the same blocks again after a death, since its place moves only with the evidence', () => {
    const { random } = seeds()
    const { next } = rotate(undefined, { population: 500, count: 20, random })
    const again = () => rotate(next, { population: 500, count: 20, random }).indexes
    expect(again()).toEqual(again())
  })

  it('takes a new seed for every round, and another order with it', () => {
    const { random, made } = seeds()
    let state: RotationState | undefined
    const orders: string[] = []
    for (let round = 0; round < 4; round++) {
      const order: number[] = []
      for (let audit = 0; audit < 10; audit++) {
        const rotated = rotate(state, { population: 100, count: 10, random })
        order.push(...rotated.indexes)
        state = rotated.next
      }
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index))
      orders.push(order.join())
    }
    expect([state?.round, made()]).toEqual([4, 4])
    expect(new Set(orders).size).toBe(4)
  })

  it('reads full audits over the end of a round, a block of both rounds once', () => {
    const { random } = seeds('end')
    const { next } = rotate(undefined, { population: 30, count: 25, random })
    const { indexes, next: later, parts } = rotate(next, { population: 30, count: 25, random })
    expect(indexes).toHaveLength(25)
    expect(parts.map(({ from }) => from)).toEqual([25, 0])
    expect(later.round).toBe(2)
  })

  it('leaves enough in the evidence to tell which blocks it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 8 }), (population, counts) => {
        const { random } = seeds('evidence')
        let state: RotationState | undefined
        for (const count of counts) {
          const { indexes, next, parts } = rotate(state, { population, count, random })
          expect(decodeParts(encodeParts(parts), population)).toEqual(indexes)
          state = next
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('its permutation', () => {
  it('holds every block once and is told by the seed alone', () => {
    const seed = seeds().random()
    const order = permutation(seed, 32_768)
    expect(new Set(order).size).toBe(32_768)
    expect(permutation(seed, 32_768)).toEqual(order)
  })

  it('gives each block each place equally often', () => {
    const { random } = seeds('fair')
    const counts = Array.from({ length: 36 }, () => 0)
    for (let run = 0; run < 6_000; run++)
      for (const [place, block] of permutation(random(), 6).entries()) counts[6 * place + block] = (counts[6 * place + block] ?? 0) + 1
    const chi = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)
    // 25 degrees of freedom: 99.9 % stay below 52.6; these seeds are fixed.
    expect(chi).toBeLessThan(52.6)
  })
})
