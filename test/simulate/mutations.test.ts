import { describe, expect, it } from 'vitest'
import { INVARIANTS } from '../../bench/simulate/checker.ts'
import { MUTATIONS } from '../../bench/simulate/mutations.ts'
import { run } from '../../bench/simulate/run.ts'
import { runSeeds, type Tally } from '../../bench/simulate/seeds.ts'

/** Within so many seeds each mistake is found. */
const SEEDS = 250
const YEARS = 2
const MINUTE = 60_000

describe('the checker', () => {
  it.each(Object.entries(MUTATIONS))(
    'notices: %s',
    (_, { rules, breaks }) => {
      const isFound = ({ violating }: Tally) =>
        violating.some(({ violations }) => violations.some(({ invariant }) => breaks.includes(invariant)))
      const tally = runSeeds(0, SEEDS, { years: YEARS, rules, enough: isFound })
      expect(isFound(tally), `${tally.seeds} seeds lived through it`).toBe(true)
      // And it is the mistake that is noticed, not the seed.
      const [seed = -1] = tally.violating.slice(-1).map((outcome) => outcome.seed)
      expect(run(seed, { years: YEARS }).violations).toEqual([])
    },
    2 * MINUTE,
  )

  it('has a mistake for every invariant that a policy alone can break', () => {
    const broken = new Set(Object.values(MUTATIONS).flatMap(({ breaks }) => breaks))
    expect(INVARIANTS.filter((invariant) => !broken.has(invariant))).toEqual([])
  })
})
