/** The copies in a vault that was left: deleted where that loses nothing, and what stays there, with how long it must be paid for. */
import type { EvacuateOptions, Money, PackRow, Remaining, ReplicaRow } from '../contracts.ts'
import { DAY_MS } from '../policy/cadence.ts'
import { storedMonthly } from '../policy/cost.ts'
import { amountOf } from '../policy/money.ts'
import { type Context, tell } from './context.ts'
import { type Moving, settlePack } from './evacuate-pack.ts'
import { replicaPages } from './evacuate-plan.ts'
import { forgetReplica } from './garbage.ts'

const MOST_REFUSALS = 1_000

export interface Removal {
  readonly removed: { readonly packs: number; readonly byteLength: number }
  /** Why a pack was not deleted, by its number; of the first thousand. */
  readonly refusals: ReadonlyMap<number, string>
}

export const NOTHING_REMOVED: Removal = { removed: { packs: 0, byteLength: 0 }, refusals: new Map() }

/** Right before a copy is deleted, its others are looked at again; where they are not shown to be intact, it stays. */
export async function removeCopies(context: Context, moving: Moving, options: EvacuateOptions): Promise<Removal> {
  const removed = { packs: 0, byteLength: 0 }
  const refusals = new Map<number, string>()
  for await (const page of replicaPages(context, moving.vault)) {
    for (const replica of page) {
      options.signal?.throwIfAborted()
      const pack = await context.catalog.pack(replica.pack)
      if (!pack) continue
      const reason = await removeCopy(context, moving, { replica, pack }, options)
      if (reason !== undefined && refusals.size < MOST_REFUSALS) refusals.set(pack.id, reason)
      if (reason !== undefined) continue
      removed.packs++
      removed.byteLength += pack.byteLength
      tell(options.onProgress, { type: 'copy-removed', pack: pack.name.toString(), byteLength: pack.byteLength })
    }
  }
  return { removed, refusals }
}

/** Resolves to why it stays. */
async function removeCopy(
  context: Context,
  moving: Moving,
  { replica, pack }: { readonly replica: ReplicaRow; readonly pack: PackRow },
  options: EvacuateOptions,
): Promise<string | undefined> {
  const vault = context.vaults.get(moving.vault)
  if (!vault) return 'the vault is not configured any more'
  if (!vault.remove) return 'this vault cannot delete'
  const { fate, detail } = await settlePack(context, moving, replica, pack, { ...options, fresh: true })
  if (fate !== 'safe' && fate !== 'unneeded') return `its other copies are not shown to be intact now: ${detail ?? fate}`
  const patience = AbortSignal.timeout(context.timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience
  try {
    const refusal = await forgetReplica(context, pack, replica, { signal })
    if (refusal !== undefined) return refusal
    if (replica.locator === undefined || (await vault.status(replica.locator, { signal })) === 'absent') return undefined
    await context.catalog.placed(pack.id, moving.vault, replica.locator, context.clock())
    return 'the vault was told to delete it, and says that it still has it'
  } catch (error) {
    options.signal?.throwIfAborted()
    // Deleted or not: what is not known to be gone is still there.
    if (replica.locator !== undefined) await context.catalog.placed(pack.id, moving.vault, replica.locator, context.clock())
    return error instanceof Error ? error.message : String(error)
  }
}

/** What the vault still holds as far as the catalog knows, in groups. */
export async function remainingIn(context: Context, vault: string, { refusals }: Removal): Promise<readonly Remaining[]> {
  const groups = new Map<string, { kept: string; packs: number; byteLength: number; reason?: string }>()
  for await (const page of replicaPages(context, vault)) {
    for (const replica of page) {
      const pack = replica.state === 'placed' ? await context.catalog.pack(replica.pack) : undefined
      if (!pack) continue
      const kept = keptOf(context, vault, replica)
      const dated = kept !== 'until-removed' && kept !== 'for-ever'
      const group = groups.get(dated ? 'dated' : kept) ?? { kept, packs: 0, byteLength: 0 }
      const reason = refusals.get(pack.id) ?? group.reason
      groups.set(dated ? 'dated' : kept, {
        kept: group.kept > kept ? group.kept : kept,
        packs: group.packs + 1,
        byteLength: group.byteLength + pack.byteLength,
        ...(reason !== undefined && { reason }),
      })
    }
  }
  return [...groups.values()].map((group) => ({ ...group, ...monthlyOf(context, vault, group.byteLength) }))
}

/** The last moment that something is known to keep it there. */
function keptOf(context: Context, id: string, { retainedUntil = 0, placedAt }: ReplicaRow): string {
  const vault = context.vaults.get(id)
  const { term, termDays } = vault?.profile ?? {}
  if (term === 'perpetual') return 'for-ever'
  const termEnd = term === 'renewable' && termDays !== undefined && placedAt !== undefined ? placedAt + termDays * DAY_MS : 0
  const until = Math.max(retainedUntil, termEnd)
  if (until > context.clock()) return new Date(until).toISOString()
  return vault && !vault.remove ? 'for-ever' : 'until-removed'
}

function monthlyOf(context: Context, vault: string, byteLength: number): { readonly perMonth?: Money } {
  const prices = context.vaults.get(vault)?.profile.prices
  return prices ? { perMonth: { amount: amountOf(storedMonthly(prices, byteLength)), currency: prices.currency } } : {}
}
