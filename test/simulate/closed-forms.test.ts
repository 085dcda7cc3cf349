import { describe, expect, it } from 'vitest'
import { detectionFigures, type Figure } from '../../bench/simulate/figures.ts'
import { lifetimes } from '../../bench/simulate/lifetimes.ts'
import { withoutStacks } from '../../bench/simulate/stacks.ts'
import { mttdlYears } from '../../src/policy/durability.ts'

const MINUTE = 60_000

describe('what the simulator measures', () => {
  it(
    'agrees with the birth–death chain within 5 %, over thousands of archive-years',
    () => {
      const model = { copies: 3, failuresPerYear: 2, repairDays: 30 }
      const { meanYears, years } = withoutStacks(() => lifetimes(model, { trials: 1_000, seed: 1 }))
      expect(years).toBeGreaterThan(9_000)
      expect(Math.abs(meanYears / mttdlYears(model) - 1)).toBeLessThan(0.05)
    },
    2 * MINUTE,
  )

  it('shows what a common cause does to any number of copies', () => {
    const model = { copies: 5, failuresPerYear: 0.5, repairDays: 5, commonCausePerYear: 0.5 }
    const { meanYears } = lifetimes(model, { trials: 400, seed: 3 })
    expect(meanYears).toBeLessThan(2.3)
    expect(mttdlYears(model)).toBeCloseTo(2, 3)
  })

  it(
    'agrees with the arithmetic of detection within one percentage point',
    () => {
      const figures: Figure[] = []
      withoutStacks(() => detectionFigures(20_000, (figure) => figures.push(figure)))
      expect(figures.length).toBeGreaterThan(4)
      expect(figures.filter(({ met }) => !met)).toEqual([])
    },
    2 * MINUTE,
  )
})
