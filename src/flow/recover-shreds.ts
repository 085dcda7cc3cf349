/** Tombstones are obeyed: whoever finds headers that were shredded deletes them, and what one vault did not tell, it is told. */
import * as cbor from '@ipld/dag-cbor'
import type { CID } from 'multiformats/cid'
import type { AbortOptions, PackKind, Vault } from '../contracts.ts'
import { PerdureError } from '../errors.ts'
import type { TombstoneStatement } from '../format/record.ts'
import type { Context } from './context.ts'
import { readBack } from './probes.ts'
import { type Accepted, historyOf, indexPacksOf, type Row, rootsOf } from './recover-found.ts'
import type { Tally } from './recover-tally.ts'
import { replicate } from './replicate.ts'
import { shred } from './shred.ts'

const KIND: PackKind = 'content'

export interface ObeyOptions extends AbortOptions {
  readonly accepted: Accepted
  readonly listed: ReadonlySet<string>
  readonly tally: Tally
  /** Are tombstones said again, and certificates issued? */
  readonly publish: boolean
}

/** Deletes every header pack that a tombstone names, wherever it is found, and goes on with shredding that had not come to its end. */
export async function obeyShreds(context: Context, options: ObeyOptions): Promise<void> {
  for await (const roots of rootsOf(context, options)) {
    for (const root of roots) {
      const history = await historyOf(context, root, options.accepted)
      if (history && history.shreds.length > 0) await obey(context, root, history.shreds, options)
    }
  }
}

async function obey(context: Context, root: CID, tombstones: readonly Row[], options: ObeyOptions): Promise<void> {
  const { catalog } = context
  const { tally, signal } = options
  const names = await namesIn(context, tombstones)
  const found = await catalog.listedAt(names)
  const object = await catalog.object(root)
  const own = new Set(object ? (await catalog.packsOf(object.id)).flatMap(({ name, erasable }) => (erasable ? [name.toString()] : [])) : [])
  const remaining: { readonly vault: string; readonly pack: string; readonly reason: string }[] = []
  for (const name of names)
    if (!options.publish || !own.has(name.toString())) remaining.push(...(await eraseByName(context, name, { signal })))
  if (options.publish && object?.shreddedAt !== undefined && (await catalog.shredOf(root))?.complete !== true) {
    const { vaults } = await shred(context, root, { signal })
    for (const { vault, pack, standing, detail } of vaults)
      if (standing !== 'absent') remaining.push({ vault, pack, reason: detail ?? standing })
  }
  tally.headers.remaining.push(...remaining)
  const stays = new Set(remaining.map(({ vault, pack }) => `${vault} ${pack}`))
  tally.headers.deleted += found.filter(({ vault, name }) => !stays.has(`${vault} ${name}`)).length
}

async function namesIn({ catalog }: Context, tombstones: readonly Row[]): Promise<readonly CID[]> {
  const names = new Map<string, CID>()
  for (const { cid } of tombstones) {
    const bytes = await catalog.foundBytes(cid)
    const packs = bytes ? (cbor.decode<TombstoneStatement>(bytes).shred?.packs ?? []) : []
    for (const name of packs) names.set(name.toString(), name)
  }
  return [...names.values()]
}

/** A header pack that the catalog knows nothing else of. Resolves to where it may still be. */
async function eraseByName(context: Context, name: CID, { signal }: AbortOptions) {
  await context.spool.remove(name)
  const refusals = await Promise.all([...context.vaults.values()].map((vault) => eraseAt(context, vault, name, { signal })))
  return refusals.flatMap((reason, index) => {
    const vault = [...context.vaults.keys()][index]
    return reason === undefined || vault === undefined ? [] : [{ vault, pack: name.toString(), reason }]
  })
}

/** Resolves to why it may still be there. */
async function eraseAt({ timeoutMs }: Context, vault: Vault, name: CID, { signal }: AbortOptions): Promise<string | undefined> {
  const patience = () => (signal ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) : AbortSignal.timeout(timeoutMs))
  try {
    const at = await vault.locate(name, { signal: patience(), kind: KIND })
    if (at !== undefined && !vault.remove) return 'this vault has no way to delete'
    if (at !== undefined) await vault.remove?.(at, { signal: patience() })
    await vault.abandon?.(name, { signal: patience(), kind: KIND })
    return (await vault.locate(name, { signal: patience(), kind: KIND })) === undefined ? undefined : 'the vault says that it has it'
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof PerdureError || (error as Error).name === 'TimeoutError') return (error as Error).message
    throw error
  }
}

/** Tombstones and what else no later index pack repeats come to every vault that was read and did not have them. A vault that fails gets them with the next recovery. */
export async function spreadLasting(context: Context, options: ObeyOptions): Promise<void> {
  const { catalog, spool, vaults } = context
  const wanting = [...options.listed].filter((id) => vaults.get(id)?.profile.paid === false)
  if (wanting.length < 2) return
  for await (const packs of indexPacksOf(context, options)) {
    for (const { name } of packs.filter(({ lasting, logOnly }) => lasting && !logOnly)) {
      const there = new Set((await catalog.listedAt([name])).map(({ vault }) => vault))
      const without = wanting.filter((id) => !there.has(id))
      const pack = without.length > 0 ? await catalog.packByName(name) : undefined
      if (!pack) continue
      await replicate(context, [{ pack, vaults: without }], {
        signal: options.signal,
        patienceMs: 0,
        probes: (row, vault) => readBack(context, row, vault),
      })
      await catalog.unspooled(pack.id)
      await spool.remove(pack.name)
    }
  }
}
