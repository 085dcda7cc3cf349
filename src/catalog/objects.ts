/** Objects by root, id and page, and the extents that say where their blocks are. */
import type { Announce, ArchiveEvent, Catalog, StateChange } from '../contracts.ts'
import { PAGE_LENGTH } from './batches.ts'
import { announceIn } from './events.ts'
import { cidOf, plain, toExtent, toObject } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'

type ObjectLookups = Pick<
  Catalog,
  'object' | 'objectById' | 'successorOf' | 'attributesOf' | 'objects' | 'extentsOf' | 'extentAt' | 'objectsIn' | 'setStates'
>

export function objectLookups(db: Database): ObjectLookups {
  return {
    object: async (root) => {
      const row = await db.selectFrom('objects').selectAll().where('root', '=', root.bytes).executeTakeFirst()
      return row && toObject(row)
    },

    objectById: async (id) => {
      const row = await db.selectFrom('objects').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toObject(row)
    },

    successorOf: async (root) => {
      const row = await db
        .selectFrom('objects')
        .selectAll()
        .where('supersedes', '=', root.bytes)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && toObject(row)
    },

    attributesOf: async (id) => {
      const row = await db.selectFrom('attributes').select('bytes').where('object', '=', id).executeTakeFirst()
      return row && plain(row.bytes)
    },

    objects: async ({ after = 0, limit = PAGE_LENGTH, state } = {}) => {
      let query = db.selectFrom('objects').selectAll().where('id', '>', after)
      if (state !== undefined) query = query.where('state', '=', state)
      const rows = await query.orderBy('id').limit(limit).execute()
      return rows.map(toObject)
    },

    extentsOf: async (object, { after = -1, limit = PAGE_LENGTH, pack } = {}) => {
      let query = db.selectFrom('extents').selectAll().where('object', '=', object).where('start', '>', after)
      if (pack !== undefined) query = query.where('pack', '=', pack)
      const rows = await query.orderBy('start').limit(limit).execute()
      return rows.map(toExtent)
    },

    extentAt: async (object, index) => {
      const row = await db
        .selectFrom('extents')
        .selectAll()
        .where('object', '=', object)
        .where('start', '<=', index)
        .orderBy('start', 'desc')
        .limit(1)
        .executeTakeFirst()
      const extent = row && toExtent(row)
      return extent && index < extent.start + extent.count ? extent : undefined
    },

    objectsIn: async (pack, { after = 0, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('extents')
        .select('object')
        .distinct()
        .where('pack', '=', pack)
        .where('object', '>', after)
        .orderBy('object')
        .limit(limit)
        .execute()
      return rows.map(({ object }) => Number(object))
    },

    setStates: (rows, announce) => write(db, (session) => setStates(session, rows, announce)),
  }
}

async function setStates(
  session: Session,
  rows: Parameters<Catalog['setStates']>[0],
  announce: Announce<StateChange> | undefined,
): Promise<readonly ArchiveEvent[]> {
  const changes: StateChange[] = []
  for (const { object, state, freshUntil, dueAt } of rows) {
    const before =
      announce && (await session.selectFrom('objects').select(['root', 'state', 'fresh_until']).where('id', '=', object).executeTakeFirst())
    const first = Number(before?.fresh_until) === 0
    if (before && (first || before.state !== state))
      changes.push({ object, root: cidOf(before.root), from: before.state, to: state, first })
    await session
      .updateTable('objects')
      .set({ state, fresh_until: freshUntil, ...(dueAt !== undefined && { due_at: dueAt }) })
      .where('id', '=', object)
      .execute()
  }
  return announce && changes.length > 0 ? announceIn(session, announce(changes)) : []
}
