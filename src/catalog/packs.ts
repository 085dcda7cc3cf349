/** Packs by id, name and page, and whether their file is in the spool. */
import type { Catalog } from '../contracts.ts'
import { PAGE_LENGTH } from './batches.ts'
import { PACK_COLUMNS, plain, toPack } from './rows.ts'
import type { Database } from './schema.ts'

type PackLookups = Pick<Catalog, 'pack' | 'packByName' | 'tocOf' | 'packs' | 'packsOf' | 'spooled' | 'unspooled'>

export function packLookups(db: Database): PackLookups {
  const sealed = () => db.selectFrom('packs').select(PACK_COLUMNS).where('name', 'is not', null)

  const setSpooled = async (pack: number, spooled: 0 | 1) => {
    await db.updateTable('packs').set({ spooled }).where('id', '=', pack).execute()
  }

  return {
    pack: async (id) => {
      const row = await sealed().where('id', '=', id).executeTakeFirst()
      return row && toPack(row)
    },

    packByName: async (name) => {
      const row = await sealed().where('name', '=', name.bytes).executeTakeFirst()
      return row && toPack(row)
    },

    tocOf: async (id) => {
      const row = await db.selectFrom('tocs').select('toc').where('pack', '=', id).executeTakeFirst()
      return row && plain(row.toc)
    },

    packs: async ({ after = 0, limit = PAGE_LENGTH, spooled, kind } = {}) => {
      let query = db.selectFrom('packs').select(PACK_COLUMNS).where('id', '>', after)
      if (spooled !== undefined) query = query.where('spooled', '=', spooled ? 1 : 0)
      if (kind !== undefined) query = query.where('kind', '=', kind)
      // Named packs are the sealed ones; a condition on the owner would tempt the planner away from the page's index.
      const rows = await query.where('name', 'is not', null).orderBy('id').limit(limit).execute()
      return rows.map(toPack)
    },

    packsOf: async (object) => {
      const rows = await sealed()
        .where('id', 'in', (expression) => expression.selectFrom('extents').select('pack').where('object', '=', object))
        .orderBy('id')
        .execute()
      return rows.map(toPack)
    },

    spooled: (pack) => setSpooled(pack, 1),
    unspooled: (pack) => setSpooled(pack, 0),
  }
}
