/** Costs: what was spent, by vault and month, from the catalog's own sums; asks nobody. */
import type { CostsOptions, CostsReport, VaultCosts } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { added, monthOf, NOTHING, spentIn, storageOf, storedMonthly } from '../policy/cost.ts'
import { amountOf, EMPTY, joined, moneyOf, type Purse, purseOf, unitsOf } from '../policy/money.ts'
import type { Context } from './context.ts'
import { pricesOf } from './spending.ts'

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/

/** Throws ConfigError `invalid` for a month that is none. */
export async function costs(context: Context, options: CostsOptions = {}): Promise<CostsReport> {
  const { catalog, limits } = context
  const { since, until, vaults } = options
  for (const month of [since, until])
    if (month !== undefined && !MONTH.test(month)) throw new ConfigError('invalid', `${month.slice(0, 20)} is not a month; write 2026-11`)
  await context.ledger.flush()
  const wanted = ({ vault }: { readonly vault: string }) => vaults?.includes(vault) ?? true
  const measured = (await catalog.costs({ since, until })).filter(wanted)
  const charged = (await catalog.charges({ since, until })).filter(wanted)
  const held = (await catalog.heldBytes()).filter(wanted)
  const groups = new Map<string, { row: Omit<VaultCosts, 'measured' | 'reported'>; measured: Purse; reported: Purse }>()
  const group = (month: string, vault: string, activity: VaultCosts['activity']) => {
    const key = `${month} ${vault} ${activity}`
    const known = groups.get(key) ?? { row: { month, vault, activity, ...NOTHING }, measured: EMPTY, reported: EMPTY }
    groups.set(key, known)
    return known
  }
  for (const { prices, month, vault, activity, ...usage } of measured) {
    const known = group(month, vault, activity)
    known.row = { ...known.row, ...added(known.row, usage) }
    known.measured = joined(known.measured, spentIn([{ prices, month, vault, activity, ...usage }]))
  }
  for (const { at, vault, activity, amount, currency } of charged) {
    const known = group(monthOf(at), vault, activity)
    known.reported = joined(known.reported, purseOf([[currency, unitsOf(amount)]]))
  }
  const sums = [...groups.values()].sort((a, b) => (keyOf(a.row) < keyOf(b.row) ? -1 : 1))
  const byMonth = Map.groupBy(sums, ({ row }) => row.month)
  const spent = (some: typeof sums) => joined(...some.flatMap((one) => [one.measured, one.reported]))
  return {
    rows: sums.map((one) => ({ ...one.row, measured: moneyOf(one.measured), reported: moneyOf(one.reported) })),
    months: [...byMonth].map(([month, some]) => ({ month, total: moneyOf(spent(some)) })),
    storage: held.map(({ vault, byteLength }) => {
      const prices = pricesOf(context, vault)
      const perMonth = prices && { amount: amountOf(storedMonthly(prices, byteLength)), currency: prices.currency }
      return { vault, byteLength, ...(perMonth && { perMonth }) }
    }),
    storagePerMonth: moneyOf(storageOf(held, (vault) => pricesOf(context, vault))),
    total: moneyOf(spent(sums)),
    unpriced: held.filter(({ vault }) => pricesOf(context, vault) === undefined).map(({ vault }) => vault),
    ...(limits && { limits }),
  }
}

const keyOf = ({ month, vault, activity }: Pick<VaultCosts, 'month' | 'vault' | 'activity'>) => `${month} ${vault} ${activity}`
