/** The month's audit budget: what was spent is in the catalog, and nothing is read beyond it. */
import type { AuditPlan, AuditPurpose, SpendingRow } from '../contracts.ts'
import { monthOf, readCost } from '../policy/audit.ts'
import { PURPOSES, sumOf } from '../policy/planned-reads.ts'
import type { Context } from './context.ts'
import { auditPlan } from './plan.ts'

interface Amount {
  readonly bytes: number
  readonly requests: number
}

export interface Purse {
  /** Takes from the budget what is about to be read. Resolves to why it may not be, or undefined. */
  take(vault: string, purpose: AuditPurpose, wanted: Amount): string | undefined
  /** The difference between what was taken and what was read. */
  settle(vault: string, purpose: AuditPurpose, difference: Amount): void
  /** Announces that the budget was used up, if it was. */
  tell(): Promise<void>
  /** Makes what was spent durable, and tells. */
  flush(): Promise<void>
}

/** Plans do not change within the hour. */
const PLAN_MS = 3_600_000
const plans = new WeakMap<Context, { readonly at: number; readonly month: string; readonly plan: AuditPlan }>()

/** Opens the purse of this month. What surveys and structure still need of it is kept back from rotation, so that the dear one does not starve the others. */
export async function openPurse(context: Context): Promise<Purse> {
  const { budget } = context.audit
  const month = monthOf(context.clock())
  const limited = budget.bytes !== undefined || budget.money !== undefined
  const plan = limited ? await recentPlan(context, month) : undefined
  const known: SpendingRow[] = limited ? [...(await context.catalog.spendingIn(month))] : []
  let unsaved = new Map<string, SpendingRow>()

  const costOf = (vault: string, amount: Amount) => readCost(context.vaults.get(vault)?.profile.prices, amount)
  const inBudget = (rows: readonly SpendingRow[]) => ({
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    money: rows.reduce((sum, { amount, currency }) => sum + (currency === budget.money?.currency ? amount : 0), 0),
  })
  /** What purposes that come first still need this month, as far as the budget covers them. */
  const reserved = (purpose: AuditPurpose) => {
    const sum = { bytes: 0, money: 0 }
    for (const first of PURPOSES.slice(0, PURPOSES.indexOf(purpose))) {
      const need = sumOf(plan?.reads.filter((one) => one.purpose === first) ?? [])
      const spent = inBudget(rows().filter((row) => row.purpose === first))
      const covered = plan?.covered[first] ?? 0
      sum.bytes += Math.max(0, covered * need.bytes - spent.bytes)
      sum.money += Math.max(
        0,
        covered * (need.money.find(({ currency }) => currency === budget.money?.currency)?.amount ?? 0) - spent.money,
      )
    }
    return sum
  }
  let reached: { readonly used: number; readonly limit: number } | undefined
  const refuse = (used: number, limit: number, unit: string, purpose: AuditPurpose) => {
    reached = { used, limit }
    return usedUp(month, used, `${limit} ${unit}`, purpose)
  }
  const tell = async () => {
    if (reached) await context.events.emit({ type: 'budget-reached', budget: 'audit', period: month, ...reached })
    reached = undefined
  }
  const rows = () => [...known, ...unsaved.values()]

  const add = (vault: string, purpose: AuditPurpose, amount: Amount) => {
    const cost = costOf(vault, amount)
    const currency = cost?.currency ?? ''
    const key = `${vault} ${purpose} ${currency}`
    const before = unsaved.get(key) ?? { month, vault, purpose, currency, bytes: 0, requests: 0, amount: 0 }
    unsaved.set(key, {
      ...before,
      bytes: before.bytes + amount.bytes,
      requests: before.requests + amount.requests,
      amount: before.amount + (cost?.amount ?? 0),
    })
  }

  return {
    take(vault, purpose, wanted) {
      const spent = inBudget(rows())
      const kept = reserved(purpose)
      const cost = costOf(vault, wanted)?.amount ?? 0
      if (budget.bytes !== undefined && spent.bytes + kept.bytes + wanted.bytes > budget.bytes)
        return refuse(spent.bytes, budget.bytes, 'bytes', purpose)
      if (budget.money && cost > 0 && spent.money + kept.money + cost > budget.money.amount)
        return refuse(Number(spent.money.toFixed(4)), budget.money.amount, budget.money.currency, purpose)
      if (budget.money?.amount === 0) return refuse(0, 0, budget.money.currency, purpose)
      add(vault, purpose, wanted)
      return undefined
    },
    settle: add,
    tell,
    async flush() {
      await tell()
      const spent = [...unsaved.values()].filter(({ bytes, requests }) => bytes !== 0 || requests !== 0)
      unsaved = new Map()
      if (spent.length === 0) return
      await context.catalog.spend(spent)
      known.push(...spent)
    },
  }
}

const usedUp = (month: string, spent: number, budget: string, purpose: AuditPurpose): string =>
  `the audit budget of ${month} is ${budget}, ${spent} of it are spent, and ${purpose === 'survey' ? 'the rest is too little' : `what is left is kept for ${purpose === 'rotation' ? 'surveys and structure' : 'surveys'} or too little`}; raise audit.budget or wait for the next month`

async function recentPlan(context: Context, month: string): Promise<AuditPlan> {
  const known = plans.get(context)
  const now = context.clock()
  if (known && known.month === month && Math.abs(now - known.at) < PLAN_MS) return known.plan
  const plan = await auditPlan(context)
  plans.set(context, { at: now, month, plan })
  return plan
}
