/** Objects whose headers are to be gone: marked before anything is deleted, and remembered after the object itself was forgotten. */
import type { CID } from 'multiformats/cid'
import type { Catalog, ShredRow } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { cidOf } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'

type Shreds = Pick<Catalog, 'beginShred' | 'saveCertificate' | 'shredOf' | 'isShredded'>

export function shreds(db: Database): Shreds {
  return {
    beginShred: (object, at) => write(db, (session) => begin(session, object, at)),

    saveCertificate: (root, { certificate, complete, at }) =>
      write(db, async (session) => {
        const known = await rowOf(session, root)
        if (!known) throw new CatalogError('not-found', `shredding of ${root} never began; no certificate was saved`)
        await session
          .updateTable('shreds')
          .set({ certificate, certified_at: at, complete: complete || known.complete ? 1 : 0 })
          .where('root', '=', root.bytes)
          .execute()
      }),

    shredOf: (root) => rowOf(db, root),

    isShredded: async (pack) => {
      const row = await db
        .selectFrom('extents')
        .innerJoin('packs', 'packs.id', 'extents.pack')
        .innerJoin('objects', 'objects.id', 'extents.object')
        .select('objects.id')
        .where('extents.pack', '=', pack)
        .where('packs.erasable', '=', 1)
        .where('objects.shredded_at', 'is not', null)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

async function begin(session: Session, object: number, at: number): Promise<ShredRow> {
  const found = await session.selectFrom('objects').select(['root', 'erasable', 'shredded_at']).where('id', '=', object).executeTakeFirst()
  if (!found) throw new CatalogError('not-found', `object ${object} has been removed; there is nothing to shred`)
  if (found.erasable !== 1) throw new CatalogError('conflict', `object ${object} is not erasable; it cannot be shredded`)
  const begunAt = found.shredded_at === null ? at : Number(found.shredded_at)
  await session.updateTable('objects').set({ shredded_at: begunAt }).where('id', '=', object).execute()
  await session.deleteFrom('attributes').where('object', '=', object).execute()
  await session
    .insertInto('shreds')
    .values({ root: found.root, begun_at: begunAt, certificate: null, certified_at: null })
    .onConflict((conflict) => conflict.column('root').doNothing())
    .execute()
  return { root: cidOf(found.root), begunAt, complete: false, ...(await rowOf(session, cidOf(found.root))) }
}

async function rowOf(db: Database, root: CID): Promise<ShredRow | undefined> {
  const row = await db.selectFrom('shreds').selectAll().where('root', '=', root.bytes).executeTakeFirst()
  if (!row) return undefined
  return {
    root,
    begunAt: Number(row.begun_at),
    complete: row.complete === 1,
    ...(row.certificate === null ? {} : { certificate: row.certificate }),
  }
}
