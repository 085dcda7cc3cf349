/** Which index packs carry what of the log, and which vaults lack some of it. */
import type { CID } from 'multiformats/cid'
import type { CatalogLog, LogPack } from '../contracts.ts'
import { gather, PAGE_LENGTH } from './batches.ts'
import { keyOf } from './rows.ts'
import type { Database, Session } from './schema.ts'

type LogPacks = Pick<CatalogLog, 'segmentedSize' | 'segmentsMissing' | 'hasLogOf' | 'hasLogBeside' | 'unknownPacks'>

export function logPacks(db: Database): LogPacks {
  return {
    segmentedSize: async () => {
      const { end } = await db
        .selectFrom('log_packs')
        .select(({ fn }) => fn.max('size').as('end'))
        .where('role', '=', 'segment')
        .executeTakeFirstOrThrow()
      return end === null ? 0 : Number(end)
    },

    segmentsMissing: (vault, { limit = PAGE_LENGTH } = {}) => segmentsMissing(db, vault, { limit, after: -1 }),

    hasLogOf: async (vault, size) => {
      const row = await db
        .selectFrom('log_packs')
        .innerJoin('replicas', 'replicas.pack', 'log_packs.pack')
        .select('log_packs.pack')
        .where('log_packs.size', '=', size)
        .where('replicas.vault', '=', vault)
        .where('replicas.state', '=', 'placed')
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    hasLogBeside: async (pack, vault) => {
      const own = await db.selectFrom('log_packs').selectAll().where('pack', '=', pack).executeTakeFirst()
      if (own === undefined) return true
      if (own.role === 'segment') return false
      const other = await db
        .selectFrom('log_packs')
        .innerJoin('replicas', 'replicas.pack', 'log_packs.pack')
        .select('log_packs.pack')
        .where('log_packs.size', '>=', own.size)
        .where('log_packs.pack', '!=', pack)
        .where('replicas.vault', '=', vault)
        .where('replicas.state', '=', 'placed')
        .limit(1)
        .executeTakeFirst()
      return other !== undefined && (await segmentsMissing(db, vault, { after: own.first, limit: 1 })).length === 0
    },

    unknownPacks: async (names) => {
      const byKey = new Map<string, CID>(names.map((name) => [keyOf(name.bytes), name]))
      const known = await gather(
        [...byKey.values()].map(({ bytes }) => bytes),
        (batch) => db.selectFrom('packs').select('name').where('name', 'in', batch).execute(),
      )
      for (const { name } of known) if (name) byKey.delete(keyOf(name))
      return [...byKey.values()]
    },
  }
}

/** Those that end beyond `after`. */
async function segmentsMissing(db: Database, vault: string, { limit, after }: { readonly limit: number; readonly after: number }) {
  const rows = await db
    .selectFrom('log_packs')
    .leftJoin('replicas', (join) =>
      join.onRef('replicas.pack', '=', 'log_packs.pack').on('replicas.vault', '=', vault).on('replicas.state', '=', 'placed'),
    )
    .select(['log_packs.pack', 'log_packs.first', 'log_packs.size', 'log_packs.role'])
    .where('log_packs.role', '=', 'segment')
    .where('log_packs.size', '>', after)
    .where('replicas.pack', 'is', null)
    .orderBy('log_packs.size')
    .limit(limit)
    .execute()
  return rows.map(({ pack, first, size, role }) => ({ pack: Number(pack), first: Number(first), size: Number(size), role }))
}

/** Notes what a new index pack carries; those that were published for the log alone are superseded by it. */
export async function saveLogPack(session: Session, pack: number, { first, size, role }: LogPack): Promise<void> {
  await session
    .insertInto('log_packs')
    .values({ pack, first, size, role })
    .onConflict((conflict) => conflict.column('pack').doNothing())
    .execute()
  await session
    .updateTable('packs')
    .set({ garbage: 1 })
    .where('id', 'in', (expression) =>
      expression.selectFrom('log_packs').select('pack').where('role', '=', 'alone').where('size', '<=', size).where('pack', '!=', pack),
    )
    .execute()
}
