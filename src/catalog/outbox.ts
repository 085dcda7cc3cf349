/** What waits for hooks, and how each hook is doing. */
import type { ArchiveEvent, Catalog, HookState } from '../contracts.ts'
import { batchesOf, PAGE_LENGTH } from './batches.ts'
import { type Database, read, type Session, write } from './schema.ts'

type Outbox = Pick<Catalog, 'waitingFor' | 'delivered' | 'deliveryFailed' | 'giveUp' | 'hookStates' | 'resumeHook'>

const RESTED = { failures: 0, failing_since: null, retry_at: null, failure: null } as const

export function outbox(db: Database): Outbox {
  return {
    waitingFor: async (hook, { after = 0, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('deliveries')
        .innerJoin('events', 'events.seq', 'deliveries.seq')
        .select(['deliveries.seq', 'deliveries.tries', 'events.at', 'events.body'])
        .where('deliveries.hook', '=', hook)
        .where('deliveries.seq', '>', after)
        .orderBy('deliveries.seq')
        .limit(limit)
        .execute()
      return rows.map(({ seq, tries, at, body }) => ({
        seq: Number(seq),
        event: JSON.parse(body) as ArchiveEvent,
        at: Number(at),
        tries: Number(tries),
      }))
    },

    delivered: (hook, seqs, at) =>
      write(db, async (session) => {
        const gone = await leave(session, hook, seqs)
        await session
          .insertInto('hooks')
          .values({ hook, delivered: gone, delivered_at: at })
          .onConflict((conflict) =>
            conflict.column('hook').doUpdateSet(({ eb }) => ({ delivered: eb('hooks.delivered', '+', gone), delivered_at: at, ...RESTED })),
          )
          .execute()
      }),

    deliveryFailed: (hook, seqs, { at, retryAt, failure }) =>
      write(db, async (session) => {
        for (const batch of batchesOf(seqs))
          await session
            .updateTable('deliveries')
            .set(({ eb }) => ({ tries: eb('tries', '+', 1) }))
            .where('hook', '=', hook)
            .where('seq', 'in', batch)
            .execute()
        await session
          .insertInto('hooks')
          .values({ hook, failures: 1, failing_since: at, retry_at: retryAt, failure })
          .onConflict((conflict) =>
            conflict.column('hook').doUpdateSet(({ eb, fn, ref }) => ({
              failures: eb('hooks.failures', '+', 1),
              failing_since: fn.coalesce(ref('hooks.failing_since'), eb.val(at)),
              retry_at: retryAt,
              failure,
            })),
          )
          .execute()
      }),

    giveUp: (hook, seqs) =>
      write(db, async (session) => {
        const gone = await leave(session, hook, seqs)
        await session
          .insertInto('hooks')
          .values({ hook, given_up: gone })
          .onConflict((conflict) => conflict.column('hook').doUpdateSet(({ eb }) => ({ given_up: eb('hooks.given_up', '+', gone) })))
          .execute()
      }),

    resumeHook: async (hook) => {
      await db.updateTable('hooks').set({ retry_at: null }).where('hook', '=', hook).execute()
    },

    hookStates: () => read(db, states),
  }
}

/** Whoever took one away first has counted it. */
async function leave(session: Session, hook: string, seqs: readonly number[]): Promise<number> {
  let gone = 0
  for (const batch of batchesOf(seqs)) {
    const { numDeletedRows } = await session
      .deleteFrom('deliveries')
      .where('hook', '=', hook)
      .where('seq', 'in', batch)
      .executeTakeFirstOrThrow()
    gone += Number(numDeletedRows)
  }
  return gone
}

async function states(db: Database): Promise<readonly HookState[]> {
  const waiting = await db
    .selectFrom('deliveries')
    .select(({ fn }) => ['hook', fn.countAll().as('waiting'), fn.min('seq').as('oldest')])
    .groupBy('hook')
    .execute()
  const known = await db.selectFrom('hooks').selectAll().execute()
  const ids = [...new Set([...waiting, ...known].map(({ hook }) => hook))].sort()
  const found: HookState[] = []
  for (const hook of ids) {
    const queue = waiting.find((row) => row.hook === hook)
    const row = known.find((one) => one.hook === hook)
    const oldest = queue && (await db.selectFrom('events').select('at').where('seq', '=', Number(queue.oldest)).executeTakeFirst())
    found.push({
      hook,
      waiting: Number(queue?.waiting ?? 0),
      oldestAt: oldest && Number(oldest.at),
      delivered: Number(row?.delivered ?? 0),
      givenUp: Number(row?.given_up ?? 0),
      dropped: Number(row?.dropped ?? 0),
      deliveredAt: numberOf(row?.delivered_at),
      failures: Number(row?.failures ?? 0),
      failingSince: numberOf(row?.failing_since),
      retryAt: numberOf(row?.retry_at),
      failure: row?.failure ?? undefined,
    })
  }
  return found
}

const numberOf = (value: number | null | undefined): number | undefined =>
  value === null || value === undefined ? undefined : Number(value)
