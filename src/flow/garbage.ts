/** Packs that nobody refers to any more leave the vaults that can remove, the spool, and last the catalog. */
import type { AbortOptions, Locator, PackRow, ReplicaRow } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import type { Context } from './context.ts'
import { pinSharers } from './dag-places.ts'

export type Removed = { readonly vault?: string; readonly pack: string; readonly byteLength: number }
export type Kept = { readonly vault?: string; readonly pack: string; readonly reason: string }

export interface Outcome {
  readonly removed: readonly (Removed & { readonly vault: string })[]
  readonly kept: readonly Kept[]
}

/** What dropping it would do, as far as vaults tell of locks; a refusal for want of a right shows only when they are asked. */
export async function planGarbage(context: Context, pack: PackRow): Promise<Outcome> {
  const replicas = await context.catalog.replicasOf([pack.id])
  const name = pack.name.toString()
  const judged = await Promise.all(
    replicas.map(async (replica) => {
      const { vault, locator } = replica
      const shared = await pinSharers(context, pack, replica, {})
      return { vault, reason: whyKept(context, vault) ?? pinnedFor(shared) ?? (await lockOn(context, vault, locator)) }
    }),
  )
  return {
    removed: judged.filter(({ reason }) => reason === undefined).map(({ vault }) => ({ vault, pack: name, byteLength: pack.byteLength })),
    kept: judged.flatMap(({ vault, reason }) => (reason === undefined ? [] : [{ vault, pack: name, reason }])),
  }
}

export interface DropOptions extends AbortOptions {
  /** Nobody asked for it: vaults that keep what they have until a date are not bothered. */
  readonly tidying?: boolean | undefined
}

/** Replicas first, the catalog's rows last: a crash in between is found by the next prune. */
export async function dropGarbage(context: Context, pack: PackRow, options: DropOptions = {}): Promise<Outcome> {
  const { catalog, spool } = context
  const removed: (Removed & { readonly vault: string })[] = []
  const kept: Kept[] = []
  for (const replica of await catalog.replicasOf([pack.id])) {
    const reason =
      whyKept(context, replica.vault, options) ??
      (await logAtStake(context, pack, replica.vault)) ??
      (await forgetReplica(context, pack, replica, options))
    if (reason === undefined) removed.push({ vault: replica.vault, pack: pack.name.toString(), byteLength: pack.byteLength })
    else kept.push({ vault: replica.vault, pack: pack.name.toString(), reason })
  }
  if (pack.spooled) {
    await catalog.unspooled(pack.id)
    await spool.remove(pack.name)
  }
  if (kept.length === 0) await catalog.dropPack(pack.id)
  return { removed, kept }
}

/** Without `canForget` a vault promises nothing, but it may be asked: its refusal says what keeps the pack. */
function whyKept(context: Context, id: string, { tidying = false }: DropOptions = {}): string | undefined {
  const vault = context.vaults.get(id)
  if (!vault) return 'this vault is not configured any more; remove it there by hand, or configure it and prune again'
  if (!vault.remove || (tidying && vault.profile.term !== 'standing')) return 'this vault cannot forget'
  return undefined
}

/** An index pack may hold what no other in that vault holds of the log: it goes when the newer ones have arrived there. */
async function logAtStake({ catalog }: Context, pack: PackRow, vault: string): Promise<string | undefined> {
  if (pack.kind !== 'index' || (await catalog.hasLogBeside(pack.id, vault))) return undefined
  return 'it holds log entries that the vault has nowhere else yet'
}

/** What keeps it there now, where the vault tells. */
async function lockOn(context: Context, id: string, at: Locator | undefined): Promise<string | undefined> {
  const held =
    at === undefined
      ? undefined
      : await context.vaults
          .get(id)
          ?.retention?.(at)
          .catch(() => undefined)
  if (!held) return undefined
  const until =
    held.until.getTime() > context.clock() ? `a lock${held.mode ? ` (${held.mode})` : ''} retains it until ${held.until.toISOString()}` : ''
  const reasons = [until, held.legalHold ? 'a legal hold keeps it' : ''].filter((reason) => reason !== '')
  return reasons.length > 0 ? reasons.join(', and ') : undefined
}

/** Resolves to the reason when the replica could not be removed. An intent without a locator may still have left one: it is looked for. */
export async function forgetReplica(
  context: Context,
  pack: PackRow,
  replica: ReplicaRow,
  { signal }: AbortOptions,
): Promise<string | undefined> {
  const vault = context.vaults.get(replica.vault)
  try {
    const at = replica.locator ?? (await vault?.locate(pack.name, { signal, kind: pack.kind, root: pack.root }))
    const shared = await pinSharers(context, pack, { vault: replica.vault, locator: at }, { signal })
    const reason = pinnedFor(shared)
    if (reason !== undefined) return reason
    // The last pack of a DAG that nobody needs takes the pin along.
    if (at !== undefined && shared === 'none') await vault?.remove?.(at, { signal })
    await context.catalog.dropReplica(pack.id, replica.vault)
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) return error.message
    throw error
  }
}

const pinnedFor = (shared: 'none' | 'garbage' | 'in-use'): string | undefined =>
  shared === 'in-use' ? 'it lies there in a DAG of which other objects use blocks; it goes with the last of them' : undefined
