/** Index packs with the signed records in them, and receipts. */
import type { Catalog } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf, gather } from './batches.ts'
import { markGarbage } from './garbage.ts'
import { saveLogPack } from './log-packs.ts'
import { type Database, type Session, write } from './schema.ts'

const ROWS_AT_ONCE = 64

type Records = Pick<Catalog, 'addIndexPack' | 'saveReceipts' | 'receiptOf'>
type RecordRows = NonNullable<Parameters<Catalog['addIndexPack']>[1]>
type ReceiptRows = Parameters<Catalog['saveReceipts']>[0]

export function records(db: Database): Records {
  return {
    addIndexPack: (pack, rows = [], log = undefined) =>
      write(db, async (session) => {
        const id = await addIndexPack(session, pack)
        if (rows.length > 0) await saveRecords(session, id, rows)
        if (log) await saveLogPack(session, id, log)
        return id
      }),
    saveReceipts: (rows) => write(db, (session) => saveReceipts(session, rows)),

    receiptOf: async (root) => {
      const row = await db.selectFrom('receipts').select('receipt').where('root', '=', root.bytes).executeTakeFirst()
      return row?.receipt
    },
  }
}

/** Resolves to the id of the pack, which may have been there; then it is kept and wanted again. */
async function addIndexPack(session: Session, pack: Parameters<Catalog['addIndexPack']>[0]): Promise<number> {
  const { name, root, toc, byteLength, blockCount, createdAt, visibility } = pack
  const known = await session.selectFrom('packs').select(['id', 'kind']).where('name', '=', name.bytes).executeTakeFirst()
  if (known) {
    if (known.kind !== 'index') throw new CatalogError('conflict', `pack ${name} is a content pack already; an index pack has another TOC`)
    await session.updateTable('packs').set({ spooled: 1, garbage: 0 }).where('id', '=', known.id).execute()
    return Number(known.id)
  }
  const sizes = { byte_length: byteLength, block_count: blockCount }
  const { id } = await session
    .insertInto('packs')
    .values({ name: name.bytes, root: root.bytes, kind: 'index', visibility, owner: null, ...sizes, spooled: 1, created_at: createdAt })
    .returning('id')
    .executeTakeFirstOrThrow()
  await session.insertInto('tocs').values({ pack: id, toc }).execute()
  return Number(id)
}

async function saveRecords(session: Session, indexPack: number, rows: RecordRows): Promise<void> {
  const pack = await session.selectFrom('packs').select('kind').where('id', '=', indexPack).executeTakeFirst()
  if (pack?.kind !== 'index')
    throw new CatalogError('conflict', `pack ${indexPack} is no index pack; records need one that is in the catalog`)
  const known = await objectsOf(session, rows)
  const left = new Set([indexPack])
  for (const { object, sequence, record } of rows) {
    const before = known.get(object)
    if (before === undefined)
      throw new CatalogError('not-found', `object ${object} has been removed; its record is void, no record was saved`)
    if (sequence <= before.sequence)
      throw new CatalogError('conflict', `object ${object} has record ${before.sequence} already, ${sequence} is not newer; read it again`)
    if (before.recordPack !== null) left.add(before.recordPack)
    known.set(object, { ...before, sequence })
    await session.updateTable('objects').set({ sequence, record: record.bytes, record_pack: indexPack }).where('id', '=', object).execute()
  }
  if (rows.length > 0) await session.updateTable('packs').set({ recorded: 1 }).where('id', '=', indexPack).execute()
  await markGarbage(session, left)
}

async function saveReceipts(session: Session, rows: ReceiptRows): Promise<void> {
  const known = await objectsOf(session, rows)
  const newest = new Map<number, ReceiptRows[number]>()
  for (const row of rows) if (row.at >= (newest.get(row.object)?.at ?? row.at)) newest.set(row.object, row)
  const values = [...newest.values()].map(({ object, receipt, at }) => {
    const root = known.get(object)?.root
    if (root === undefined) throw new CatalogError('not-found', `object ${object} has been removed; no receipt was saved`)
    return { root, at, receipt }
  })
  for (const batch of batchesOf(values, ROWS_AT_ONCE))
    await session
      .insertInto('receipts')
      .values(batch)
      .onConflict((conflict) =>
        conflict
          .column('root')
          .doUpdateSet(({ ref }) => ({ at: ref('excluded.at'), receipt: ref('excluded.receipt') }))
          .whereRef('receipts.at', '<=', 'excluded.at'),
      )
      .execute()
}

interface Known {
  readonly root: Uint8Array
  readonly sequence: number
  readonly recordPack: number | null
}

async function objectsOf(session: Session, rows: readonly { readonly object: number }[]): Promise<Map<number, Known>> {
  const found = await gather(
    rows.map(({ object }) => object),
    (ids) => session.selectFrom('objects').select(['id', 'root', 'sequence', 'record_pack']).where('id', 'in', ids).execute(),
  )
  return new Map(found.map((row) => [Number(row.id), { root: row.root, sequence: Number(row.sequence), recordPack: row.record_pack }]))
}
