/** Which vault holds, or is meant to hold, which pack, and the journals of uploads. */
import type { Catalog, Journal } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { gather, PAGE_LENGTH } from './batches.ts'
import { moveHeld } from './held.ts'
import { plain, toReplica } from './rows.ts'
import { type Database, write } from './schema.ts'

type Placement = Pick<Catalog, 'intend' | 'placed' | 'dropReplica' | 'replicasOf' | 'replicasIn' | 'journal'>

export function placement(db: Database): Placement {
  return {
    intend: (pack, vault, at) =>
      write(db, async (session) => {
        const known = await session
          .selectFrom('replicas')
          .select('state')
          .where('pack', '=', pack)
          .where('vault', '=', vault)
          .executeTakeFirst()
        if (known) return
        if (await session.selectFrom('evacuations').select('state').where('vault', '=', vault).executeTakeFirst())
          throw new CatalogError(
            'conflict',
            `vault ${vault} is being left; nothing new goes there (\`perdure evacuate ${vault} --cancel\` ends that)`,
          )
        await session.insertInto('replicas').values({ pack, vault, state: 'intended', intended_at: at }).execute()
      }),

    placed: (pack, vault, locator, at) =>
      write(db, async (session) => {
        const found = { state: 'placed', locator, placed_at: at } as const
        await moveHeld(session, pack, vault, 'placed')
        await session
          .insertInto('replicas')
          .values({ pack, vault, intended_at: at, ...found })
          .onConflict((conflict) => conflict.columns(['pack', 'vault']).doUpdateSet(found))
          .execute()
      }),

    dropReplica: (pack, vault) =>
      write(db, async (session) => {
        await moveHeld(session, pack, vault, 'gone')
        for (const table of ['replicas', 'evidence', 'evidence_totals', 'unanswered', 'journals'] as const)
          await session.deleteFrom(table).where('pack', '=', pack).where('vault', '=', vault).execute()
      }),

    replicasOf: async (packs) => {
      const rows = await gather(packs, (ids) =>
        db.selectFrom('replicas').selectAll().where('pack', 'in', ids).orderBy('pack').orderBy('vault').execute(),
      )
      return rows.map(toReplica)
    },

    replicasIn: async (vault, { after = 0, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('replicas')
        .selectAll()
        .where('vault', '=', vault)
        .where('pack', '>', after)
        .orderBy('pack')
        .limit(limit)
        .execute()
      return rows.map(toReplica)
    },

    journal: (pack, vault) => journal(db, pack, vault),
  }
}

function journal(db: Database, pack: number, vault: string): Journal {
  return {
    load: async () => {
      const row = await db.selectFrom('journals').select('bytes').where('pack', '=', pack).where('vault', '=', vault).executeTakeFirst()
      return row && plain(row.bytes)
    },
    save: async (bytes) => {
      await db
        .insertInto('journals')
        .values({ pack, vault, bytes })
        .onConflict((conflict) => conflict.columns(['pack', 'vault']).doUpdateSet({ bytes }))
        .execute()
    },
  }
}
