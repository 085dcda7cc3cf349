import { describe, expect, it } from 'vitest'
import type { AuditInput } from '../../src/contracts/audit.ts'
import type { AuditCounts } from '../../src/contracts/catalog-audit.ts'
import { PolicyError } from '../../src/errors.ts'
import { monthOf, readCost, resolveAudit } from '../../src/policy/audit.ts'
import { planAudit } from '../../src/policy/plan-audit.ts'
import { paceOf } from '../../src/policy/structure-pace.ts'
import { DAY, NOW, policyOf, vault } from './fixtures.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

describe('the audit settings', () => {
  it('are 1 % with 99 % confidence within 30 days and no limit, if nothing is said', () => {
    expect(resolveAudit(undefined, [])).toEqual({ goal: { confidence: 0.99, loss: 0.01, withinDays: 30 }, budget: {} })
    expect(resolveAudit({ goal: { withinDays: 7 }, budget: { bytes: 5 } }, []).goal).toEqual({
      confidence: 0.99,
      loss: 0.01,
      withinDays: 7,
    })
  })

  it.each<[string, unknown]>([
    ['audit.goal.confidence', { goal: { confidence: 1 } }],
    ['audit.goal.loss', { goal: { loss: 0 } }],
    ['audit.goal.withinDays', { goal: { withinDays: 0 } }],
    ['audit.goal.within', { goal: { within: 3 } }],
    ['audit.budget.bytes', { budget: { bytes: -1 } }],
    ['audit.budget.bytes', { budget: { bytes: 1.5 } }],
    ['audit.budget.money.amount', { budget: { money: { amount: -1, currency: 'USD' } } }],
    ['audit.budget.money.currency', { budget: { money: { amount: 1 } } }],
    ['audit.limit', { limit: 1 }],
  ])('refuse a wrong %s, by its name', (field, input) => {
    expect(() => resolveAudit(input as AuditInput, [])).toThrow(PolicyError)
    expect(() => resolveAudit(input as AuditInput, [])).toThrow(field)
  })

  it('refuse a budget that the prices of a vault cannot be held against, and say what to do', () => {
    const budget = { money: { amount: 5, currency: 'USD' } }
    const foreign = vault('far', { prices: { currency: 'FIL', egressPerGiB: 1 } })
    expect(() => resolveAudit({ budget }, [foreign])).toThrow(/in USD.*prices of vault far are in FIL.*budget\.bytes/)
    expect(resolveAudit({ budget }, [vault('free', { prices: { currency: 'FIL' } })]).budget).toEqual(budget)
  })
})

it('reads cost what the vault states, and nothing where it states nothing', () => {
  const prices = { currency: 'USD', egressPerGiB: 0.09, readsPerThousand: 0.4 }
  expect(readCost(prices, { bytes: 2 * GIB, requests: 500 })).toEqual({ amount: 0.09 * 2 + 0.2, currency: 'USD' })
  expect(readCost(undefined, { bytes: GIB, requests: 1 })).toBeUndefined()
  expect(monthOf(Date.UTC(2026, 10, 30, 23, 59))).toBe('2026-11')
})

/** A thousand objects of 300 blocks and 300 MiB each, all of them in every vault. */
const counts = (...vaults: readonly string[]): AuditCounts => ({
  vaults: vaults.map((id) => ({
    vault: id,
    packs: 1_200,
    blocks: 300_000,
    bytes: 300_000 * MIB,
    indexPacks: 10,
    indexBlocks: 4_000,
    indexBytes: 8 * MIB,
  })),
  contentBlocks: 300_000,
  objects: 1_000,
  objectBlocks: 300_000,
  objectBytes: 300_000 * MIB,
  objectReads: 30_000,
})
const STRUCTURE = { blocks: 0.01, bytes: 0.001, packs: 32, exact: false }

const plan = (
  audit: AuditInput,
  given: { readonly vaults?: readonly ReturnType<typeof vault>[]; readonly policy?: Parameters<typeof policyOf>[0] } = {},
) => {
  const vaults = given.vaults ?? [vault('a'), vault('b', { prices: { currency: 'USD', egressPerGiB: 0.09 } })]
  return planAudit({
    audit: resolveAudit(audit, vaults),
    policy: policyOf(given.policy),
    vaults,
    counts: counts(...vaults.map(({ id }) => id)),
    structure: STRUCTURE,
    spent: [{ month: '2026-11', vault: 'b', purpose: 'survey', bytes: 7, requests: 2, amount: 0.5, currency: 'USD' }],
    now: NOW,
  })
}

describe('the planner', () => {
  const of = (planned: ReturnType<typeof plan>, id: string, purpose: string) =>
    planned.reads.find((one) => one.vault === id && one.purpose === purpose)

  it('counts what both need: surveys by the vault, rotation by the object', () => {
    const planned = plan({})
    // Due at two thirds of the limit: one and a half times a month.
    expect(of(planned, 'a', 'survey')).toEqual({
      vault: 'a',
      purpose: 'survey',
      reads: Math.ceil(459 * 1.5),
      requests: 689,
      bytes: Math.ceil(459 * 1.5 * MIB),
    })
    expect(of(planned, 'a', 'rotation')).toMatchObject({ reads: 45_000, bytes: 45_000 * MIB })
    expect(of(planned, 'b', 'rotation')?.money).toEqual({ amount: expect.closeTo((45_000 / 1_024) * 0.09, 6), currency: 'USD' })
    expect(of(planned, 'a', 'structure')?.reads).toBe(1.5 * (3_000 + 4_000))
    expect(planned).toMatchObject({ enough: true, covered: { survey: 1, structure: 1, rotation: 1 }, shortfalls: [], month: '2026-11' })
    expect(planned.spent).toEqual({ bytes: 7, requests: 2, money: [{ amount: 0.5, currency: 'USD' }] })
    expect(planned.promises[0]).toMatch(
      /a loss of 1 % of one vault's blocks is noticed with 99 % confidence within 30 days, for each of 2 vaults \(459 draws every 20 days;/,
    )
    expect(planned.promises.join('\n')).toMatch(/each of 1000 objects is renewed in every vault before it is 30 days old/)
    expect(planned.promises.at(-1)).toMatch(/each of 600000 blocks once in about 200 days/)
  })

  it('gives a small budget to surveys first, and says in numbers what is short', () => {
    const surveys = 2 * Math.ceil(459 * 1.5 * MIB)
    const planned = plan({ budget: { bytes: surveys / 2 } })
    expect(planned.covered.survey).toBeCloseTo(0.5, 6)
    expect(planned.covered).toMatchObject({ structure: 0, rotation: 0 })
    expect(planned.promises).toEqual([])
    const [survey = '', structure = '', rotation = ''] = planned.shortfalls
    expect(survey).toMatch(/covers 50 % of it: it promises the same within 60 days, or a loss of 2 % within 30 days with 229 draws/)
    expect(structure).toMatch(/^Structure: not read/)
    expect(rotation).toMatch(/^Rotation: none, the other objects become unknown/)
    const more = plan({ budget: { bytes: 60_000 * MIB } })
    expect(more.covered).toMatchObject({ survey: 1, structure: 1 })
    expect(more.covered.rotation).toBeGreaterThan(0.6)
    expect(more.shortfalls).toHaveLength(1)
    expect(more.shortfalls[0]).toMatch(/keeps it up for 6\d\.?\d* % of them.*evidence age of 4\d days/)
  })

  it('weighs money by the prices, and only vaults that state them', () => {
    const planned = plan({ budget: { money: { amount: 2, currency: 'USD' } } })
    expect(planned.enough).toBe(false)
    expect(planned.covered).toMatchObject({ survey: 1, structure: 1 })
    expect(planned.covered.rotation).toBeCloseTo(
      (2 -
        planned.reads
          .filter(({ vault: id, purpose }) => id === 'b' && purpose !== 'rotation')
          .reduce((sum, { money }) => sum + (money?.amount ?? 0), 0)) /
        3.955,
      2,
    )
    expect(planned.notes.join()).toMatch(/a: states no prices/)
  })

  it.each([[{ bytes: 0 }], [{ money: { amount: 0, currency: 'USD' } }]])(
    'reads nothing with a budget of 0, and says that evidence lapses: %j',
    (budget) => {
      const planned = plan({ budget })
      expect(planned).toMatchObject({ enough: false, promises: [] })
      expect(planned.shortfalls).toEqual([
        'Nothing is read: the budget is 0. Evidence lapses after 30 days and its objects become unknown; no survey states anything.',
      ])
    },
  )

  it('never plans to read a cold vault, needs no bytes where a word is enough, and all of them where whole reads are asked for', () => {
    const cold = plan({}, { vaults: [vault('a'), vault('ice', { cold: true })] })
    expect(cold.reads.map(({ vault: id }) => id)).not.toContain('ice')
    expect(cold.notes.join()).toMatch(/ice: cold/)
    const overrides = { a: { accept: ['listed' as const], maxAgeDays: 30 }, b: { accept: ['whole' as const], maxAgeDays: 60 } }
    const planned = plan({}, { policy: { overrides } })
    expect(of(planned, 'a', 'rotation')?.reads).toBe(0)
    expect(of(planned, 'b', 'rotation')?.reads).toBe(0.75 * 300_000)
  })

  it('has nothing to plan for an archive that holds nothing', () => {
    const planned = planAudit({
      audit: resolveAudit({}, []),
      policy: policyOf(),
      vaults: [],
      counts: { ...counts(), objects: 0, contentBlocks: 0, objectReads: 0 },
      structure: STRUCTURE,
      spent: [],
      now: NOW,
    })
    expect(planned.promises[0]).toMatch(/nothing to plan/)
    expect(planned.enough).toBe(true)
  })
})

describe('the pace of structure', () => {
  const round = { vault: 'a', begunAt: NOW, pack: 0, packs: 0 }
  const at = (days: number, given: object = {}) => paceOf({ ...round, ...given }, { packs: 100, now: NOW + days * DAY, maxAgeDays: 30 })

  it('is even over two thirds of the age limit, whole at the end, and begins anew when it is done or the clock was set back', () => {
    expect([0, 5, 10, 20, 400].map((days) => at(days).wanted)).toEqual([0, 25, 50, 100, 100])
    expect(at(20, { endedAt: NOW + 20 * DAY }).renew).toBe(true)
    expect(at(19).renew).toBe(false)
    expect(at(-365).renew).toBe(true)
    expect(paceOf(undefined, { packs: 100, now: NOW, maxAgeDays: 30 }).renew).toBe(true)
  })
})
