/** What is said before a put when there is no money for it, and what it would cost. */
import { describe, expect, it } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { type AffordOptions, afford, type Limits } from '../../../src/vaults/filecoin/afford.ts'
import { decimalOf, shownDown, shownUp, unitsOf } from '../../../src/vaults/filecoin/amount.ts'
import type { DataSet, Funds } from '../../../src/vaults/filecoin/port.ts'
import { quoteOf } from '../../../src/vaults/filecoin/quote.ts'
import { ALL, MONTH, NOW, PAYER, PRICE, purse, UNIT } from './purse.ts'

const GIB = 1024 ** 3
const asked = (money: Partial<Funds>, limits: Partial<Limits> = {}, options: Partial<AffordOptions> = {}) =>
  afford(purse({ money }), { id: 'deals', ...limits }, 1_000_000, { isNewDataSet: true, ...options }).then(
    () => undefined,
    (error: unknown) => error as VaultError,
  )

describe('a piece that can be paid for', () => {
  it.each<[string, Partial<Funds>, Partial<Limits>]>([
    ['out of a deposit', {}, {}],
    ['by the last unit', { available: (PRICE.leastPerMonth / MONTH + 1n) * (MONTH + 60n) }, {}],
    ['within the limit', {}, { maxPrice: '0.061' }],
    ['and an empty wallet', { wallet: 0n, gas: 0n }, {}],
  ])('%s passes', async (_, money, limits) => expect(await asked(money, limits)).toBeUndefined())

  it('reads the chain three times, with the signal of the caller', async () => {
    const seen: unknown[] = []
    const { signal } = new AbortController()
    const chain = purse()
    const noted =
      <T>(ask: (options?: { signal?: AbortSignal | undefined }) => Promise<T>) =>
      (options?: { signal?: AbortSignal | undefined }) => {
        seen.push(options?.signal)
        return ask(options)
      }
    const watched = { ...chain, funds: noted(chain.funds), price: noted(chain.price), epoch: noted(chain.epoch) }
    await afford(watched, { id: 'deals' }, 1000, { isNewDataSet: true, signal })
    expect(seen).toEqual([signal, signal, signal])
  })
})

describe('a piece that cannot is refused', () => {
  const least = PRICE.leastPerMonth / MONTH + 1n
  it.each<[string, Partial<Funds>, Partial<Limits>, string, RegExp]>([
    [
      'for want of a deposit',
      { available: UNIT / 100n },
      {},
      'exhausted',
      /a piece of 1000000 bytes in a new data set needs 0\.060042 USDFC of the deposit to lock up, and 0\.01 USDFC are free; run `perdure filecoin fund 0\.062042`$/,
    ],
    [
      'by one unit',
      { available: least * (MONTH + 60n) - 1n },
      {},
      'exhausted',
      /needs 0\.060042 USDFC of the deposit to lock up, and 0\.060041 USDFC are free/,
    ],
    [
      'with the approval that is missing as well',
      { available: 0n, approval: { ...ALL, isApproved: false } },
      {},
      'exhausted',
      /run `perdure filecoin fund 0\.062042`, which approves the service as well$/,
    ],
    [
      'with what the wallet lacks',
      { available: 0n, wallet: UNIT / 100n },
      {},
      'exhausted',
      /; the wallet has 0\.01 USDFC, send it 0\.052042 USDFC more, then run `perdure filecoin fund 0\.062042`$/,
    ],
    [
      'with what is owed',
      { available: 0n, ratePerEpoch: UNIT / 1000n, fundedUntil: NOW - 1000n },
      {},
      'exhausted',
      /needs 1\.120042 USDFC of the deposit, 1 USDFC of it owed, and 0 USDFC are free/,
    ],
    [
      'by the limit',
      {},
      { maxPrice: '0.05' },
      'exhausted',
      /with a piece of 1000000 bytes in a new data set a month costs 0\.060001 USDFC, and maxPrice is 0\.05 USDFC; remove something or raise maxPrice$/,
    ],
    [
      'by the limit, for what is stored already',
      { ratePerEpoch: UNIT / MONTH },
      { maxPrice: '1.05' },
      'exhausted',
      /a month costs 1\.060001 USDFC, and maxPrice is 1\.05 USDFC/,
    ],
    [
      'for want of an approval',
      { approval: { ...ALL, isApproved: false } },
      {},
      'denied',
      new RegExp(`${PAYER} does not let the service take anything; run \`perdure filecoin fund 0\\.062042\`, which approves it$`),
    ],
    [
      'for want of an approval alone, also where the deposit just does',
      { approval: { ...ALL, isApproved: false }, available: (UNIT * 61n) / 1000n, wallet: 0n },
      {},
      'denied',
      /run `perdure filecoin fund 0\.061`, which approves it$/,
    ],
    [
      'for want of a larger one',
      { approval: { ...ALL, rateAllowance: 0n, lockupAllowance: UNIT / 100n, maxLockupPeriod: 5n } },
      {},
      'denied',
      /let the service take 0\.060001 USDFC a month \(it may 0 USDFC a month\), nor lock up 0\.060001 USDFC \(it may 0\.01\), nor lock money up for 86400 epochs \(it may 5\); run/,
    ],
  ])('%s', async (_, money, limits, code, words) => {
    const error = await asked(money, limits)
    expect(error).toBeInstanceOf(VaultError)
    expect(error?.code).toBe(code)
    expect(error?.message).toMatch(words)
  })

  it('for less in a data set that is paid for already than in a new one', async () => {
    const money = { available: UNIT / 1000n }
    const rail = { ratePerEpoch: least, lockupPeriod: MONTH }
    expect((await asked(money))?.code).toBe('exhausted')
    expect(await asked(money, {}, { isNewDataSet: false, rail })).toBeUndefined()
    expect(await asked(money, {}, { isNewDataSet: false })).toBeUndefined()
    expect((await asked(money, {}, { isNewDataSet: false, rail: { ...rail, ratePerEpoch: 0n } }))?.code).toBe('exhausted')
  })
})

describe('a quote', () => {
  const set = (own: Partial<DataSet>) => ({ endEpoch: 0n, metadata: { source: 'perdure' }, ...own }) as DataSet
  it.each<[string, readonly DataSet[], number, number]>([
    ['of little without a data set is the least price', [], 1000, 0.06],
    ['of little in one of ours is its size', [set({})], GIB, (2.5 * 128) / 127 / 1024],
    ['of little beside one that has ended is the least price', [set({ endEpoch: 5n })], 1000, 0.06],
    ['of little beside one of another program is the least price', [set({ metadata: {} })], 1000, 0.06],
    ['of much is its size', [], 1024 * GIB, (2.5 * 128) / 127],
  ])('%s', async (_, sets, byteLength, amount) => {
    const quote = await quoteOf(purse({ dataSets: async () => sets }), byteLength)
    expect(quote.currency).toBe('USDFC')
    expect(quote.per).toBe('month')
    expect(Number(quote.amount)).toBeCloseTo(amount, 9)
  })
})

describe('sums', () => {
  it.each<[bigint, string, string, string]>([
    [0n, '0', '0', '0'],
    [1n, '0.000000000000000001', '0', '0.000001'],
    [UNIT, '1', '1', '1'],
    [UNIT / 4n, '0.25', '0.25', '0.25'],
    [123n * UNIT + 1n, '123.000000000000000001', '123', '123.000001'],
    [UNIT - 1n, '0.999999999999999999', '0.999999', '1'],
    [-UNIT / 2n, '-0.5', '-0.5', '-0.5'],
  ])('case %#', (amount, exact, down, up) => {
    expect([decimalOf(amount), shownDown(amount), shownUp(amount)]).toEqual([exact, down, up])
    if (amount >= 0n) expect(unitsOf('deals', 'amount', exact)).toBe(amount)
  })

  it('of other decimals', () => {
    expect([decimalOf(1500n, 3), shownDown(1500n, 3), shownUp(1500n, 3), decimalOf(7n, 0)]).toEqual(['1.5', '1.5', '1.5', '7'])
  })

  it.each(['', '1e3', '-1', '.5', '5.', '1,5', '0x5', '1.0000000000000000001', '9999999999999'])('%j is none', (text) => {
    expect(() => unitsOf('deals', 'amount', text)).toThrow(/vault deals: amount must be a sum/)
  })
})
