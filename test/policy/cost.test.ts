import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CostRow, Usage } from '../../src/contracts.ts'
import { added, boundsOf, exceeded, NOTHING, spentIn, spentOn, storedMonthly, writesOf } from '../../src/policy/cost.ts'
import { estimateVault } from '../../src/policy/estimate.ts'
import { checkLimits, limitText } from '../../src/policy/limits.ts'
import { amountOf, joined, moneyOf, purseOf, textOf, UNIT, unitsOf } from '../../src/policy/money.ts'
import { vault } from './fixtures.ts'

const GIB = 1024 ** 3
const money = fc.record({ amount: fc.double({ min: 0, max: 1e6, noNaN: true }), currency: fc.constantFrom('USD', 'EUR', 'FIL') })
const usage: fc.Arbitrary<Usage> = fc.record({
  writes: fc.nat(1e6),
  reads: fc.nat(1e6),
  storedBytes: fc.maxSafeNat(),
  readBytes: fc.maxSafeNat(),
  failed: fc.nat(1e6),
})
const prices = fc.record({
  currency: fc.constantFrom('USD', 'EUR'),
  storagePerGiBOnce: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
  storagePerGiBMonth: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
  egressPerGiB: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
  writesPerThousand: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
  readsPerThousand: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
})
const LINES = 4n

describe('exact amounts', () => {
  it.each([
    [0.1, 10n ** 17n],
    ['0.1', 10n ** 17n],
    [1e-7, 10n ** 11n],
    ['1e-18', 1n],
    ['0.0000000000000000001', 1n],
    [12, 12n * UNIT],
    ['-3.5', -35n * 10n ** 17n],
    [1.5e21, 15n * 10n ** 20n * UNIT],
  ])('%s is %s', (value, units) => expect(unitsOf(value)).toBe(units))

  it.each(['', 'x', '1,5', '0x1', '1e', '--1', 'Infinity', Number.NaN, Number.POSITIVE_INFINITY])('%s is none', (value) =>
    expect(() => unitsOf(value)).toThrow(expect.objectContaining({ code: 'invalid' })),
  )

  it('go to text and back without a loss', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), (units) => {
        expect(unitsOf(textOf(units))).toBe(units)
      }),
      { numRuns: 500 },
    )
  })

  it('a tenth ten times is one, and nothing is lost in however long a sum', () => {
    expect(moneyOf(purseOf(Array.from({ length: 10 }, () => ['USD', unitsOf(0.1)] as const)))).toEqual([{ amount: 1, currency: 'USD' }])
  })

  it('of different currencies are never added up, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(money, { maxLength: 20 }), (sums) => {
        const purse = purseOf(sums.map(({ amount, currency }) => [currency, unitsOf(amount)] as const))
        for (const { amount, currency } of moneyOf(purse)) {
          const own = sums.filter((sum) => sum.currency === currency).reduce((sum, one) => sum + unitsOf(one.amount), 0n)
          expect(amount).toBe(amountOf(own))
        }
        expect(moneyOf(purse).length).toBe(new Set(sums.filter(({ amount }) => amount > 0).map(({ currency }) => currency)).size)
        const [head, tail] = [sums.slice(0, 7), sums.slice(7)].map((part) =>
          purseOf(part.map(({ amount, currency }) => [currency, unitsOf(amount)] as const)),
        )
        expect(moneyOf(joined(tail ?? new Map(), head ?? new Map()))).toEqual(moneyOf(purse))
      }),
    )
  })
})

describe('what use costs', () => {
  it('is the same however it was split into rows, but for the last digit of each line', () => {
    fc.assert(
      fc.property(prices, fc.array(usage, { minLength: 1, maxLength: 8 }), (asked, parts) => {
        const small = parts.map((part) => ({ ...part, storedBytes: part.storedBytes >> 4, readBytes: part.readBytes >> 4 }))
        const apart = small.reduce((sum, part) => sum + spentOn(asked, part), 0n)
        const together = spentOn(asked, small.reduce(added, NOTHING))
        expect(apart >= together).toBe(true)
        expect(apart - together <= LINES * BigInt(parts.length)).toBe(true)
      }),
    )
  })

  it('adds up over rows exactly, apart by currency, and only where there are prices', () => {
    const row = (given: Partial<CostRow>): CostRow => ({ month: '2026-01', vault: 'v', activity: 'put', ...NOTHING, ...given })
    const usd = { currency: 'USD', egressPerGiB: 0.09, writesPerThousand: 0.005 }
    const rows = [
      row({ prices: usd, readBytes: GIB, writes: 1_000 }),
      row({ prices: { ...usd, egressPerGiB: 0.01 }, readBytes: 3 * GIB }),
      row({ prices: { currency: 'AR', storagePerGiBOnce: 0.7 }, storedBytes: GIB / 2 }),
      row({ readBytes: 1e12 }),
    ]
    expect(moneyOf(spentIn(rows))).toEqual([
      { amount: 0.35, currency: 'AR' },
      { amount: 0.125, currency: 'USD' },
    ])
  })

  it('is the price list at a GiB and a thousand requests', () => {
    const asked = {
      currency: 'USD',
      storagePerGiBOnce: 2,
      egressPerGiB: 0.09,
      writesPerThousand: 0.005,
      readsPerThousand: 0.0004,
      storagePerGiBMonth: 0.023,
    }
    expect(textOf(spentOn(asked, { ...NOTHING, storedBytes: GIB, readBytes: GIB, writes: 1_000, reads: 1_000 }))).toBe('2.0954')
    expect(textOf(storedMonthly(asked, 10 * GIB))).toBe('0.23')
  })

  it('takes a request per part and two more for packs that go in parts', () => {
    expect(writesOf({}, 1e9)).toBe(1)
    expect(writesOf({ partBytes: 8 }, 8)).toBe(1)
    expect(writesOf({ partBytes: 8 }, 9)).toBe(4)
  })
})

describe('limits', () => {
  const month = { rows: [], charges: [], reserved: [], held: [] }
  const bill = (usd: number, eur = 0) => ({
    once: purseOf([
      ['USD', unitsOf(usd)],
      ['EUR', unitsOf(eur)],
    ]),
    monthly: new Map<string, bigint>(),
  })
  const pricesOf = () => ({ currency: 'USD', storagePerGiBMonth: 1 })

  it('allow exactly what they say and not a unit more, each in its own currency', () => {
    const limits = {
      perPut: [
        { amount: 1, currency: 'USD' },
        { amount: 2, currency: 'EUR' },
      ],
    }
    expect(exceeded(limits, bill(1, 2), { pricesOf })).toBeUndefined()
    expect(exceeded(limits, { once: purseOf([['USD', UNIT + 1n]]), monthly: new Map() }, { pricesOf })).toMatchObject({
      limit: 'perPut',
      currency: 'USD',
    })
    expect(exceeded(limits, bill(0, 2.5), { pricesOf })).toMatchObject({ currency: 'EUR', allowed: 2, needed: 2.5 })
  })

  it('of a month count what was spent, charged, reserved, and the storage of everything', () => {
    const limits = { perMonth: { amount: 10, currency: 'USD' } }
    const known = {
      rows: [
        {
          month: '2026-01',
          vault: 'v',
          activity: 'put' as const,
          ...NOTHING,
          readBytes: GIB,
          prices: { currency: 'USD', egressPerGiB: 3 },
        },
      ],
      charges: [{ at: 1, vault: 'w', activity: 'put' as const, amount: '1.5', currency: 'USD' }],
      reserved: [
        { amount: '2', currency: 'USD' },
        { amount: '100', currency: 'EUR' },
      ],
      held: [{ vault: 'v', byteLength: 2 * GIB }],
    }
    expect(exceeded(limits, bill(1.5), { pricesOf, month: known })).toBeUndefined()
    const over = exceeded(limits, bill(1.500001), { pricesOf, month: known })
    expect(over).toEqual({ limit: 'perMonth', currency: 'USD', allowed: 10, spent: 4.5, reserved: 2, storage: 2, needed: 1.500001 })
    expect(over && limitText(over)).toMatch(/10 USD.*4\.5 were spent.*2 are reserved/)
  })

  it('do not stand in the way of what costs nothing, however much was spent', () => {
    const limits = { perMonth: { amount: 0, currency: 'USD' }, perPut: { amount: 0, currency: 'USD' } }
    const known = { ...month, held: [{ vault: 'v', byteLength: GIB }] }
    expect(exceeded(limits, bill(0), { pricesOf, month: known })).toBeUndefined()
    expect(exceeded(limits, bill(1e-18), { pricesOf, month: known })).toBeDefined()
  })

  it.each([
    [{ perDay: { amount: 1, currency: 'USD' } }, /limits\.perDay is not a limit/],
    [{ perPut: 5 }, /limits\.perPut must be/],
    [{ perPut: { amount: -1, currency: 'USD' } }, /limits\.perPut must be/],
    [
      {
        perPut: [
          { amount: 1, currency: 'USD' },
          { amount: 2, currency: 'USD' },
        ],
      },
      /names USD twice/,
    ],
    [{ perMonth: { amount: 1, currency: 'EUR' } }, /says nothing of USD, which vault a is paid in/],
  ])('that bound nothing are refused: %j', (limits, message) => {
    const priced = vault('a', { prices: { currency: 'USD' } })
    expect(() => checkLimits(limits as never, [priced])).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) }),
    )
  })

  it('need prices of a vault that is paid for', () => {
    expect(() => checkLimits({ perPut: { amount: 1, currency: 'USD' } }, [vault('a', { paid: true })])).toThrow(/states no prices/)
    expect(boundsOf(undefined).size).toBe(0)
  })
})

describe('the estimate of a vault', () => {
  const stored = { byteLength: 10 * GIB, packs: 40, blocks: 10_240, objects: 1 }
  const rules = { accept: ['sampled'] as const, maxAgeDays: 30 }
  const profile = vault('a', {
    prices: { currency: 'USD', storagePerGiBMonth: 0.023, egressPerGiB: 0.09, writesPerThousand: 5, readsPerThousand: 0.4 },
  })

  it('has lines that add up to its totals', () => {
    fc.assert(
      fc.property(
        prices,
        fc.nat(1e12),
        fc.integer({ min: 1, max: 1e5 }),
        fc.integer({ min: 1, max: 1e6 }),
        (asked, byteLength, packs, blocks) => {
          const { estimate, bill } = estimateVault({
            profile: vault('a', { prices: asked }),
            stored: { byteLength, packs, blocks, objects: 1 },
            lists: true,
            rules,
            draws: 29,
          })
          const { total, ...lines } = estimate.upFront
          expect(Object.values(lines).reduce((sum, one) => sum + one, 0)).toBeCloseTo(total, 6)
          expect(total).toBe(amountOf(bill.once.get(asked.currency) ?? 0n))
          expect(estimate.perMonth.total).toBe(amountOf(bill.monthly.get(asked.currency) ?? 0n))
        },
      ),
    )
  })

  it('reads 29 blocks and the root in two thirds of the age limit, and nothing of a vault that is taken at its word', () => {
    const sampled = estimateVault({ profile, stored, lists: false, rules, draws: 29 }).estimate
    // 1.5 audits a month of 30 blocks of 1 MiB.
    expect(sampled.perMonth.egress).toBeCloseTo((1.5 * 30 * 0.09) / 1024, 9)
    expect(sampled.perMonth.storage).toBeCloseTo(0.23, 9)
    const cold = estimateVault({ profile: { ...profile, cold: true }, stored, lists: false, rules, draws: 29 }).estimate
    expect(cold.perMonth.egress).toBe(0)
    const word = estimateVault({ profile, stored, lists: false, rules: { accept: ['listed'], maxAgeDays: 30 }, draws: 29 }).estimate
    expect(word.perMonth).toMatchObject({ egress: 0 })
  })

  it('goes by the own quote of the vault where it has one in the same currency, and says when it leaves one out', () => {
    const quoted = estimateVault({
      profile,
      stored,
      lists: false,
      rules,
      draws: 29,
      quote: { amount: '7.5', currency: 'USD', per: 'once' },
    }).estimate
    expect(quoted).toMatchObject({ basis: 'quote', upFront: { storage: 7.5 } })
    const foreign = estimateVault({
      profile,
      stored,
      lists: false,
      rules,
      draws: 29,
      quote: { amount: '7.5', currency: 'AR', per: 'once' },
    }).estimate
    expect(foreign).toMatchObject({ basis: 'prices', upFront: { storage: 0 }, notes: [expect.stringMatching(/7\.5 AR/)] })
  })

  it('adds what failed lately, and knows no cost where nobody states one', () => {
    const steady = estimateVault({ profile, stored, lists: false, rules, draws: 29 }).estimate
    const shaky = estimateVault({
      profile,
      stored,
      lists: false,
      rules,
      draws: 29,
      measured: { ...NOTHING, writes: 90, reads: 10, failed: 20 },
    }).estimate
    expect(steady.upFront.retries).toBe(0)
    expect(shaky.upFront.retries).toBeCloseTo(0.2 * (shaky.upFront.requests + shaky.upFront.readBack), 9)
    expect(estimateVault({ profile: vault('b'), stored, lists: true, rules, draws: 29 }).estimate).toMatchObject({
      basis: 'unknown',
      upFront: { total: 0 },
    })
  })
})
