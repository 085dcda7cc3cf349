import { describe, expect, it } from 'vitest'
import { run } from '../../bench/simulate/run.ts'
import { explain, runSeeds } from '../../bench/simulate/seeds.ts'

/** Half a year of faults, and as much calm afterwards as the seed's rotation needs: a year on average. `npm run simulate` lives ten. */
const YEARS = 0.5
const SEEDS = 1_000
const MINUTE = 60_000

describe('a thousand archives', () => {
  it(
    'live through every fault without breaking an invariant',
    () => {
      const tally = runSeeds(0, SEEDS, { years: YEARS })
      expect(tally.violating.map((outcome) => explain(outcome, YEARS))).toEqual([])
      expect(tally.seeds).toBe(SEEDS)
      // It was no idle life: there were faults, repairs, and floors that were broken and could be restored.
      expect(tally.faults).toBeGreaterThan(5_000)
      expect(tally.repairs).toBeGreaterThan(1_000)
      expect(tally.dips).toBeGreaterThan(50)
    },
    4 * MINUTE,
  )
})

describe('a seed', () => {
  const traced = (seed: number): readonly string[] => {
    const lines: string[] = []
    run(seed, { years: 3, trace: (line) => lines.push(line) })
    return lines
  }

  it('is the same life every time, event by event', () => {
    const first = traced(7)
    expect(first.length).toBeGreaterThan(20)
    expect(traced(7)).toEqual(first)
    expect(traced(8)).not.toEqual(first)
  })

  it('that violates something says how it is replayed', () => {
    const outcome = { ...run(7, { years: 1 }), violations: [{ invariant: 'floor' as const, at: 0, detail: 'too low' }] }
    expect(explain(outcome, 1)).toBe('seed 7: floor: too low\n  replay: npm run simulate -- --seed 7 --years 1 --trace')
  })
})
