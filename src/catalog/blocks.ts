/** Where blocks lie, and which packs are good enough to be reused. */
import type { CID } from 'multiformats/cid'
import type { BlockPlace, Catalog, Visibility } from '../contracts.ts'
import { gather } from './batches.ts'
import { cidOf, keyOf } from './rows.ts'
import { type Database, read } from './schema.ts'

const TAIL_BYTES = 6

/** What is indexed of a CID: its last six bytes, which for a hash are as good as random. Equal tails are told apart by the CID itself. */
export function tailOf(cid: Uint8Array): number {
  let tail = 0
  for (let at = Math.max(0, cid.byteLength - TAIL_BYTES); at < cid.byteLength; at++) tail = tail * 256 + (cid[at] ?? 0)
  return tail
}

export function blockLookups(db: Database): Pick<Catalog, 'findBlocks' | 'blocksAt'> {
  return {
    findBlocks: (cids, { visibility, owner, reusable = false }) =>
      read(db, async (session) => {
        const wanted = new Map(cids.map((cid) => [keyOf(cid.bytes), cid]))
        const rows = await gather(
          [...wanted.values()].map((cid) => tailOf(cid.bytes)),
          (tails) => session.selectFrom('blocks').selectAll().where('tail', 'in', tails).execute(),
        )
        const open = await openPacks(
          session,
          rows.map(({ pack }) => pack),
          { visibility, owner, reusable },
        )
        const found = new Map<string, BlockPlace[]>()
        for (const row of rows) {
          const cid = wanted.get(keyOf(row.cid))
          if (cid === undefined || !open.has(row.pack)) continue
          const place = placeOf(row, cid)
          const places = found.get(cid.toString())
          if (places) places.push(place)
          else found.set(cid.toString(), [place])
        }
        return found
      }),

    blocksAt: (pack, ordinals) =>
      read(db, async (session) => {
        const rows = await gather(ordinals, (some) =>
          session
            .selectFrom('blocks')
            .innerJoin('packs', 'packs.id', 'blocks.pack')
            .selectAll('blocks')
            .where('pack', '=', pack)
            .where('ordinal', 'in', some)
            .where('packs.owner', 'is', null)
            .execute(),
        )
        return rows.map((row) => placeOf(row, cidOf(row.cid))).sort((a, b) => a.ordinal - b.ordinal)
      }),
  }
}

interface BlockColumns {
  readonly pack: number
  readonly ordinal: number
  readonly position: number
  readonly length: number
}

const placeOf = ({ pack, ordinal, position, length }: BlockColumns, cid: CID): BlockPlace => ({
  cid,
  pack: Number(pack),
  ordinal: Number(ordinal),
  offset: Number(position),
  length: Number(length),
})

type Sight = Parameters<Catalog['findBlocks']>[1]

async function openPacks(session: Database, packs: Iterable<number>, { visibility, owner, reusable }: Sight): Promise<ReadonlySet<number>> {
  const rows = await gather(packs, (ids) =>
    session.selectFrom('packs').select(['id', 'owner', 'visibility', 'spooled', 'erasable']).where('id', 'in', ids).execute(),
  )
  const seen = rows.filter(
    (row) => (row.owner === null || row.owner === owner) && (visibility === undefined || row.visibility === visibility),
  )
  if (!reusable) return new Set(seen.map(({ id }) => id))
  const offered = seen.filter((row) => row.erasable === 0 || row.owner !== null)
  const held = await heldByVaults(
    session,
    offered.filter((row) => row.owner === null && row.spooled === 0).map(({ id }) => id),
  )
  return new Set(offered.filter((row) => row.owner !== null || row.spooled === 1 || held.has(row.id)).map(({ id }) => id))
}

/** Packs with a placed replica that nothing has shown to be damaged or missing. */
export async function heldByVaults(session: Database, packs: Iterable<number>): Promise<ReadonlySet<number>> {
  const rows = await gather(packs, (ids) =>
    session.selectFrom('replicas').select(['pack', 'state', 'verdict']).where('pack', 'in', ids).execute(),
  )
  return new Set(
    rows.filter(({ state, verdict }) => state === 'placed' && verdict !== 'damaged' && verdict !== 'missing').map(({ pack }) => pack),
  )
}

/** Of these packs, the sealed ones whose blocks may be reused under that visibility. */
export async function reusablePacks(session: Database, packs: Iterable<number>, visibility: Visibility): Promise<ReadonlySet<number>> {
  return await openPacks(session, packs, { visibility, reusable: true })
}

/** Of these packs, the sealed ones from which blocks can still be had: spooled or held. */
export async function readablePacks(session: Database, packs: Iterable<number>): Promise<ReadonlySet<number>> {
  const rows = await gather(packs, (ids) =>
    session.selectFrom('packs').select(['id', 'spooled']).where('id', 'in', ids).where('owner', 'is', null).execute(),
  )
  const held = await heldByVaults(
    session,
    rows.filter(({ spooled }) => spooled === 0).map(({ id }) => id),
  )
  return new Set(rows.filter(({ id, spooled }) => spooled === 1 || held.has(id)).map(({ id }) => id))
}
