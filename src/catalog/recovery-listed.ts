/** What vaults list, while a recovery lasts: index packs to be read, where packs lie, and content that nobody names. */
import type { Catalog, ListedPack } from '../contracts.ts'
import { batchesOf, gather, PAGE_LENGTH } from './batches.ts'
import { cidOf, keyOf } from './rows.ts'
import { type Database, write } from './schema.ts'

const ROWS_AT_ONCE = 64
const START = new Uint8Array(0)

export function listings(db: Database): Pick<Catalog, 'beginListing' | 'stageListed' | 'unreadIndexPacks' | 'listedAt' | 'orphans'> {
  return {
    beginListing: async (vault) => {
      await db.deleteFrom('recovery_listed').where('vault', '=', vault).execute()
    },

    stageListed: (vault, listed) =>
      write(db, async (session) => {
        const rows = listed.map(({ name, kind, at, byteLength }) => ({
          name: name.bytes,
          vault,
          kind,
          locator: at,
          byte_length: byteLength,
        }))
        for (const batch of batchesOf(rows, ROWS_AT_ONCE))
          await session
            .insertInto('recovery_listed')
            .values(batch)
            .onConflict((conflict) => conflict.columns(['kind', 'name', 'vault']).doNothing())
            .execute()
      }),

    unreadIndexPacks: async ({ after, limit = PAGE_LENGTH } = {}) => {
      const names = await db
        .selectFrom('recovery_listed')
        .select('name')
        .distinct()
        .where('kind', '=', 'index')
        .where('name', '>', after?.bytes ?? START)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('recovery_packs')
                .select('recovery_packs.name')
                .whereRef('recovery_packs.name', '=', 'recovery_listed.name')
                .where('whole', '=', 1),
            ),
          ),
        )
        .orderBy('name')
        .limit(limit)
        .execute()
      return listedPacks(
        db,
        'index',
        names.map(({ name }) => name),
      )
    },

    listedAt: async (names) => {
      const rows = await gather(
        names.map(({ bytes }) => bytes),
        (batch) =>
          db
            .selectFrom('recovery_listed')
            .select(['name', 'vault', 'locator'])
            .where('kind', 'in', ['content', 'index'])
            .where('name', 'in', batch)
            .execute(),
      )
      return rows.map(({ name, vault, locator }) => ({ name: cidOf(name), vault, locator }))
    },

    orphans: async ({ after, limit = PAGE_LENGTH } = {}) => {
      const names = await db
        .selectFrom('recovery_listed')
        .select('name')
        .distinct()
        .where('kind', '=', 'content')
        .where('name', '>', after?.bytes ?? START)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('packs').select('packs.id').whereRef('packs.name', '=', 'recovery_listed.name'))),
        )
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(selectFrom('recovery_names').select('recovery_names.name').whereRef('recovery_names.name', '=', 'recovery_listed.name')),
          ),
        )
        .orderBy('name')
        .limit(limit)
        .execute()
      return listedPacks(
        db,
        'content',
        names.map(({ name }) => name),
      )
    },
  }
}

async function listedPacks(db: Database, kind: 'content' | 'index', names: readonly Uint8Array[]): Promise<readonly ListedPack[]> {
  const rows = await gather(names, (batch) =>
    db.selectFrom('recovery_listed').selectAll().where('kind', '=', kind).where('name', 'in', batch).execute(),
  )
  const byName = Map.groupBy(rows, ({ name }) => keyOf(name))
  return names.map((name) => {
    const places = byName.get(keyOf(name)) ?? []
    return {
      name: cidOf(name),
      byteLength: Math.max(0, ...places.map(({ byte_length }) => Number(byte_length))),
      places: places.map(({ vault, locator }) => ({ vault, locator })),
    }
  })
}
