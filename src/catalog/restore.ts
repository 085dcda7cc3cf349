/** What a recovery enters: packs by their TOCs, replicas by a claim, objects by their newest records. */
import type { Catalog, ObjectId, PackId, RecoveredIndexPack, RecoveredObject, RecoveredPack, RecoveredReplica } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf } from './batches.ts'
import { markGarbage } from './garbage.ts'
import { PACK_COLUMNS, toPack } from './rows.ts'
import { type Database, type Flag, type Session, write } from './schema.ts'
import { insertBlocks } from './staging.ts'
import { recount, STANDING } from './tallies.ts'

const ROWS_AT_ONCE = 64

type Restoring = Pick<
  Catalog,
  'restorePacks' | 'restoreReplicas' | 'restoreObjects' | 'restoreIndexPacks' | 'settleIndexPacks' | 'restoreShred' | 'recordPackOf'
>

export function restoring(db: Database): Restoring {
  return {
    restorePacks: (packs) =>
      write(db, async (session) => {
        const ids: PackId[] = []
        for (const pack of packs) ids.push(await restorePack(session, pack))
        return ids
      }),

    restoreReplicas: (replicas, at) =>
      write(db, async (session) => {
        const entered: Record<string, number> = {}
        for (const [vault, own] of Map.groupBy(replicas, (replica) => replica.vault))
          for (const batch of batchesOf(own, ROWS_AT_ONCE))
            entered[vault] = (entered[vault] ?? 0) + (await restoreReplicas(session, batch, at))
        return entered
      }),

    restoreObjects: (objects) =>
      write(db, async (session) => {
        const done: { readonly object: ObjectId; readonly outcome: 'restored' | 'updated' | 'kept' }[] = []
        const touched = new Set<PackId>()
        for (const object of objects) done.push(await restoreObject(session, object, touched))
        await markGarbage(session, touched)
        return done
      }),

    restoreIndexPacks: (packs) =>
      write(db, async (session) => {
        const ids: PackId[] = []
        for (const pack of packs) ids.push(await restoreIndexPack(session, pack))
        return ids
      }),

    settleIndexPacks: (packs) =>
      write(db, async (session) => {
        for (const batch of batchesOf(packs))
          await session.updateTable('packs').set({ recorded: 1 }).where('kind', '=', 'index').where('id', 'in', batch).execute()
        await markGarbage(session, packs)
      }),

    restoreShred: async (root, at) => {
      await db
        .insertInto('shreds')
        .values({ root: root.bytes, begun_at: at, certificate: null, certified_at: null })
        .onConflict((conflict) => conflict.column('root').doNothing())
        .execute()
    },

    recordPackOf: async (object) => {
      const row = await db
        .selectFrom('packs')
        .select(PACK_COLUMNS)
        .where('id', '=', ({ selectFrom }) => selectFrom('objects').select('record_pack').where('objects.id', '=', object))
        .executeTakeFirst()
      return row && toPack(row)
    },
  }
}

async function restoreReplicas(session: Session, replicas: readonly RecoveredReplica[], at: number): Promise<number> {
  const rows = replicas.map(({ pack, vault, locator }) => ({
    pack,
    vault,
    state: 'placed' as const,
    locator,
    intended_at: at,
    placed_at: at,
  }))
  const before = await session
    .selectFrom('replicas')
    .select(['pack', ...STANDING])
    .where(
      'pack',
      'in',
      replicas.map(({ pack }) => pack),
    )
    .where('vault', '=', replicas[0]?.vault ?? '')
    .execute()
  const entered = await session
    .insertInto('replicas')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['pack', 'vault'])
        .doUpdateSet(({ ref }) => ({
          state: ref('excluded.state'),
          locator: ref('excluded.locator'),
          placed_at: ref('excluded.placed_at'),
        }))
        .where('replicas.state', '=', 'intended'),
    )
    .returning(['pack', ...STANDING])
    .execute()
  await recount(
    session,
    entered.map((after) => ({ pack: Number(after.pack), before: before.find(({ pack }) => pack === after.pack), after })),
  )
  return entered.length
}

async function restorePack(session: Session, pack: RecoveredPack): Promise<PackId> {
  const { name, root, visibility, erasable, byteLength, toc, blocks, createdAt, garbage = false } = pack
  const known = await session.selectFrom('packs').select(['id', 'kind', 'visibility']).where('name', '=', name.bytes).executeTakeFirst()
  if (known) {
    if (known.kind !== 'content' || (known.visibility !== visibility && (await isInUse(session, Number(known.id)))))
      throw new CatalogError('conflict', `pack ${name} is in the catalog as ${known.visibility} ${known.kind}, and a record says otherwise`)
    // Taken for something else while no record of it was known.
    if (known.visibility !== visibility) await session.updateTable('packs').set({ visibility }).where('id', '=', known.id).execute()
    if (erasable) await session.updateTable('packs').set({ erasable: 1 }).where('id', '=', known.id).execute()
    return Number(known.id)
  }
  const { id } = await session
    .insertInto('packs')
    .values({
      name: name.bytes,
      root: root.bytes,
      kind: 'content',
      visibility,
      owner: null,
      byte_length: byteLength,
      block_count: blocks.length,
      spooled: 0,
      garbage: flag(garbage),
      created_at: createdAt,
      erasable: flag(erasable),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await session.insertInto('tocs').values({ pack: id, toc }).execute()
  await insertBlocks(session, Number(id), blocks)
  return Number(id)
}

async function isInUse(session: Session, pack: PackId): Promise<boolean> {
  return (await session.selectFrom('extents').select('object').where('pack', '=', pack).limit(1).executeTakeFirst()) !== undefined
}

async function restoreIndexPack(session: Session, pack: RecoveredIndexPack): Promise<PackId> {
  const { name, root, toc, byteLength, blockCount, createdAt, log } = pack
  const known = await session.selectFrom('packs').select('id').where('name', '=', name.bytes).executeTakeFirst()
  if (known) return Number(known.id)
  const columns = { kind: 'index', visibility: 'public', owner: null, spooled: 0, created_at: createdAt } as const
  const { id } = await session
    .insertInto('packs')
    .values({ name: name.bytes, root: root.bytes, byte_length: byteLength, block_count: blockCount, ...columns })
    .returning('id')
    .executeTakeFirstOrThrow()
  await session.insertInto('tocs').values({ pack: id, toc }).execute()
  if (log)
    await session
      .insertInto('log_packs')
      .values({ pack: Number(id), ...log })
      .execute()
  return Number(id)
}

async function restoreObject(
  session: Session,
  object: RecoveredObject,
  touched: Set<PackId>,
): Promise<{ readonly object: ObjectId; readonly outcome: 'restored' | 'updated' | 'kept' }> {
  const known = await session
    .selectFrom('objects')
    .select(['id', 'visibility', 'created_at', 'sequence', 'shredded_at', 'record_pack'])
    .where('root', '=', object.root.bytes)
    .executeTakeFirst()
  for (const { pack } of object.extents) touched.add(pack)
  if (!known) return { object: await insertObject(session, object), outcome: 'restored' }
  const id = Number(known.id)
  if (known.visibility !== object.visibility)
    throw new CatalogError(
      'conflict',
      `${object.root} is in the catalog as ${known.visibility}, and a record says ${object.visibility}; remove it first`,
    )
  const created = Number(known.created_at)
  const newer = object.createdAt === created ? object.sequence > Number(known.sequence) : object.createdAt > created
  const shredded = object.shreddedAt !== undefined && known.shredded_at === null
  if (shredded) await session.updateTable('objects').set({ shredded_at: object.shreddedAt, erasable: 1 }).where('id', '=', id).execute()
  if (newer) for (const pack of await bringForward(session, id, object, known.record_pack)) touched.add(pack)
  if (!newer && known.shredded_at === null) await addAttributes(session, id, object)
  if (shredded) await session.deleteFrom('attributes').where('object', '=', id).execute()
  return { object: id, outcome: newer || shredded ? 'updated' : 'kept' }
}

async function insertObject(session: Session, object: RecoveredObject): Promise<ObjectId> {
  const { id } = await session
    .insertInto('objects')
    .values({
      root: object.root.bytes,
      visibility: object.visibility,
      ...columnsOf(object),
      ...UNJUDGED,
      shredded_at: object.shreddedAt ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await insertExtents(session, Number(id), object)
  await saveAttributes(session, Number(id), object)
  return Number(id)
}

/** Resolves to the packs that it left. */
async function bringForward(
  session: Session,
  id: ObjectId,
  object: RecoveredObject,
  recordPack: number | null,
): Promise<readonly PackId[]> {
  const left = await session.selectFrom('extents').select('pack').distinct().where('object', '=', id).execute()
  await session
    .updateTable('objects')
    .set({ ...columnsOf(object), ...UNJUDGED })
    .where('id', '=', id)
    .execute()
  await session.deleteFrom('extents').where('object', '=', id).execute()
  await insertExtents(session, id, object)
  await saveAttributes(session, id, object)
  return [...left.map(({ pack }) => pack), ...(recordPack === null ? [] : [recordPack])]
}

/** Nothing is known of its replicas. Zero would pass for an object that was never judged, as after a put. */
const UNJUDGED = { state: 'unknown', fresh_until: 1 } as const

const columnsOf = (object: RecoveredObject) => ({
  name: object.name ?? null,
  media_type: object.mediaType ?? null,
  kind: object.kind,
  byte_length: object.byteLength,
  block_count: object.extents.reduce((sum, { count }) => sum + count, 0),
  profile: object.profile,
  created_at: object.createdAt,
  sequence: object.sequence,
  record: object.record.bytes,
  record_pack: object.recordPack ?? null,
  erasable: flag(object.erasable),
  supersedes: object.supersedes?.bytes ?? null,
  retain_until: object.retain?.until ?? null,
  retain_mode: object.retain?.mode ?? null,
  retain_hold: flag(object.retain?.legalHold === true),
})

async function insertExtents(session: Session, object: ObjectId, { extents }: RecoveredObject): Promise<void> {
  const rows = extents.map(({ start, pack, first, count }) => ({ object, start, pack, first, count }))
  for (const batch of batchesOf(rows, ROWS_AT_ONCE)) await session.insertInto('extents').values(batch).execute()
}

/** What is said of a shredded object went with its headers. */
async function saveAttributes(session: Session, object: ObjectId, { attributes: bytes, shreddedAt }: RecoveredObject): Promise<void> {
  if (bytes === undefined || shreddedAt !== undefined) return
  await session
    .insertInto('attributes')
    .values({ object, bytes })
    .onConflict((conflict) => conflict.column('object').doUpdateSet({ bytes }))
    .execute()
}

/** What could not be read before is kept now; what is there stays. */
async function addAttributes(session: Session, object: ObjectId, { attributes: bytes, shreddedAt }: RecoveredObject): Promise<void> {
  if (bytes === undefined || shreddedAt !== undefined) return
  await session
    .insertInto('attributes')
    .values({ object, bytes })
    .onConflict((conflict) => conflict.column('object').doNothing())
    .execute()
}

const flag = (holds: boolean): Flag => (holds ? 1 : 0)
