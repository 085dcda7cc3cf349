/** Which vault holds, or is meant to hold, which pack, and the journals of uploads. */
import type { Catalog, Journal } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { gather, PAGE_LENGTH } from './batches.ts'
import { plain, toReplica } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'
import { recount, STANDING, type Standing } from './tallies.ts'

type Placement = Pick<Catalog, 'intend' | 'placed' | 'dropReplica' | 'replicasOf' | 'replicasIn' | 'journal'>

export function placement(db: Database): Placement {
  return {
    intend: (pack, vault, at) =>
      write(db, async (session) => {
        if (await standingOf(session, pack, vault)) return
        if (await session.selectFrom('evacuations').select('state').where('vault', '=', vault).executeTakeFirst())
          throw new CatalogError(
            'conflict',
            `vault ${vault} is being left; nothing new goes there (\`perdure evacuate ${vault} --cancel\` ends that)`,
          )
        const row = await session
          .insertInto('replicas')
          .values({ pack, vault, state: 'intended', intended_at: at })
          .returning(STANDING)
          .executeTakeFirstOrThrow()
        await recount(session, [{ pack, after: row }])
      }),

    placed: (pack, vault, locator, at) =>
      write(db, async (session) => {
        const before = await standingOf(session, pack, vault)
        const found = { state: 'placed', locator, placed_at: at } as const
        const after = await session
          .insertInto('replicas')
          .values({ pack, vault, intended_at: at, ...found })
          .onConflict((conflict) => conflict.columns(['pack', 'vault']).doUpdateSet(found))
          .returning(STANDING)
          .executeTakeFirstOrThrow()
        await recount(session, [{ pack, before, after }])
      }),

    dropReplica: (pack, vault, { intendedAt } = {}) =>
      write(db, async (session) => {
        const before = await standingOf(session, pack, vault)
        // What is to be there again may be paid for already: the memory of its upload stays.
        const tables = ['replicas', 'evidence', 'evidence_totals', 'unanswered', 'rotations'] as const
        for (const table of intendedAt === undefined ? ([...tables, 'journals'] as const) : tables)
          await session.deleteFrom(table).where('pack', '=', pack).where('vault', '=', vault).execute()
        await recount(session, [{ pack, before }])
        if (intendedAt === undefined) return
        const after = await session
          .insertInto('replicas')
          .values({ pack, vault, state: 'intended', intended_at: intendedAt })
          .returning(STANDING)
          .executeTakeFirstOrThrow()
        await recount(session, [{ pack, after }])
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

function standingOf(session: Session, pack: number, vault: string): Promise<Standing | undefined> {
  return session.selectFrom('replicas').select(STANDING).where('pack', '=', pack).where('vault', '=', vault).executeTakeFirst()
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
