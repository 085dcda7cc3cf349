/** Forgetting: objects, then the packs that nobody refers to any more, in vaults that can forget. What stays is named. */
import type { AbortOptions, ObjectRow, PackId, PackRow, PruneReport, RemoveReport, ReplicaRow } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { type Context, packRow } from './context.ts'
import { publishTombstone } from './publish.ts'

const PAGE = 200

type Removed = { readonly vault?: string; readonly pack: string; readonly byteLength: number }
type Kept = { readonly vault?: string; readonly pack: string; readonly reason: string }

/** Forgets one object. Packs that other objects share stay; a signed tombstone tells a later recovery that it was on purpose. */
export async function remove(context: Context, object: ObjectRow, options: AbortOptions = {}): Promise<RemoveReport> {
  const { catalog } = context
  await publishTombstone(context, object, options)
  const { garbage, shared } = await catalog.forget(object.id)
  const removed: (Removed & { readonly vault: string })[] = []
  const kept: Kept[] = []
  for (const id of shared) kept.push({ pack: (await packRow(context, id)).name.toString(), reason: 'other objects use blocks of this pack' })
  for (const id of garbage) {
    const done = await dropGarbage(context, await packRow(context, id), options)
    removed.push(...done.removed)
    kept.push(...done.kept)
  }
  return { root: object.root.toString(), removed, kept }
}

/** Removes garbage packs, superseded index packs and what dead processes left in the spool; with `plan`, only says what it would remove. */
export async function prune(context: Context, options: AbortOptions & { readonly plan?: boolean | undefined } = {}): Promise<PruneReport> {
  const { catalog, spool } = context
  const { plan = false, signal } = options
  const removed: (Removed & { readonly reason: string })[] = []
  const kept: Kept[] = []
  if (!plan) await spool.collect()
  for (let after: PackId = 0; ; ) {
    const page = await catalog.garbage({ after, limit: PAGE })
    for (const pack of page) {
      signal?.throwIfAborted()
      const reason = pack.kind === 'index' ? 'superseded by newer records' : 'no object refers to it'
      const done = plan ? await planGarbage(context, pack) : await dropGarbage(context, pack, options)
      removed.push(...done.removed.map((one) => ({ ...one, reason })))
      kept.push(...done.kept)
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return { planned: plan, removed, kept }
    after = last.id
  }
}

interface Outcome {
  readonly removed: readonly (Removed & { readonly vault: string })[]
  readonly kept: readonly Kept[]
}

async function planGarbage(context: Context, pack: PackRow): Promise<Outcome> {
  const replicas = await context.catalog.replicasOf([pack.id])
  const name = pack.name.toString()
  const judged = replicas.map(({ vault }) => ({ vault, reason: whyKept(context, vault) }))
  return {
    removed: judged.filter(({ reason }) => reason === undefined).map(({ vault }) => ({ vault, pack: name, byteLength: pack.byteLength })),
    kept: judged.flatMap(({ vault, reason }) => (reason === undefined ? [] : [{ vault, pack: name, reason }])),
  }
}

/** Replicas first, the catalog's rows last: a crash in between is found by the next prune. */
async function dropGarbage(context: Context, pack: PackRow, options: AbortOptions): Promise<Outcome> {
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
