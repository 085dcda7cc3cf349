/** What is due when, and what a watch must know after a restart. */
import type { CatalogDue, DueRow, ObjectState } from '../contracts.ts'
import { batchesOf } from './batches.ts'
import { type Database, read, write } from './schema.ts'

const STATES: readonly ObjectState[] = ['lost', 'at-risk', 'damaged', 'unknown', 'degraded', 'satisfied']
const NEVER = Number.MAX_SAFE_INTEGER

export function dueLookups(db: Database): CatalogDue {
  return {
    due: (options) =>
      read(db, async (session) => {
        const rows: DueRow[] = []
        for (const state of STATES) rows.push(...(await dueIn(session, state, options)))
        return rows
      }),

    nextDue: ({ at, horizon }) =>
      read(db, async (session) => {
        let earliest: number | undefined
        for (const state of STATES) {
          const row = await session
            .selectFrom('objects')
            .select('due_at')
            .where('state', '=', state)
            .where('due_at', '>', at)
            .where('due_at', '<=', horizon)
            .orderBy('due_at')
            .limit(1)
            .executeTakeFirst()
          if (row) earliest = Math.min(Number(row.due_at), earliest ?? NEVER)
        }
        return earliest
      }),

    hasten: ({ state, at, limit }) =>
      write(db, async (session) => {
        const rows = await session
          .selectFrom('objects')
          .select('id')
          .where('state', '=', state)
          .where('due_at', '>', at)
          .where('due_at', '<', NEVER)
          .limit(limit)
          .execute()
        for (const ids of batchesOf(rows.map(({ id }) => id)))
          await session.updateTable('objects').set({ due_at: at }).where('id', 'in', ids).execute()
        return rows.length
      }),

    vaultPauses: async () => {
      const rows = await db.selectFrom('vault_pauses').selectAll().orderBy('vault').execute()
      return rows.map(({ vault, reason, failures, since, at, until, silent_ms, detail }) => ({
        vault,
        reason,
        failures: Number(failures),
        since: Number(since),
        at: Number(at),
        until: Number(until),
        silentMs: Number(silent_ms),
        ...(detail !== null && { detail }),
      }))
    },

    pauseVault: async ({ vault, silentMs, detail, ...rest }) => {
      const row = { ...rest, silent_ms: silentMs, detail: detail ?? null }
      await db
        .insertInto('vault_pauses')
        .values({ vault, ...row })
        .onConflict((conflict) => conflict.column('vault').doUpdateSet(row))
        .execute()
    },

    resumeVault: async (vault) => {
      await db.deleteFrom('vault_pauses').where('vault', '=', vault).execute()
    },

    vaultEvidence: async () => {
      const rows = await db
        .selectFrom('replicas')
        .select(({ fn }) => [
          'vault',
          'verdict',
          fn.countAll().as('replicas'),
          fn.min('verdict_at').as('oldest'),
          fn.max('verdict_at').as('newest'),
        ])
        .groupBy(['vault', 'verdict'])
        .orderBy('vault')
        .orderBy('verdict')
        .execute()
      return rows.map(({ vault, verdict, replicas, oldest, newest }) => ({
        vault,
        verdict: verdict ?? undefined,
        replicas: Number(replicas),
        oldestAt: oldest === null ? undefined : Number(oldest),
        newestAt: newest === null ? undefined : Number(newest),
      }))
    },

    mark: async (name) => {
      const row = await db.selectFrom('watch_marks').select(['at', 'detail']).where('name', '=', name).executeTakeFirst()
      return row && { at: Number(row.at), detail: row.detail }
    },

    setMark: async (name, mark) => {
      await db
        .insertInto('watch_marks')
        .values({ name, ...mark })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(mark))
        .execute()
    },
  }
}

/** Two walks along the index: what is overdue, and what is dated so late that only a clock that was set back can explain it. */
async function dueIn(
  session: Database,
  state: ObjectState,
  { at, horizon, limit }: Parameters<CatalogDue['due']>[0],
): Promise<readonly DueRow[]> {
  const within = session.selectFrom('objects').select(['id', 'due_at']).where('state', '=', state)
  const overdue = await within.where('due_at', '<=', at).orderBy('due_at').limit(limit).execute()
  const unbelievable = await within
    .where('due_at', '>', Math.max(at, horizon))
    .where('due_at', '<', NEVER)
    .orderBy('due_at')
    .limit(limit)
    .execute()
  return [...unbelievable, ...overdue].slice(0, limit).map((row) => ({ id: Number(row.id), state, dueAt: Number(row.due_at) }))
}
