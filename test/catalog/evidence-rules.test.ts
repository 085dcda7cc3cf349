import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Review, review, tally, tallyNothing } from '../../src/catalog/evidence-rules.ts'
import type { Verdict } from '../../src/contracts.ts'

const VERDICTS: readonly Verdict[] = ['intact', 'damaged', 'missing', 'unreachable', 'denied', 'incomplete', 'pending', 'unproven']
const rows = fc.array(fc.record({ verdict: fc.constantFrom(...VERDICTS), at: fc.nat(1_000), object: fc.nat(3) }))
const FRESH: Review = { verdict: undefined, at: 0, object: 0 }

it('silence and claims never take back a bad verdict', () => {
  const damaged = review(FRESH, { verdict: 'damaged', at: 1, object: 0 })
  for (const verdict of VERDICTS.filter((verdict) => !['intact', 'damaged', 'missing'].includes(verdict)))
    expect(review(damaged, { verdict, at: 2, object: 0 })).toEqual(damaged)
})

it("a bad verdict about one object is not taken back by another object's evidence", () => {
  const damaged = review(FRESH, { verdict: 'damaged', at: 1, object: 5 })
  expect(review(damaged, { verdict: 'intact', at: 2, object: 6 }).verdict).toBe('damaged')
  expect(review(damaged, { verdict: 'intact', at: 2, object: 5 }).verdict).toBe('intact')
  expect(review(damaged, { verdict: 'intact', at: 2, object: 0 }).verdict).toBe('intact')
  expect(review(damaged, { verdict: 'intact', at: 0, object: 0 }).verdict).toBe('damaged')
})

it('a review is never older than the last bad row about the whole pack', () => {
  fc.assert(
    fc.property(rows, (given) => {
      const sorted = [...given].sort((a, b) => a.at - b.at)
      const end = sorted.reduce(review, FRESH)
      const bad = sorted.findLastIndex(({ verdict }) => verdict === 'damaged' || verdict === 'missing')
      const acquitted = sorted.slice(bad + 1).some(({ verdict }) => verdict === 'intact')
      if (bad >= 0 && !acquitted) expect(['damaged', 'missing']).toContain(end.verdict)
      if (bad < 0) expect(['damaged', 'missing']).not.toContain(end.verdict)
    }),
  )
})

it('tallies count every row once, in any order', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...VERDICTS, ...VERDICTS], { minLength: 1 }), (verdicts) => {
      const sum = verdicts.reduce((total, verdict, index) => tally(total, { verdict, at: 100 + index }), tallyNothing)
      const count = (...of: Verdict[]) => verdicts.filter((verdict) => of.includes(verdict)).length
      expect(sum).toEqual({
        checks: verdicts.length,
        intact: count('intact'),
        damaged: count('damaged'),
        missing: count('missing'),
        silent: count('unreachable', 'denied', 'incomplete'),
        firstAt: 100,
        lastAt: 99 + verdicts.length,
      })
    }),
  )
})
