/** Packs of one DAG. */
import type { CatalogDag } from '../contracts.ts'
import { PAGE_LENGTH } from './batches.ts'
import { PACK_COLUMNS, toPack } from './rows.ts'
import type { Database } from './schema.ts'

export function dagLookups(db: Database): CatalogDag {
  return {
    packsUnder: async (root, { after = 0, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('packs')
        .select(PACK_COLUMNS)
        .where('root', '=', root.bytes)
        .where('id', '>', after)
        .where('kind', '=', 'content')
        .where('name', 'is not', null)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toPack)
    },
  }
}
