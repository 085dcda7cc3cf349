import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SurveyProbe } from '../../src/contracts/catalog-audit.ts'
import { confidenceOf, detection, samplesFor } from '../../src/policy/challenge.ts'
import { drawSurvey, findingOf, lossBound, percent, settle, tallyProbes } from '../../src/policy/survey.ts'
import { DAY, NOW } from './fixtures.ts'

const seedOf = (run: number) => createHash('sha256').update(`survey ${run}`).digest()
const GOAL = { confidence: 0.99, loss: 0.01 }

describe('20,000 seeded surveys', () => {
  const RUNS = 20_000
  // Packs as unequal as they come: of 1 to 4,096 blocks.
  const packs = Array.from({ length: 60 }, (_, index) => 1 + ((index * 2_654_435_761) % 512) * (index % 8 === 0 ? 8 : 1))
  const starts = packs.map((_, index) => packs.slice(0, index).reduce((sum, size) => sum + size, 0))
  const population = packs.reduce((sum, size) => sum + size, 0)
  const packAt = (block: number) => {
    let pack = packs.length - 1
    while ((starts[pack] ?? 0) > block) pack--
    return pack
  }
  /** What a vault may have lost: blocks chosen by somebody who wants it not to be noticed, rot anywhere, and a pack at once. */
  const losses: readonly { readonly name: string; readonly lost: ReadonlySet<number> }[] = [
    { name: 'the first 1 % of all blocks', lost: new Set(Array.from({ length: Math.ceil(population * 0.01) }, (_, index) => index)) },
    { name: 'every 500th block', lost: new Set(Array.from({ length: Math.ceil(population / 500) }, (_, index) => 500 * index)) },
    { name: 'the last block of each pack', lost: new Set(packs.map((size, index) => (starts[index] ?? 0) + size - 1)) },
    { name: 'a lost pack', lost: new Set(Array.from({ length: packs[7] ?? 0 }, (_, index) => (starts[7] ?? 0) + index)) },
    { name: 'half a pack, scattered', lost: new Set(Array.from({ length: 10 }, (_, index) => (starts[8] ?? 0) + 3 * index)) },
  ]

  const met = losses.map(() => 0)
  const perPack = packs.map(() => 0)
  const draws = samplesFor(GOAL)
  beforeAll(() => {
    for (let run = 0; run < RUNS; run++) {
      const drawn = drawSurvey({ seed: seedOf(run), goal: GOAL, population })
      for (const [index, { lost }] of losses.entries()) if (drawn.some((block) => lost.has(block))) met[index] = (met[index] ?? 0) + 1
      if (run % 10 === 0) for (const block of drawn) perPack[packAt(block)] = (perPack[packAt(block)] ?? 0) + 1
    }
  }, 300_000)

  it.each(losses.map(({ name }, index) => [name, index] as const))('notice %s as often as the closed form says', (_, index) => {
    const lost = losses[index]?.lost.size ?? 0
    const closed = detection({ population, lost, draws })
    expect(Math.abs((met[index] ?? 0) / RUNS - closed)).toBeLessThan(0.01)
  })

  it('ask every pack in proportion to its blocks (chi-square, 59 degrees of freedom)', () => {
    const total = (RUNS / 10) * draws
    const chi = perPack.reduce((sum, count, index) => {
      const expected = (total * (packs[index] ?? 0)) / population
      return sum + (count - expected) ** 2 / expected
    }, 0)
    // 99.9 % of fair draws stay below 98.3; these seeds are fixed.
    expect(chi).toBeLessThan(98.3)
  })
})

describe('what a survey states', () => {
  const tally = { intact: 459, damaged: 0, missing: 0, silent: 0, unasked: 0, gone: 0 }

  it('is the goal, exactly, when all draws were intact, and more for a small vault', () => {
    const large = findingOf(tally, { goal: GOAL, population: 50_000_000 })
    expect(large.statement).toBe(
      "With 99.007 % confidence fewer than 1 % of the vault's blocks were lost at that time (459 of 50000000 drawn, all intact).",
    )
    expect(large.bound).toBe(0.01)
    const small = findingOf(tally, { goal: GOAL, population: 1_000 })
    expect(small.confidence).toBeCloseTo(detection({ population: 1_000, lost: 10, draws: 459 }), 12)
    expect(small.confidence).toBeGreaterThan(large.confidence ?? 1)
  })

  it('is certain only when every block was read', () => {
    expect(findingOf({ ...tally, intact: 40 }, { goal: GOAL, population: 40 })).toMatchObject({ confidence: 1, bound: 1 / 40 })
  })

  it('is nothing while a question is open, however many were answered', () => {
    for (const open of [{ silent: 1 }, { unasked: 1 }]) {
      const finding = findingOf({ ...tally, intact: 458, ...open }, { goal: GOAL, population: 1e6 })
      expect(finding).toEqual({ statement: expect.stringMatching(/Nothing is stated yet/) })
    }
  })

  it('is less when blocks have left the vault since: they are not counted as intact', () => {
    const finding = findingOf({ ...tally, intact: 400, gone: 59 }, { goal: GOAL, population: 1_000 })
    expect(finding.confidence).toBeCloseTo(confidenceOf({ draws: 400, loss: 0.01 }), 12)
    expect(findingOf({ ...tally, intact: 0, gone: 459 }, { goal: GOAL, population: 1_000 }).confidence).toBeUndefined()
  })

  it('is a bound on the loss when blocks were lost', () => {
    const finding = findingOf({ ...tally, intact: 456, damaged: 2, missing: 1 }, { goal: GOAL, population: 1e7 })
    expect(finding.statement).toMatch(/^2 damaged, 1 missing of 459 blocks drawn: with 99 % confidence fewer than 2.1\d+ % /)
    expect(finding.bound).toBeCloseTo(lossBound({ draws: 459, lost: 3, confidence: 0.99 }), 4)
  })

  it('never rounds to a stronger claim', () => {
    expect([percent(0.98999), percent(0.99999), percent(0.0123456, 'up'), percent(0.01), percent(0.0005)]).toEqual([
      '98.99 %',
      '99.999 %',
      '1.24 %',
      '1 %',
      '0.05 %',
    ])
  })
})

describe('the bound on a loss', () => {
  /** P(at most `lost` of `draws`), by the sum of products. */
  const atMost = (population: number, gone: number, draws: number, lost: number): number => {
    const choose = (n: number, k: number): number =>
      k < 0 || k > n ? 0 : Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1)
    let sum = 0
    for (let i = 0; i <= lost; i++) sum += (choose(gone, i) * choose(population - gone, draws - i)) / choose(population, draws)
    return sum
  }

  it('is the smallest number of lost blocks that the answers rule out, in small vaults to the block', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(60), fc.nat(10), (population, some, few) => {
        const draws = 1 + (some % population)
        const lost = few % (draws + 1)
        const bound = Math.round(lossBound({ draws, lost, confidence: 0.95, population }) * population)
        expect(bound).toBeGreaterThan(lost === population ? 0 : lost - 1)
        if (bound < population) expect(atMost(population, bound, draws, lost)).toBeLessThanOrEqual(0.05 + 1e-9)
        if (bound - 1 >= lost && bound <= population) expect(atMost(population, bound - 1, draws, lost)).toBeGreaterThan(0.05 - 1e-9)
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with the closed form when nothing was lost', () => {
    expect(lossBound({ draws: 459, lost: 0, confidence: 0.99 })).toBeCloseTo(1 - 0.01 ** (1 / 459), 9)
    expect(lossBound({ draws: 10, lost: 10, confidence: 0.99 })).toBe(1)
  })
})

describe('settling answers', () => {
  const probe = (number: number, given: Partial<SurveyProbe> = {}): SurveyProbe => ({
    number,
    pack: 1,
    ordinal: number,
    outcome: undefined,
    since: 0,
    tries: 0,
    ...given,
  })
  const base = { now: NOW, graceDays: 3 }

  it('contains silence, counts a try only while others answer, and gives up after the third', () => {
    const first = settle({
      ...base,
      probes: [probe(1), probe(2)],
      answers: [
        { number: 1, outcome: 'intact' },
        { number: 2, outcome: 'silent' },
      ],
    })
    expect(first).toEqual([
      { number: 1, outcome: 'intact', since: NOW, tries: 0 },
      { number: 2, outcome: 'silent', since: NOW, tries: 1 },
    ])
    const again = (tries: number, ...others: readonly { number: number; outcome: 'intact' }[]) =>
      settle({
        ...base,
        probes: [probe(2, { outcome: 'silent', since: NOW - 1, tries })],
        answers: [...others, { number: 2, outcome: 'silent' }],
      }).at(-1)
    expect(again(2)).toMatchObject({ outcome: 'silent', tries: 2 })
    expect(again(2, { number: 1, outcome: 'intact' })).toMatchObject({ outcome: 'missing', tries: 3 })
  })

  it('gives up after the grace, asked or not, but never at the first silence', () => {
    const late = { ...base, probes: [probe(1, { outcome: 'silent', since: NOW - 3 * DAY }), probe(2)] }
    expect(
      settle({
        ...late,
        answers: [
          { number: 1, outcome: 'dead' },
          { number: 2, outcome: 'dead' },
        ],
      }).map(({ outcome }) => outcome),
    ).toEqual(['silent', 'missing'])
  })

  it('takes no refusal for absence, however long it lasts', () => {
    const [settled] = settle({
      ...base,
      probes: [probe(1, { outcome: 'denied', since: NOW - 90 * DAY, tries: 9 })],
      answers: [{ number: 1, outcome: 'denied' }],
    })
    expect(settled).toEqual({ number: 1, outcome: 'denied', since: NOW - 90 * DAY, tries: 9 })
  })

  it('does not give up on a clock that was set back by a year', () => {
    const [settled] = settle({
      ...base,
      probes: [probe(1, { outcome: 'silent', since: NOW + 365 * DAY })],
      answers: [{ number: 1, outcome: 'silent' }],
    })
    expect(settled).toEqual({ number: 1, outcome: 'silent', since: NOW, tries: 0 })
  })

  it('counts refused questions as unanswered', () => {
    const outcomes = ['intact', 'damaged', 'missing', 'silent', 'denied', 'gone', undefined] as const
    expect(tallyProbes(outcomes.map((outcome) => ({ outcome })))).toEqual({
      intact: 1,
      damaged: 1,
      missing: 1,
      silent: 2,
      unasked: 1,
      gone: 1,
    })
  })
})
