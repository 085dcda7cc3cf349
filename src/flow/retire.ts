/** The object whose place another took: forgotten, with its headers where they can be deleted and named where they cannot. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ObjectRow, OldHeader, PackRow, RemoveReport, ShredCertificate } from '../contracts.ts'
import { type Context, packRow } from './context.ts'
import { allExtents } from './probes.ts'
import { remove } from './remove.ts'
import { shred } from './shred.ts'

const WINDOW = 500

export interface Retired {
  readonly oldHeaders: readonly OldHeader[]
  readonly certificate?: ShredCertificate
}

interface RetireOptions extends AbortOptions {
  /** Blocks of its headers; undefined: not known, and every pack of it is looked at. */
  readonly oldHeaders: readonly CID[] | undefined
  /** What took its place. */
  readonly successor: ObjectRow
}

/** An erasable object is shredded first, which needs every vault's answer; then it is forgotten. */
export async function retire(context: Context, object: ObjectRow, { oldHeaders, successor, signal }: RetireOptions): Promise<Retired> {
  if (object.erasable) {
    const certificate = await shred(context, object.root, { signal })
    if (certificate.state === 'complete') await remove(context, object, { signal })
    return {
      certificate,
      oldHeaders: certificate.vaults.map(({ vault, pack, standing, detail }) => shreddedHeader({ vault, pack, standing, detail })),
    }
  }
  const packs = await packsWith(context, object, oldHeaders)
  const replicas = await context.catalog.replicasOf(packs.map(({ id }) => id))
  const report = await remove(context, object, { signal })
  const names = new Map(packs.map(({ id, name }) => [id, name.toString()]))
  const own = replicas.map(({ pack, vault }) => headerIn({ vault, pack: names.get(pack) ?? '' }, report))
  return { oldHeaders: [...own, ...(await earlierHeaders(context, successor, names))] }
}

/** Headers from before the object's own time lie in packs that every successor shares: those hold blocks that no object uses any more. */
async function earlierHeaders(context: Context, successor: ObjectRow, known: ReadonlyMap<number, string>): Promise<readonly OldHeader[]> {
  const found: OldHeader[] = []
  for (const pack of await context.catalog.packsOf(successor.id)) {
    const unused = known.has(pack.id) ? 0 : await unusedIn(context, pack)
    if (unused === 0) continue
    const reason = `the pack holds payload that is still in use, and ${unused} ${unused === 1 ? 'block' : 'blocks'} that no object uses any more; earlier headers may be among them`
    for (const { vault } of await context.catalog.replicasOf([pack.id]))
      found.push({ vault, pack: pack.name.toString(), retired: false, reason })
  }
  return found
}

async function unusedIn(context: Context, pack: PackRow): Promise<number> {
  const used = new Set<number>()
  for (let after = 0; ; ) {
    const page = await context.catalog.objectsIn(pack.id, { after, limit: WINDOW })
    for (const id of page) {
      for (const { first, count } of await allExtents(context, id, pack.id)) for (let at = first; at < first + count; at++) used.add(at)
    }
    const last = page.at(-1)
    if (last === undefined || page.length < WINDOW) return pack.blockCount - used.size
    after = last
  }
}

function shreddedHeader({ detail, ...at }: { vault: string; pack: string; standing: string; detail: string | undefined }): OldHeader {
  const { vault, pack, standing } = at
  if (standing === 'absent') return { vault, pack, retired: true }
  return { vault, pack, retired: false, reason: detail ?? standing }
}

function headerIn(at: { readonly vault: string; readonly pack: string }, { removed, kept }: RemoveReport): OldHeader {
  if (removed.some(({ vault, pack }) => vault === at.vault && pack === at.pack)) return { ...at, retired: true }
  const own = kept.find(({ vault, pack }) => vault === at.vault && pack === at.pack)
  const reason = own?.reason ?? 'the pack holds payload that is still in use; the old header stays in it as long'
  return { ...at, retired: false, reason }
}

async function packsWith(context: Context, object: ObjectRow, blocks: readonly CID[] | undefined): Promise<readonly PackRow[]> {
  const { catalog } = context
  if (!blocks) return catalog.packsOf(object.id)
  const ids = new Set<number>()
  for (let at = 0; at < blocks.length; at += WINDOW) {
    const found = await catalog.findBlocks(blocks.slice(at, at + WINDOW), { visibility: object.visibility })
    for (const places of found.values()) for (const { pack } of places) ids.add(pack)
  }
  return Promise.all([...ids].map((id) => packRow(context, id)))
}
