/** Packs that nothing refers to: the mark is kept up to date by whoever changes a reference, in the same transaction. */
import { type Expression, type SqlBool, sql } from 'kysely'
import type { Announcement, Catalog } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf, PAGE_LENGTH } from './batches.ts'
import { announceIn } from './events.ts'
import { dropFingerprints } from './fingerprints.ts'
import { PACK_COLUMNS, toPack } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'
import { recount, STANDING } from './tallies.ts'

/** Looks again at the packs named, all of them sealed. */
export async function markGarbage(session: Session, packs: Iterable<number>): Promise<void> {
  for (const ids of batchesOf([...new Set(packs)])) {
    const named = session.updateTable('packs').where('id', 'in', ids)
    await named
      .set(({ exists, selectFrom }) => ({
        garbage: unless(exists(selectFrom('extents').select(sql`1`.as('one')).whereRef('extents.pack', '=', 'packs.id'))),
      }))
      .where('kind', '=', 'content')
      .where('owner', 'is', null)
      .execute()
    await named
      .set(({ exists, selectFrom }) => ({
        garbage: unless(exists(selectFrom('objects').select(sql`1`.as('one')).whereRef('objects.record_pack', '=', 'packs.id'))),
      }))
      .where('kind', '=', 'index')
      .where('recorded', '=', 1)
      .execute()
  }
}

/** 0 where something refers to it, 1 where nothing does. */
const unless = (referred: Expression<SqlBool>) => sql<0 | 1>`case when ${referred} then 0 else 1 end`

export function forgetting(db: Database): Pick<Catalog, 'forget' | 'garbage' | 'dropPack'> {
  return {
    forget: (object, announcements) => write(db, (session) => forget(session, object, announcements)),

    garbage: async ({ after = 0, limit = PAGE_LENGTH, kind } = {}) => {
      const query = db.selectFrom('packs').select(PACK_COLUMNS).where('garbage', '=', 1).where('id', '>', after)
      const rows = await (kind === undefined ? query : query.where('kind', '=', kind)).orderBy('id').limit(limit).execute()
      return rows.map(toPack)
    },

    dropPack: (pack) =>
      write(db, async (session) => {
        const row = await session.selectFrom('packs').select('garbage').where('id', '=', pack).executeTakeFirst()
        if (row === undefined) return
        if (row.garbage !== 1) throw new CatalogError('conflict', `pack ${pack} is in use; only garbage packs can be dropped`)
        await dropFingerprints(session, pack)
        const replicas = await session.selectFrom('replicas').select(STANDING).where('pack', '=', pack).execute()
        await recount(
          session,
          replicas.map((before) => ({ pack, before })),
        )
        await session.deleteFrom('packs').where('id', '=', pack).execute()
      }),
  }
}

async function forget(
  session: Session,
  object: number,
  announcements: readonly Announcement[] = [],
): Promise<{ readonly garbage: readonly number[]; readonly shared: readonly number[] }> {
  const known = await session.selectFrom('objects').select('record_pack').where('id', '=', object).executeTakeFirst()
  if (known === undefined) return { garbage: [], shared: [] }
  const extents = await session.selectFrom('extents').select('pack').distinct().where('object', '=', object).execute()
  const packs = extents.map(({ pack }) => Number(pack)).sort((a, b) => a - b)
  for (const ids of batchesOf(packs)) await session.deleteFrom('evidence').where('pack', 'in', ids).where('object', '=', object).execute()
  await session.deleteFrom('rotations').where('object', '=', object).execute()
  await session.deleteFrom('objects').where('id', '=', object).execute()
  await announceIn(session, announcements)
  await markGarbage(session, known.record_pack === null ? packs : [...packs, known.record_pack])
  const garbage = new Set<number>()
  for (const ids of batchesOf(packs)) {
    const rows = await session.selectFrom('packs').select(['id', 'garbage']).where('id', 'in', ids).execute()
    for (const row of rows) if (row.garbage === 1) garbage.add(Number(row.id))
  }
  return { garbage: packs.filter((id) => garbage.has(id)), shared: packs.filter((id) => !garbage.has(id)) }
}
