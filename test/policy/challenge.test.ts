import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PolicyError } from '../../src/errors.ts'
import { confidenceOf, contain, detection, draw, planProbes, samplesFor } from '../../src/policy/challenge.ts'
import { DAY, NOW } from './fixtures.ts'

const seedOf = (number: number): Uint8Array => {
  const seed = Buffer.alloc(32)
  seed.writeUInt32BE(number)
  return seed
}

describe('audit arithmetic', () => {
  it.each([
    [0.99, 0.01, 459],
    [0.99, 0.05, 90],
    [0.99, 0.001, 4603],
    [0.95, 0.1, 29],
    [0.5, 0.5, 1],
    [0.99, 0.9, 2],
    [0.91, 0.7, 2],
    [0.9999, 0.9, 4],
  ])('needs, for confidence %d of catching a loss of %d, %i samples', (confidence, loss, samples) => {
    expect(samplesFor({ confidence, loss })).toBe(samples)
    expect(confidenceOf({ draws: samples, loss })).toBeGreaterThanOrEqual(confidence - 1e-12)
    expect(confidenceOf({ draws: samples - 1, loss })).toBeLessThan(confidence)
  })

  it.each([0, 1, -0.1, 1.5, Number.NaN])('refuses %d as a confidence or a loss', (value) => {
    expect(() => samplesFor({ confidence: value, loss: 0.1 })).toThrow(PolicyError)
    expect(() => samplesFor({ confidence: 0.9, loss: value })).toThrow(PolicyError)
  })

  it('needs 990 draws to meet one bad block in 1000 with 99 %', () => {
    expect(detection({ population: 1000, lost: 1, draws: 990 })).toBeCloseTo(0.99, 12)
  })

  it('is the product over the draws, whichever of lost and draws is larger', () => {
    const product = (n: number, t: number, c: number) =>
      1 - Array.from({ length: c }, (_, i) => Math.max(0, n - t - i) / (n - i)).reduce((a, b) => a * b, 1)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(60), fc.nat(60), (population, lost, draws) => {
        const [t, c] = [Math.min(lost, population), Math.min(draws, population)]
        expect(detection({ population, lost, draws })).toBeCloseTo(product(population, t, c), 10)
      }),
      { numRuns: 200 },
    )
  })

  it('is certain to meet a loss with more draws than intact blocks, and never meets none', () => {
    expect(detection({ population: 10, lost: 3, draws: 8 })).toBe(1)
    expect(detection({ population: 10, lost: 0, draws: 10 })).toBe(0)
  })

  it('gives more confidence for a known population than for an endless one', () => {
    expect(confidenceOf({ draws: 29, loss: 0.1, population: 100 })).toBeGreaterThan(confidenceOf({ draws: 29, loss: 0.1 }))
  })
})

describe('draw', () => {
  it('is fixed by its seed', () => {
    const options = { population: 1e9, count: 50 }
    expect(draw({ ...options, seed: seedOf(1) })).toEqual(draw({ ...options, seed: seedOf(1) }))
    expect(draw({ ...options, seed: seedOf(1) })).not.toEqual(draw({ ...options, seed: seedOf(2) }))
  })

  it('takes distinct numbers below the population, ascending, and all of it when asked for more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(300), fc.nat(400), (seed, population, count) => {
        const drawn = draw({ seed, population, count })
        expect(drawn).toHaveLength(Math.min(population, count))
        expect(new Set(drawn).size).toBe(drawn.length)
        expect(
          drawn.every(
            (value, i) => Number.isInteger(value) && value >= 0 && value < population && (i === 0 || (drawn[i - 1] ?? 0) < value),
          ),
        ).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('draws from a thousand million blocks as quickly as from a thousand', () => {
    const started = performance.now()
    for (let i = 0; i < 20; i++) expect(draw({ seed: seedOf(i), population: 1e9, count: 459 })).toHaveLength(459)
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('treats every block alike', () => {
    const [population, count, rounds] = [20, 5, 8_000]
    const hits = new Array<number>(population).fill(0)
    const pairs = new Map<string, number>()
    for (let i = 0; i < rounds; i++) {
      const drawn = draw({ seed: seedOf(i), population, count })
      for (const value of drawn) hits[value] = (hits[value] ?? 0) + 1
      const pair = `${drawn[0]} ${drawn[1]}`
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
    }
    const expected = (rounds * count) / population
    const chi = hits.reduce((sum, hit) => sum + (hit - expected) ** 2 / (expected * (1 - count / population)), 0)
    // 19 degrees of freedom: above 43.8 once in a thousand; the seeds are fixed, so this never flickers.
    expect(chi).toBeLessThan(43.8)
    // P(0 and 1 both drawn) = 5/20 · 4/19
    expect(Math.abs((pairs.get('0 1') ?? 0) / rounds - (5 / 20) * (4 / 19))).toBeLessThan(0.008)
  })

  it('favours no end of a range that does not divide its random words', () => {
    // Two thirds of 2^48: without rejection the lower half would be drawn two times out of three.
    const population = Math.floor((2 ** 48 / 3) * 2)
    let low = 0
    for (let i = 0; i < 2_000; i++) if ((draw({ seed: seedOf(i), population, count: 1 })[0] ?? 0) < population / 2) low++
    expect(Math.abs(low / 2_000 - 0.5)).toBeLessThan(0.04)
  })

  it.each([
    [256, 3, 16],
    [256, 26, 29],
    [1000, 10, 90],
  ])('finds in %i blocks with %i lost, by %i draws, as often as the formula says', (population, lost, draws) => {
    const rounds = 20_000
    let caught = 0
    for (let i = 0; i < rounds; i++) if ((draw({ seed: seedOf(i), population, count: draws })[0] ?? population) < lost) caught++
    expect(Math.abs(caught / rounds - detection({ population, lost, draws }))).toBeLessThan(0.01)
  })
})

describe('planProbes', () => {
  const packsOf = (sizes: readonly number[]) => sizes.map((blocks, id) => ({ id, blocks, lastAt: 0 }))
  const total = (plan: ReadonlyMap<number, readonly number[]>) => [...plan.values()].reduce((sum, { length }) => sum + length, 0)

  it('asks exactly as often as told, every pack at least once, no block twice', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 32 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }),
        fc.nat(80),
        (seed, sizes, extra) => {
          const count = sizes.length + extra
          const plan = planProbes({ seed, count, packs: packsOf(sizes) })
          const blocks = sizes.reduce((a, b) => a + b, 0)
          expect(total(plan)).toBe(Math.min(count, blocks))
          for (const [id, size] of sizes.entries()) {
            const probes = plan.get(id) ?? []
            expect(probes.length).toBeGreaterThanOrEqual(1)
            expect(new Set(probes).size).toBe(probes.length)
            expect(probes.every((index, i) => index >= 0 && index < size && (i === 0 || (probes[i - 1] ?? 0) < index))).toBe(true)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('asks as often of a huge object as of a small one', () => {
    expect(total(planProbes({ seed: randomBytes(32), count: 29, packs: packsOf([40, 40]) }))).toBe(29)
    expect(total(planProbes({ seed: randomBytes(32), count: 29, packs: packsOf(new Array<number>(5_000).fill(32_768)) }))).toBe(29)
  })

  it('goes to the packs with the oldest evidence when there are more packs than probes', () => {
    const packs = [50, 10, 40, 20, 30].map((lastAt, id) => ({ id, blocks: 5, lastAt }))
    expect([...planProbes({ seed: seedOf(3), count: 2, packs }).keys()].sort()).toEqual([1, 3])
  })

  it('leaves out packs without blocks of the object, and everything with a count of 0', () => {
    expect([...planProbes({ seed: seedOf(1), count: 9, packs: packsOf([0, 3]) }).keys()]).toEqual([1])
    expect(planProbes({ seed: seedOf(1), count: 0, packs: packsOf([4]) }).size).toBe(0)
  })

  it('reaches every block of every pack', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 400; i++)
      for (const [id, probes] of planProbes({ seed: seedOf(i), count: 4, packs: packsOf([6, 2, 9]) }))
        for (const at of probes) seen.add(`${id} ${at}`)
    expect(seen.size).toBe(17)
  })

  it('spreads what is left over all blocks in proportion to the packs', () => {
    let large = 0
    for (let i = 0; i < 2_000; i++) large += planProbes({ seed: seedOf(i), count: 10, packs: packsOf([91, 11]) }).get(0)?.length ?? 0
    // One certain probe, and 8 of which 90 in 100 fall into the large pack.
    expect(large / 2_000).toBeCloseTo(1 + 8 * 0.9, 1)
  })
})

describe('contain', () => {
  const silent = (...ordinals: readonly number[]) => ordinals.map((ordinal) => ({ ordinal, outcome: 'silent' as const }))
  const base = { now: NOW, graceDays: 3, othersAnswered: true }

  it('keeps a silent span for the next audit instead of drawing another', () => {
    expect(contain({ ...base, unanswered: [], results: silent(4) })).toEqual({
      stillSilent: [{ ordinal: 4, since: NOW, tries: 1 }],
      missing: [],
    })
  })

  it('counts it missing after three audits in which others answered', () => {
    let unanswered = contain({ ...base, unanswered: [], results: silent(4) }).stillSilent
    unanswered = contain({ ...base, now: NOW + 1, unanswered, results: silent(4) }).stillSilent
    expect(unanswered).toEqual([{ ordinal: 4, since: NOW, tries: 2 }])
    expect(contain({ ...base, now: NOW + 2, unanswered, results: silent(4) })).toEqual({
      stillSilent: [],
      missing: [{ ordinal: 4, since: NOW, tries: 3 }],
    })
  })

  it('uses up no try while nothing answers, only the grace', () => {
    let unanswered = contain({ ...base, othersAnswered: false, unanswered: [], results: silent(4) }).stillSilent
    for (let day = 0; day < 3; day++) {
      const found = contain({ ...base, now: NOW + day * DAY, othersAnswered: false, unanswered, results: silent(4) })
      expect(found.missing).toEqual([])
      unanswered = found.stillSilent
    }
    expect(unanswered).toEqual([{ ordinal: 4, since: NOW, tries: 0 }])
    expect(contain({ ...base, now: NOW + 3 * DAY, othersAnswered: false, unanswered, results: silent(4) }).missing).toEqual(unanswered)
  })

  it('asks at least twice, even without grace', () => {
    expect(contain({ ...base, graceDays: 0, unanswered: [], results: silent(4) }).missing).toEqual([])
  })

  it('forgets spans that answered, rightly or wrongly, and keeps those that were not asked', () => {
    const unanswered = [1, 2, 3].map((ordinal) => ({ ordinal, since: NOW - 9 * DAY, tries: 2 }))
    const results = [
      { ordinal: 1, outcome: 'intact' as const },
      { ordinal: 2, outcome: 'damaged' as const },
    ]
    expect(contain({ ...base, unanswered, results })).toEqual({ stillSilent: [unanswered[2]], missing: [] })
  })

  it('takes another number of tries', () => {
    expect(contain({ ...base, maxTries: 1, unanswered: [], results: silent(4) }).missing).toHaveLength(1)
  })
})
