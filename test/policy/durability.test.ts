import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CopiesModel, detectionDays, lossUnattended, lossWithin, mttdlYears } from '../../src/policy/durability.ts'

const model = (more: Partial<CopiesModel> = {}): CopiesModel => ({ copies: 3, failuresPerYear: 2, repairDays: 30, ...more })

const models = fc.record({
  copies: fc.integer({ min: 1, max: 8 }),
  failuresPerYear: fc.double({ min: 0.001, max: 10, noNaN: true }),
  repairDays: fc.double({ min: 0.01, max: 400, noNaN: true }),
  commonCausePerYear: fc.double({ min: 1e-6, max: 2, noNaN: true }),
})

describe('mean time to data loss', () => {
  it('is 10.63 years for three copies that are lost twice a year and repaired in thirty days', () => {
    expect(mttdlYears(model())).toBeCloseTo(10.63, 2)
  })

  it('counts the days until a loss is noticed like days of repair', () => {
    expect(mttdlYears(model({ repairDays: 20, detectionDays: 10 }))).toBe(mttdlYears(model()))
  })

  it('without repair is the time until the last of the copies goes', () => {
    expect(mttdlYears(model({ repairDays: Number.POSITIVE_INFINITY }))).toBeCloseTo(1 / 6 + 1 / 4 + 1 / 2, 12)
  })

  it('of one copy is one over its rate, however fast repair is: there is nothing to repair from', () => {
    expect(mttdlYears(model({ copies: 1, failuresPerYear: 0.1, repairDays: 1 }))).toBeCloseTo(10, 12)
  })

  it('agrees with the textbook form for two copies', () => {
    const repair = 365 / 30
    expect(mttdlYears(model({ copies: 2 }))).toBeCloseTo((3 * 2 + repair) / (2 * 2 * 2), 10)
  })

  it('is never more than a common cause allows, and any number of copies only comes near it', () => {
    fc.assert(
      fc.property(models, (given) => {
        const years = mttdlYears(given)
        expect(years).toBeGreaterThan(0)
        expect(years).toBeLessThanOrEqual((1 / given.commonCausePerYear) * (1 + 1e-12))
        expect(years).toBeLessThanOrEqual(mttdlYears({ ...given, commonCausePerYear: 0 }) * (1 + 1e-9))
      }),
    )
    expect(mttdlYears(model({ copies: 40, failuresPerYear: 0.1, repairDays: 1, commonCausePerYear: 0.01 }))).toBeCloseTo(100, 6)
  })

  it('keeps its digits when repair is a million times faster than loss', () => {
    // Three copies, lost every thousand years, repaired within the hour: μ² / 3λ³ to the first order, 2 of both μ since repairs run side by side.
    const [loss, repair] = [0.001, 365 * 24]
    const years = mttdlYears({ copies: 3, failuresPerYear: loss, repairDays: 1 / 24 })
    expect(years / ((2 * repair * repair) / (6 * loss ** 3))).toBeCloseTo(1, 5)
  })

  it('grows with copies and with the speed of repair', () => {
    fc.assert(
      fc.property(models, (given) => {
        expect(mttdlYears({ ...given, copies: given.copies + 1 })).toBeGreaterThanOrEqual(mttdlYears(given) * (1 - 1e-9))
        expect(mttdlYears({ ...given, repairDays: given.repairDays / 2 })).toBeGreaterThanOrEqual(mttdlYears(given) * (1 - 1e-9))
      }),
    )
  })

  it('is endless only where nothing fails', () => {
    expect(mttdlYears(model({ failuresPerYear: 0 }))).toBe(Number.POSITIVE_INFINITY)
    expect(mttdlYears(model({ failuresPerYear: 0, commonCausePerYear: 0.5 }))).toBe(2)
  })

  it.each([
    ['copies', 0],
    ['copies', 1.5],
    ['failuresPerYear', -1],
    ['repairDays', Number.NaN],
    ['commonCausePerYear', -0.1],
  ])('refuses %s %s', (field, value) => {
    expect(() => mttdlYears(model({ [field]: value }))).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})

describe('the chance of loss', () => {
  it('unattended is that of the last copy, and of a common cause', () => {
    expect(lossUnattended(1, { copies: 1, failuresPerYear: 0.5 })).toBeCloseTo(1 - Math.exp(-0.5), 12)
    expect(lossUnattended(1, { copies: 3, failuresPerYear: 0.5 })).toBeCloseTo((1 - Math.exp(-0.5)) ** 3, 12)
    expect(lossUnattended(1, { copies: 9, failuresPerYear: 0.5, commonCausePerYear: 1 })).toBeGreaterThan(1 - Math.exp(-1))
  })

  it('within some years follows from the mean', () => {
    expect(lossWithin(mttdlYears(model()), model())).toBeCloseTo(1 - Math.exp(-1), 12)
    expect(lossWithin(0, model())).toBe(0)
  })
})

describe('the days until a loss is noticed', () => {
  it('are half an interval for a copy that is gone, and an interval more for each challenge that misses', () => {
    expect(detectionDays({ everyDays: 20 })).toBe(10)
    expect(detectionDays({ everyDays: 20, detection: 0.5 })).toBe(30)
    expect(detectionDays({ everyDays: 20, patienceDays: 3 })).toBe(13)
    expect(() => detectionDays({ everyDays: 20, detection: 0 })).toThrow(/detection is 0/)
  })
})
