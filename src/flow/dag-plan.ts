/**
 * What a DAG consists of: the packs put under its root, and the blocks it borrows from packs of other puts. Held as one bit for each block of those packs,
 * never as a set of CIDs.
 */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, BlockPlace, ObjectRow, PackId, PackRow } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { inlined, RAW } from '../format/address.ts'
import { linksOf } from '../format/dag-links.ts'
import { blockReader } from './block-reader.ts'
import { type Context, packRow } from './context.ts'

const PAGE = 1_000
/** Links that are looked up in the catalog together. */
const LOOKUP = 256

/** Positions in a pack. */
export interface Marks {
  has(ordinal: number): boolean
}

export interface DagPlan {
  readonly pack: PackRow
  /** Packs with that root, of which everything belongs to the DAG. */
  readonly own: ReadonlySet<PackId>
  readonly borrowed: ReadonlyMap<PackId, Marks>
}

interface Bits extends Marks {
  /** True when any of them was new. */
  add(first: number, count?: number): boolean
}

function bitsOf(count: number): Bits {
  const bytes = new Uint8Array(Math.ceil(count / 8))
  const isSet = (at: number) => (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) === 1
  return {
    has: isSet,
    add(first, length = 1) {
      let fresh = false
      for (let at = first; at < first + length; at++) {
        if (isSet(at)) continue
        fresh = true
        bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7))
      }
      return fresh
    },
  }
}

/**
 * Plans the DAG under the pack's root. An object's blocks are where its extents say; what no object holds together, the directory around entries that were
 * put together, is walked node by node. Throws ArchiveError `erasable`, or `unavailable` for a block that no pack holds any more.
 */
export async function planDag(context: Context, pack: PackRow, options: AbortOptions = {}): Promise<DagPlan> {
  const plan = { pack, own: await ownPacks(context, pack, options), borrowed: new Map<PackId, Bits>() }
  const root = await objectAt(context, pack, pack.root)
  if (root) await borrow(context, plan, root, options)
  else await walk(context, plan, options)
  return plan
}

type Growing = Omit<DagPlan, 'borrowed'> & { readonly borrowed: Map<PackId, Bits> }

async function ownPacks(context: Context, pack: PackRow, { signal }: AbortOptions): Promise<ReadonlySet<PackId>> {
  const own = new Set<PackId>()
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = await context.catalog.packsUnder(pack.root, { after, limit: PAGE })
    for (const row of page) {
      if (row.erasable) throw mustStayErasable(pack.root)
      if (row.visibility === pack.visibility) own.add(row.id)
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return own
    after = last.id
  }
}

async function objectAt(context: Context, pack: PackRow, root: CID): Promise<ObjectRow | undefined> {
  const object = await context.catalog.object(root)
  if (object?.visibility !== pack.visibility) return undefined
  if (object.erasable) throw mustStayErasable(root)
  return object
}

/** The object's blocks in packs of other puts. */
async function borrow(context: Context, plan: Growing, object: ObjectRow, { signal }: AbortOptions): Promise<void> {
  for (let after = -1; ; ) {
    signal?.throwIfAborted()
    const page = await context.catalog.extentsOf(object.id, { after, limit: PAGE })
    for (const { pack, first, count } of page) if (!plan.own.has(pack)) (await bitsIn(context, plan, pack)).add(first, count)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.start
  }
}

async function bitsIn(context: Context, { pack: { root }, borrowed }: Growing, id: PackId): Promise<Bits> {
  const known = borrowed.get(id)
  if (known) return known
  const row = await packRow(context, id)
  if (row.erasable) throw mustStayErasable(root)
  const bits = bitsOf(row.blockCount)
  borrowed.set(id, bits)
  return bits
}

/** By links from the root on, each node once: that it was seen is one bit, too. */
async function walk(context: Context, plan: Growing, options: AbortOptions): Promise<void> {
  const { pack, own } = plan
  const reader = blockReader(context, { visibility: pack.visibility })
  const seen = new Map<PackId, Bits>()
  const waiting: CID[] = []

  const isNew = async ({ pack: id, ordinal }: BlockPlace) => {
    const bits = seen.get(id) ?? bitsOf((await packRow(context, id)).blockCount)
    seen.set(id, bits)
    return bits.add(ordinal)
  }

  const take = async (links: readonly CID[]) => {
    const places = await context.catalog.findBlocks(links, { visibility: pack.visibility })
    for (const cid of links) {
      if (inlined(cid) === undefined) {
        const place = chosen(plan, places.get(cid.toString()) ?? [])
        if (!place) throw gone(pack.root, cid)
        if (!(await isNew(place))) continue
        if (!own.has(place.pack)) (await bitsIn(context, plan, place.pack)).add(place.ordinal)
      }
      const object = cid.code === RAW || cid.equals(pack.root) ? undefined : await objectAt(context, pack, cid)
      if (object) await borrow(context, plan, object, options)
      else if (cid.code !== RAW) waiting.push(cid)
    }
  }

  await take([pack.root])
  for (let cid = waiting.pop(); cid; cid = waiting.pop()) {
    options.signal?.throwIfAborted()
    const links = linksOf(cid, await reader.get(cid, options))
    for (let at = 0; at < links.length; at += LOOKUP) await take(links.slice(at, at + LOOKUP))
  }
}

/** Where the block is taken from, if several packs hold it. */
function chosen({ own, borrowed }: DagPlan, places: readonly BlockPlace[]): BlockPlace | undefined {
  const sorted = places.toSorted((a, b) => a.pack - b.pack || a.ordinal - b.ordinal)
  return sorted.find(({ pack }) => own.has(pack)) ?? sorted.find(({ pack }) => borrowed.has(pack)) ?? sorted[0]
}

const mustStayErasable = (root: CID) =>
  new ArchiveError(
    'erasable',
    `the DAG under ${root} holds headers that must stay deletable; it does not go where whoever fetched it may keep it`,
  )

const gone = (root: CID, cid: CID) =>
  new ArchiveError(
    'unavailable',
    `the DAG under ${root} is not whole any more: ${cid} went with an object that was removed. What is left of it lies in the packs of other objects; put those again under a root of their own`,
  )
