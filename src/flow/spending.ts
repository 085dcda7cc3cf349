/** Work that is counted for an activity, and limits that are asked before it spends. */
import type { Activity, LimitExceeded, Limits, PackRow, Usage, VaultPrices } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { type Bill, billOf, exceeded, monthOf, readBack, requested, storedMonthly, storedOnce, writesOf } from '../policy/cost.ts'
import { limitText } from '../policy/limits.ts'
import { EMPTY, joined, purseOf, textOf } from '../policy/money.ts'
import type { Context } from './context.ts'
import { activity } from './ledger.ts'

const KEY_BYTES = 8

/** Counts the work for an activity and writes the sums when it ends, however it does. Work within other work counts for the outer. */
export async function spending<T>(context: Context, name: Activity, work: (context: Context) => Promise<T>): Promise<T> {
  if (activity.getStore() !== undefined) return work(context)
  try {
    return await activity.run(name, () => work(context))
  } finally {
    await context.ledger.flush()
  }
}

/** The same for work that yields; sums are written after each item, or after each `every` of many small ones. */
export async function* spendingEach<T>(
  context: Context,
  name: Activity,
  work: (context: Context) => AsyncIterable<T>,
  { every = 1 }: { readonly every?: number | undefined } = {},
): AsyncGenerator<T> {
  let count = 0
  const counting = <R>(step: () => R): R => (activity.getStore() === undefined ? activity.run(name, step) : step())
  const items = counting(() => work(context)[Symbol.asyncIterator]())
  try {
    for (let step = await counting(() => items.next()); !step.done; step = await counting(() => items.next())) {
      yield step.value
      if (++count % every === 0) await context.ledger.flush()
    }
  } finally {
    await counting(() => items.return?.())
    await context.ledger.flush()
  }
}

/**
 * Notes a cost that the vaults' own counting cannot see; for verbs of other parts. Kept in memory and written with the next sums.
 * `usage` is priced at the vault's prices of now; `charged` is a sum that the network took.
 */
export function recordCost(
  context: Context,
  cost: {
    readonly vault: string
    readonly activity: Activity
    readonly usage?: Partial<Usage> | undefined
    readonly charged?: { readonly amount: string; readonly currency: string; readonly detail?: string } | undefined
  },
): void {
  const { vault, activity, usage, charged } = cost
  if (usage) context.ledger.record(vault, activity, usage, pricesOf(context, vault))
  if (charged) context.ledger.charge({ at: context.clock(), vault, activity, ...charged })
}

export const pricesOf = (context: Context, vault: string): VaultPrices | undefined => context.vaults.get(vault)?.profile.prices

/** What it costs to bring a pack to a vault and to read back what shows that it is there; and a month of keeping it. */
export function billFor(context: Context, pack: Pick<PackRow, 'byteLength'>, vault: string, readBytes: number): Bill {
  const profile = context.vaults.get(vault)?.profile
  const prices = profile?.prices
  if (!profile || !prices) return { once: EMPTY, monthly: EMPTY }
  const usage = { writes: writesOf(profile, pack.byteLength), reads: 2 + (readBytes > 0 ? 1 : 0) }
  const once = storedOnce(prices, pack.byteLength) + requested(prices, usage) + readBack(prices, readBytes)
  return { once: purseOf([[prices.currency, once]]), monthly: purseOf([[prices.currency, storedMonthly(prices, pack.byteLength)]]) }
}

/** What reading that many bytes there costs. */
export function readingBill(context: Context, vault: string, byteLength: number): Bill {
  const prices = pricesOf(context, vault)
  return { once: prices ? purseOf([[prices.currency, readBack(prices, byteLength)]]) : EMPTY, monthly: EMPTY }
}

export { billOf }

export type Allowed = { readonly refused: LimitExceeded } | { readonly refused?: undefined; release(): Promise<void> }

/** The limit that work of many packs is held to. */
export const monthly = ({ limits }: Context): Limits | undefined => limits?.perMonth && { perMonth: limits.perMonth }

/**
 * Reserves what a piece of work may cost, or says which limit forbids it, and tells hooks of a month that is used up. Call `release` when the work has ended
 * and its costs are counted.
 */
export async function allowed(context: Context, bill: Bill, limits: Limits | undefined = context.limits): Promise<Allowed> {
  const { catalog, clock } = context
  const needs = joined(bill.once, bill.monthly)
  const free = { release: () => context.ledger.flush() }
  if (!limits || needs.size === 0) return free
  const known = { pricesOf: (vault: string) => pricesOf(context, vault) }
  const alone = exceeded(limits, bill, known)
  if (alone) return { refused: alone }
  if (limits.perMonth === undefined) return free
  // What was spent and not yet written counts, too.
  await context.ledger.flush()
  const key = Buffer.from(context.random(KEY_BYTES)).toString('hex')
  const amounts = [...needs].map(([currency, units]) => ({ currency, amount: textOf(units) }))
  const month = monthOf(clock())
  const refused = await catalog.reserve({ key, month, amounts }, (found) => exceeded(limits, bill, { ...known, month: found }))
  if (refused) {
    const { currency, allowed: limit, spent = 0, reserved = 0, storage = 0 } = refused
    await context.events.emit({ type: 'cost-cap-reached', currency, period: month, used: spent + reserved + storage, limit })
    return { refused }
  }
  return {
    release: async () => {
      await context.ledger.flush()
      await catalog.unreserve(key)
    },
  }
}

/** The same question for a plan: reserves nothing and tells nobody. */
export async function wouldExceed(
  context: Context,
  bill: Bill,
  limits: Limits | undefined = context.limits,
): Promise<LimitExceeded | undefined> {
  const { catalog, clock } = context
  if (!limits || joined(bill.once, bill.monthly).size === 0) return undefined
  await context.ledger.flush()
  const span = { since: monthOf(clock()), until: monthOf(clock()) }
  const [rows, charges, held] = await Promise.all([catalog.costs(span), catalog.charges(span), catalog.heldBytes()])
  return exceeded(limits, bill, { pricesOf: (vault) => pricesOf(context, vault), month: { rows, charges, held, reserved: [] } })
}

/** The error of a limit; `kept` says in a few words what became of the work. */
export function overLimit(refused: LimitExceeded, kept: string): ArchiveError {
  return new ArchiveError('exhausted', `${limitText(refused)}. ${kept}`, { limit: refused })
}
