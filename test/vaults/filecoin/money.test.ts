/** What a piece costs, against contracts that count for themselves. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countedBytes,
  epochAt,
  freeFor,
  missingFor,
  momentOf,
  monthly,
  needOf,
  owed,
  refusedFor,
  runwayDays,
} from '../../../src/vaults/filecoin/money.ts'
import type { Funds, Price } from '../../../src/vaults/filecoin/port.ts'
import { ALL, AT, fundsOf, MONTH, NOW, PRICE, UNIT } from './purse.ts'

const TIB = 2n ** 40n

/** As the service contract writes it: whole numbers, rounded down. */
const rateOf = ({ perTiBMonth, leastPerMonth, epochsPerMonth }: Price, leaves: bigint): bigint => {
  if (leaves === 0n) return 0n
  const bySize = (leaves * 32n * perTiBMonth) / (TIB * epochsPerMonth)
  const least = leastPerMonth / epochsPerMonth
  return bySize > least ? bySize : least
}

/** Leaves of a piece as the verifier counts them: those of its tree without those that are padding only. */
const leavesOf = (byteLength: bigint): bigint => {
  let height = 2n
  while ((127n * 2n ** height) / 4n < byteLength) height++
  const padding = (127n * 2n ** height) / 4n - byteLength
  return 2n ** height - (128n * padding) / 4064n
}

const sums = fc.bigInt(0n, 1000n * UNIT)
const prices = fc.record({
  perTiBMonth: fc.bigInt(1n, 100n * UNIT),
  leastPerMonth: fc.bigInt(0n, UNIT),
  epochsPerMonth: fc.constantFrom(1n, 7n, 86_400n, 86_399n),
  perDataSet: fc.bigInt(0n, UNIT),
})
const lengths = fc.oneof(fc.bigInt(127n, 4096n), fc.bigInt(127n, 1_065_353_216n))

describe('the size of a piece', () => {
  it('is counted as the verifier does, never as less', () => {
    fc.assert(fc.property(lengths, (byteLength) => countedBytes(Number(byteLength)) === 32n * leavesOf(byteLength)))
  })

  it.each([
    [1, 128n],
    [127, 128n],
    [128, 160n],
    [254, 256n],
    [1_065_353_216, 2n ** 30n],
  ])('of %i bytes is %i', (byteLength, counted) => expect(countedBytes(byteLength)).toBe(counted))
})

describe('what a piece needs', () => {
  it('is enough for what the contracts lock up, whatever is in the data set and however long the provider takes', () => {
    const arbitrary = fc.record({
      price: prices,
      byteLength: lengths,
      stored: fc.oneof(fc.constant(0n), fc.bigInt(0n, 10n ** 9n)),
      isNew: fc.boolean(),
      others: fc.bigInt(0n, 10n ** 14n),
      slack: fc.oneof(fc.bigInt(-3n, 3n), sums),
      late: fc.bigInt(0n, 60n),
    })
    fc.assert(
      fc.property(arbitrary, ({ price, byteLength, stored, isNew, others, slack, late }) => {
        const before = isNew ? 0n : rateOf(price, stored)
        const ratePerEpoch = before + others
        const lockupPeriod = price.epochsPerMonth
        const need = needOf(price, Number(byteLength), isNew ? 'new' : { ratePerEpoch: before, lockupPeriod })
        const edge = freeFor(fundsOf({ ratePerEpoch }), need) + slack
        const available = edge > 0n ? edge : 0n
        const funds = fundsOf({ available, ratePerEpoch, fundedUntil: ratePerEpoch === 0n ? undefined : NOW + available / ratePerEpoch })
        expect(missingFor(funds, need, NOW) > 0n).toBe(slack < 0n)
        if (slack < 0n) return
        // Meanwhile what was stored before is paid for.
        let free = available - ratePerEpoch * late
        if (isNew) {
          const least = (price.leastPerMonth * lockupPeriod) / price.epochsPerMonth
          expect(free).toBeGreaterThanOrEqual(least)
          free -= price.perDataSet
        }
        const after = rateOf(price, (isNew ? 0n : stored) + leavesOf(byteLength))
        expect(after - before).toBeLessThanOrEqual(need.rate)
        expect(free).toBeGreaterThanOrEqual((after - before) * lockupPeriod)
      }),
      { numRuns: 2000 },
    )
  })

  it('is within an approval that is said to do', () => {
    const approvals = fc.record({
      isApproved: fc.boolean(),
      rateAllowance: fc.bigInt(0n, 10n ** 14n),
      lockupAllowance: sums,
      rateUsed: fc.bigInt(0n, 10n ** 13n),
      lockupUsed: sums,
      maxLockupPeriod: fc.bigInt(0n, 100_000n),
    })
    fc.assert(
      fc.property(prices, lengths, approvals, (price, byteLength, approval) => {
        const need = needOf(price, Number(byteLength), 'new')
        if (refusedFor(fundsOf({ approval }), need).length > 0) return
        const rate = rateOf(price, leavesOf(byteLength))
        const least = (price.leastPerMonth * need.lockupPeriod) / price.epochsPerMonth
        expect(approval.isApproved).toBe(true)
        expect(approval.rateAllowance).toBeGreaterThanOrEqual(approval.rateUsed + rate)
        expect(approval.lockupAllowance).toBeGreaterThanOrEqual(approval.lockupUsed + rate * need.lockupPeriod)
        expect(approval.lockupAllowance).toBeGreaterThanOrEqual(approval.lockupUsed + least)
        expect(approval.maxLockupPeriod).toBeGreaterThanOrEqual(need.lockupPeriod)
      }),
    )
  })

  it('is exactly covered by depositing what is missing', () => {
    const accounts = fc.record({ available: sums, ratePerEpoch: fc.bigInt(0n, 10n ** 14n), behind: fc.bigInt(0n, 10_000n) })
    fc.assert(
      fc.property(prices, lengths, accounts, (price, byteLength, { available, ratePerEpoch, behind }) => {
        const need = needOf(price, Number(byteLength), 'new')
        const isBehind = behind > 0n && ratePerEpoch > 0n
        const funds = fundsOf({ available: isBehind ? 0n : available, ratePerEpoch, fundedUntil: isBehind ? NOW - behind : NOW + 1n })
        const missing = missingFor(funds, need, NOW)
        const afterwards = fundsOf({ ...funds, available: funds.available + missing - owed(funds, NOW), fundedUntil: NOW + 1n })
        expect(missingFor(afterwards, need, NOW)).toBe(0n)
        if (missing > 0n) expect(afterwards.available).toBe(freeFor(funds, need))
      }),
    )
  })

  it('in a data set of its own is the least price at least, in another one its own size', () => {
    const small = needOf(PRICE, 1_000_000, 'new')
    expect(small.rate * MONTH).toBeGreaterThanOrEqual(PRICE.leastPerMonth)
    expect(small.rate * MONTH - PRICE.leastPerMonth).toBeLessThan(MONTH)
    const added = needOf(PRICE, 1_000_000, { ratePerEpoch: 1n, lockupPeriod: 5n })
    expect(added).toMatchObject({
      rate: (countedBytes(1_000_000) * PRICE.perTiBMonth + TIB * MONTH - 1n) / (TIB * MONTH),
      lockupPeriod: 5n,
    })
    expect(added.lockup).toBe(added.rate * 5n)
    expect(needOf(PRICE, 1_000_000, { ratePerEpoch: 0n, lockupPeriod: MONTH }).rate).toBe(small.rate)
    expect(needOf({ ...PRICE, perDataSet: 7n }, 1, 'new').fee).toBe(7n)
    expect(needOf({ ...PRICE, perDataSet: 7n }, 1, { ratePerEpoch: 1n, lockupPeriod: 1n }).fee).toBe(0n)
  })
})

describe('a month', () => {
  it('of one TiB costs its price, and of little in a new data set the least', () => {
    const tib = Number((TIB * 127n) / 128n)
    expect(monthly(PRICE, tib, { isNewDataSet: true })).toBe(PRICE.perTiBMonth)
    expect(monthly(PRICE, 1000, { isNewDataSet: true })).toBe(PRICE.leastPerMonth)
    expect(monthly(PRICE, 1000, { isNewDataSet: false })).toBeLessThan(PRICE.leastPerMonth / 1000n)
  })
})

describe('what is refused', () => {
  const need = { rate: 10n, lockup: 100n, fee: 5n, lockupPeriod: MONTH }
  const refused = (approval: Partial<Funds['approval']>) => refusedFor(fundsOf({ approval: { ...ALL, ...approval } }), need)
  it.each<[Partial<Funds['approval']>, readonly string[]]>([
    [{}, []],
    [{ isApproved: false }, ['operator']],
    [{ rateUsed: 3n, rateAllowance: 13n }, []],
    [{ rateUsed: 3n, rateAllowance: 12n }, ['rate']],
    [{ lockupUsed: 3n, lockupAllowance: 108n }, []],
    [{ lockupUsed: 3n, lockupAllowance: 107n }, ['lockup']],
    [{ maxLockupPeriod: MONTH - 1n }, ['period']],
    [{ rateAllowance: 0n, lockupAllowance: 0n, maxLockupPeriod: 0n }, ['rate', 'lockup', 'period']],
  ])('case %#: %o', (approval, reasons) => expect(refused(approval)).toEqual(reasons))
})

describe('time', () => {
  it('lasts as long as the deposit', () => {
    expect(runwayDays({ fundedUntil: undefined }, NOW)).toBeUndefined()
    expect(runwayDays({ fundedUntil: NOW + 2880n * 3n - 1n }, NOW)).toBe(2)
    expect(runwayDays({ fundedUntil: NOW - 5n }, NOW)).toBe(0)
  })

  it('goes from dates to epochs and back, rounded to the later', () => {
    const epoch = { number: NOW, at: AT }
    expect(epochAt(AT + 30_000, epoch)).toBe(NOW + 1n)
    expect(epochAt(AT + 30_001, epoch)).toBe(NOW + 2n)
    expect(momentOf(NOW + 10n, epoch)).toBe(AT + 300_000)
    fc.assert(fc.property(fc.integer({ min: AT - 1e9, max: AT + 1e12 }), (at) => momentOf(epochAt(at, epoch), epoch) >= at))
  })
})
