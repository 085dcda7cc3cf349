/** One transaction makes a put visible: its packs get their names, its objects their extents. */
import type { Catalog, Extent, SealedObject, SealedPack } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf, gather } from './batches.ts'
import { readablePacks } from './blocks.ts'
import { saveFingerprints } from './fingerprints.ts'
import { markGarbage } from './garbage.ts'
import { retainObjects } from './retention.ts'
import { keyOf } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'
import { sealPacks } from './seal-packs.ts'

const ROWS_AT_ONCE = 64

export function sealing(db: Database): Pick<Catalog, 'seal'> {
  return {
    seal: (owner, packs, objects, { fingerprints = [] } = {}) =>
      write(db, async (session) => {
        const { ids, known } = await seal(session, owner, packs, objects)
        await saveFingerprints(session, fingerprints, known)
        return ids
      }),
  }
}

/** An object of this call; the same root may come several times. */
interface Incoming {
  readonly key: string
  readonly object: SealedObject
  readonly extents: readonly Extent[]
}

async function seal(
  session: Session,
  owner: string,
  packs: readonly SealedPack[],
  objects: readonly SealedObject[],
): Promise<{ readonly ids: readonly number[]; readonly known: ReadonlyMap<number, number> }> {
  const known = await sealPacks(session, owner, packs)
  const incoming = objects.map((object) => ({
    key: keyOf(object.root.bytes),
    object,
    extents: object.extents.map((extent) => ({ ...extent, pack: known.get(extent.pack) ?? extent.pack })),
  }))
  const named = new Set(incoming.flatMap(({ extents }) => extents.map(({ pack }) => pack)))
  await refuseGone(session, named)
  const old = await existing(session, incoming)
  const fresh = [...new Map(incoming.filter(({ key }) => !old.has(key)).map((each) => [each.key, each])).values()]
  const ids = new Map([...[...old].map(([key, { id }]) => [key, id] as const), ...(await insertObjects(session, fresh))])
  const renewed = await clearUnreadable(
    session,
    incoming.filter(({ key }) => old.has(key)),
    ids,
  )
  await insertExtents(session, [...fresh, ...renewed.incoming], ids)
  await describe(
    session,
    incoming.filter(({ key }) => old.has(key)),
    ids,
  )
  await saveAttributes(session, incoming, ids)
  await retainObjects(
    session,
    incoming.map(({ key, object }) => ({ id: idOf(ids, key), object })),
  )
  await markGarbage(session, [...known.values(), ...named, ...renewed.left])
  return { ids: incoming.map(({ key }) => idOf(ids, key)), known }
}

async function refuseGone(session: Session, packs: ReadonlySet<number>): Promise<void> {
  const there = await gather(packs, (ids) =>
    session.selectFrom('packs').select('id').where('id', 'in', ids).where('owner', 'is', null).where('kind', '=', 'content').execute(),
  )
  if (there.length === packs.size) return
  const found = new Set(there.map(({ id }) => id))
  const gone = [...packs].filter((id) => !found.has(id))
  throw new CatalogError('conflict', `the put reuses packs that have gone meanwhile (${gone.slice(0, 5).join(', ')}); put again`)
}

async function existing(session: Session, incoming: readonly Incoming[]): Promise<Map<string, { readonly id: number }>> {
  const byKey = new Map(incoming.map((each) => [each.key, each.object]))
  const rows = await gather(byKey.keys(), (keys) =>
    session
      .selectFrom('objects')
      .select(['id', 'root', 'visibility'])
      .where(
        'root',
        'in',
        keys.flatMap((key) => byKey.get(key)?.root.bytes ?? []),
      )
      .execute(),
  )
  for (const row of rows) {
    const object = byKey.get(keyOf(row.root))
    if (object && object.visibility !== row.visibility)
      throw new CatalogError(
        'conflict',
        `${object.root} is stored as ${row.visibility} already; remove it before it is put as ${object.visibility}`,
      )
  }
  return new Map(rows.map((row) => [keyOf(row.root), { id: Number(row.id) }]))
}

/** Nothing is placed yet, so a new object is below any floor. */
const UNPLACED = { state: 'at-risk', fresh_until: 0, due_at: 0 } as const

async function insertObjects(session: Session, fresh: readonly Incoming[]): Promise<readonly (readonly [string, number])[]> {
  const ids: (readonly [string, number])[] = []
  for (const batch of batchesOf(fresh, ROWS_AT_ONCE)) {
    const rows = await session
      .insertInto('objects')
      .values(
        batch.map(({ object, extents }) => ({
          root: object.root.bytes,
          name: object.name ?? null,
          media_type: object.mediaType ?? null,
          kind: object.kind,
          byte_length: object.byteLength,
          block_count: blockCount(object, extents),
          profile: object.profile,
          visibility: object.visibility,
          created_at: object.createdAt,
          erasable: object.erasable ? (1 as const) : (0 as const),
          supersedes: object.supersedes?.bytes ?? null,
          ...UNPLACED,
        })),
      )
      .returning(['id', 'root'])
      .execute()
    for (const { id, root } of rows) ids.push([keyOf(root), Number(id)])
  }
  return ids
}

/** The number of blocks, counted over extents that must follow each other without gaps. */
function blockCount(object: SealedObject, extents: readonly Extent[]): number {
  let next = 0
  for (const { start, count } of extents) {
    if (start !== next || count < 1)
      throw new CatalogError('conflict', `the extents of ${object.root} have a gap at block ${next}; this is a bug in the caller`)
    next += count
  }
  return next
}

/**
 * Extents stay, unless a pack of theirs can be read from nowhere any more and the new ones come without it: then putting the same content again is
 * how the object is saved. Resolves to the objects to give extents anew and the packs they leave.
 */
async function clearUnreadable(
  session: Session,
  known: readonly Incoming[],
  ids: ReadonlyMap<string, number>,
): Promise<{ readonly incoming: readonly Incoming[]; readonly left: readonly number[] }> {
  const byId = new Map(known.map((each) => [idOf(ids, each.key), each]))
  const rows = await gather(byId.keys(), (batch) =>
    session.selectFrom('extents').select(['object', 'pack']).distinct().where('object', 'in', batch).execute(),
  )
  const packs = [...rows.map(({ pack }) => pack), ...known.flatMap(({ extents }) => extents.map(({ pack }) => pack))]
  const readable = await readablePacks(session, packs)
  const lost = new Set(rows.filter(({ pack }) => !readable.has(pack)).map(({ object }) => object))
  const chosen = [...byId].filter(([id, { extents }]) => lost.has(id) && extents.every(({ pack }) => readable.has(pack)))
  const chosenIds = new Set(chosen.map(([id]) => id))
  for (const batch of batchesOf([...chosenIds])) {
    await session.deleteFrom('extents').where('object', 'in', batch).execute()
    await session.updateTable('objects').set(UNPLACED).where('id', 'in', batch).execute()
  }
  for (const [id, { object, extents }] of chosen)
    await session
      .updateTable('objects')
      .set({ block_count: blockCount(object, extents) })
      .where('id', '=', id)
      .execute()
  return {
    incoming: chosen.map(([, each]) => each),
    left: rows.filter(({ object }) => chosenIds.has(object)).map(({ pack }) => pack),
  }
}

async function insertExtents(session: Session, incoming: readonly Incoming[], ids: ReadonlyMap<string, number>): Promise<void> {
  const rows = incoming.flatMap(({ key, extents }) => {
    const object = idOf(ids, key)
    return extents.map(({ start, pack, first, count }) => ({ object, start, pack, first, count }))
  })
  for (const batch of batchesOf(rows, ROWS_AT_ONCE)) await session.insertInto('extents').values(batch).execute()
}

/** Name and media type given anew replace the old. */
async function describe(session: Session, known: readonly Incoming[], ids: ReadonlyMap<string, number>): Promise<void> {
  for (const { key, object } of known) {
    const given = {
      ...(object.name === undefined ? {} : { name: object.name }),
      ...(object.mediaType === undefined ? {} : { media_type: object.mediaType }),
    }
    if (Object.keys(given).length > 0) await session.updateTable('objects').set(given).where('id', '=', idOf(ids, key)).execute()
  }
}

async function saveAttributes(session: Session, incoming: readonly Incoming[], ids: ReadonlyMap<string, number>): Promise<void> {
  for (const { key, object } of incoming) {
    if (object.attributes === undefined) continue
    await session
      .insertInto('attributes')
      .values({ object: idOf(ids, key), bytes: object.attributes })
      .onConflict((conflict) => conflict.column('object').doUpdateSet((expression) => ({ bytes: expression.ref('excluded.bytes') })))
      .execute()
  }
}

function idOf(ids: ReadonlyMap<string, number>, key: string): number {
  const id = ids.get(key)
  if (id === undefined) throw new CatalogError('conflict', 'an object vanished while it was sealed; put again')
  return id
}
