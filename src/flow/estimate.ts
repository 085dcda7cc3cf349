/** Estimate: what a put of a source would cost, up front and by the month, vault by vault. Stores nothing. */
import type { CostEstimate, EstimateOptions, Quote, Source, Usage, Vault } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { OBJECT_SAMPLE } from '../policy/audit.ts'
import { samplesFor } from '../policy/challenge.ts'
import { added, billOf, monthOf, NOTHING } from '../policy/cost.ts'
import { estimateVault, type Stored } from '../policy/estimate.ts'
import { moneyOf } from '../policy/money.ts'
import { type PlacementPlan, place } from '../policy/placement.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { type Context, profilesOf } from './context.ts'
import { listing } from './index-pack.ts'
import { leavingVaults, lookAtLeaving } from './leaving.ts'
import { measure } from './measure.ts'
import { pricesOf, spending, wouldExceed } from './spending.ts'

/** Months whose failures tell how often things are done again. */
const MEASURED_MONTHS = 3

export function estimate(context: Context, source: Source, options: EstimateOptions = {}): Promise<CostEstimate> {
  return spending(context, 'other', (own) => estimated(own, source, options))
}

async function estimated(context: Context, source: Source, options: EstimateOptions): Promise<CostEstimate> {
  const { policy, maxPackBytes } = context
  await lookAtLeaving(context)
  const measured = await measure(context, source, options)
  const { files, byteLength, newBytes, packs, blocks, exact } = measured
  const plan = place({
    policy,
    vaults: profilesOf(context),
    packBytes: Math.min(newBytes, maxPackBytes),
    held: new Set(),
    excluded: leavingVaults(context),
  })
  const stored: Stored = { byteLength: newBytes, packs, blocks, objects: 1 }
  const bills = await billsOf(context, plan, stored, options)
  const bill = billOf(bills.map((one) => one.bill))
  const exceeds = await wouldExceed(context, bill)
  return {
    files,
    byteLength,
    newBytes,
    packs,
    blocks,
    exact,
    vaults: bills.map((one) => one.estimate),
    upFront: moneyOf(bill.once),
    perMonth: moneyOf(bill.monthly),
    unmet: plan.unmet,
    ...(exceeds && { exceeds }),
    notes: measured.notes,
  }
}

/** The vaults of the plan, and those that get no more than the index pack. */
async function billsOf(context: Context, { chosen }: PlacementPlan, stored: Stored, options: EstimateOptions) {
  const listed = listing(context)
  const rates = await ratesOf(context)
  const draws = samplesFor(OBJECT_SAMPLE)
  const ids = [...chosen, ...listed.filter((id) => !chosen.includes(id) && pricesOf(context, id) !== undefined)]
  return Promise.all(
    ids
      .flatMap((id) => context.vaults.get(id) ?? [])
      .map(async (vault) => {
        const { id } = vault.profile
        const own = chosen.includes(id) ? stored : { ...stored, byteLength: 0, packs: 0, objects: 0 }
        const quote = own.byteLength > 0 ? await quoted(vault, own.byteLength, options) : undefined
        const rules = evidenceRulesFor(context.policy, id)
        return estimateVault({
          profile: vault.profile,
          stored: own,
          lists: listed.includes(id),
          rules,
          draws,
          quote,
          measured: rates.get(id),
        })
      }),
  )
}

/** A vault that does not answer now leaves its prices. */
async function quoted(vault: Vault, byteLength: number, { signal }: EstimateOptions): Promise<Quote | undefined> {
  try {
    return await vault.quote?.(byteLength, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) return undefined
    throw error
  }
}

async function ratesOf({ catalog, clock }: Context): Promise<ReadonlyMap<string, Usage>> {
  const now = new Date(clock())
  const since = monthOf(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MEASURED_MONTHS + 1, 1))
  const sums = new Map<string, Usage>()
  for (const row of await catalog.costs({ since })) sums.set(row.vault, added(sums.get(row.vault) ?? NOTHING, row))
  return sums
}
