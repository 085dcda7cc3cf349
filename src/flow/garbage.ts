/** Packs that nobody refers to any more leave the vaults that can forget, the spool, and last the catalog. */
import type { AbortOptions, PackRow, ReplicaRow } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import type { Context } from './context.ts'

export type Removed = { readonly vault?: string; readonly pack: string; readonly byteLength: number }
export type Kept = { readonly vault?: string; readonly pack: string; readonly reason: string }

export interface Outcome {
  readonly removed: readonly (Removed & { readonly vault: string })[]
  readonly kept: readonly Kept[]
}

/** What dropping it would do. */
export async function planGarbage(context: Context, pack: PackRow): Promise<Outcome> {
  const replicas = await context.catalog.replicasOf([pack.id])
  const name = pack.name.toString()
  const judged = replicas.map(({ vault }) => ({ vault, reason: whyKept(context, vault) }))
  return {
    removed: judged.filter(({ reason }) => reason === undefined).map(({ vault }) => ({ vault, pack: name, byteLength: pack.byteLength })),
    kept: judged.flatMap(({ vault, reason }) => (reason === undefined ? [] : [{ vault, pack: name, reason }])),
  }
}

/** Replicas first, the catalog's rows last: a crash in between is found by the next prune. */
export async function dropGarbage(context: Context, pack: PackRow, options: AbortOptions = {}): Promise<Outcome> {
  const { catalog, spool } = context
  const removed: (Removed & { readonly vault: string })[] = []
  const kept: Kept[] = []
  for (const replica of await catalog.replicasOf([pack.id])) {
    const reason = whyKept(context, replica.vault) ?? (await forgetReplica(context, pack, replica, options))
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

function whyKept(context: Context, id: string): string | undefined {
  const vault = context.vaults.get(id)
  if (!vault) return 'this vault is not configured any more; remove it there by hand, or configure it and prune again'
  if (!vault.profile.canForget || !vault.remove) return 'this vault cannot forget'
  return undefined
}

/** Resolves to the reason when the replica could not be removed. An intent without a locator may still have left one: it is looked for. */
async function forgetReplica(context: Context, pack: PackRow, replica: ReplicaRow, { signal }: AbortOptions): Promise<string | undefined> {
  const vault = context.vaults.get(replica.vault)
  try {
    const at = replica.locator ?? (await vault?.locate(pack.name, { signal, kind: pack.kind }))
    if (at !== undefined) await vault?.remove?.(at, { signal })
    await context.catalog.dropReplica(pack.id, replica.vault)
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) return error.message
    throw error
  }
}
