import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Drawable, sampled } from '../../src/policy/sampling.ts'

async function* pages(items: readonly Drawable[], size = 7) {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
const seedOf = (nth: number) => createHash('sha256').update(`${nth}`).digest()
const ids = (count: number, weight: (id: number) => number = () => 1) =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, weight: weight(index + 1) }))

describe('drawing some of many', () => {
  it('is the same for the same seed, in whatever pages the items come, and draws nothing twice', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 90 }),
        fc.nat(),
        fc.integer({ min: 1, max: 30 }),
        async (total, count, seed, size) => {
          const drawn = await sampled(pages(ids(total)), { seed: seedOf(seed), count })
          expect(drawn).toEqual(await sampled(pages(ids(total).toReversed(), size), { seed: seedOf(seed), count }))
          expect(new Set(drawn).size).toBe(Math.min(total, count))
        },
      ),
    ))

  it('is uniform with equal weights, within four standard deviations', async () => {
    const counts = new Map<number, number>()
    for (let nth = 0; nth < 1_000; nth++)
      for (const id of await sampled(pages(ids(20)), { seed: seedOf(nth), count: 5 })) counts.set(id, (counts.get(id) ?? 0) + 1)
    const deviation = Math.sqrt(1_000 * 0.25 * 0.75)
    for (const [, times] of counts) expect(Math.abs(times - 250)).toBeLessThan(4 * deviation)
  })

  it('goes by weight: of one and a thousand million, the first drawn is nearly always the heavy one, and nothing that weighs nothing', async () => {
    let heavy = 0
    for (let nth = 0; nth < 500; nth++) {
      const [first] = await sampled(
        pages([
          { id: 1, weight: 1 },
          { id: 2, weight: 1e9 },
          { id: 3, weight: 0 },
        ]),
        { seed: seedOf(nth), count: 3 },
      )
      if (first === 2) heavy++
    }
    expect(heavy).toBe(500)
    expect(await sampled(pages([{ id: 3, weight: 0 }]), { seed: seedOf(1), count: 3 })).toEqual([])
  })

  it('draws the first in proportion to the weights', async () => {
    let first = 0
    for (let nth = 0; nth < 4_000; nth++)
      if (
        (
          await sampled(
            pages([
              { id: 1, weight: 3 },
              { id: 2, weight: 1 },
            ]),
            { seed: seedOf(nth), count: 1 },
          )
        )[0] === 1
      )
        first++
    expect(Math.abs(first - 3_000)).toBeLessThan(4 * Math.sqrt(4_000 * 0.75 * 0.25))
  })
})
