/** The log of events: each id once, queued for hooks in the same transaction as the change that it tells of. */
import type { Announcement, ArchiveEvent, Catalog, Severity } from '../contracts.ts'
import { type Database, type Session, write } from './schema.ts'

/** So many events are remembered, so that they are not announced twice; those that wait for a hook stay longer. */
const REMEMBERED = 10_000
const PRUNE_EVERY = 100
const RANK: Readonly<Record<Severity, number>> = { info: 0, notice: 1, warning: 2, critical: 3 }

export function eventLog(db: Database): Pick<Catalog, 'announce'> {
  return { announce: (announcements) => write(db, (session) => announceIn(session, announcements)) }
}

/** Resolves to the events that were not in the log yet. */
export async function announceIn(session: Session, announcements: readonly Announcement[]): Promise<readonly ArchiveEvent[]> {
  const fresh: ArchiveEvent[] = []
  const told = new Map<string, number>()
  for (const { event, hooks } of announcements) {
    const row = await session
      .insertInto('events')
      .values({ event: event.id, at: Date.parse(event.at), body: JSON.stringify(event) })
      .onConflict((conflict) => conflict.column('event').doNothing())
      .returning('seq')
      .executeTakeFirst()
    if (row === undefined) continue
    const seq = Number(row.seq)
    fresh.push(event)
    await count(session, event)
    for (const { id, maxWaiting } of hooks) {
      await session.insertInto('deliveries').values({ hook: id, seq, severity: RANK[event.severity] }).execute()
      told.set(id, maxWaiting)
    }
    if (seq % PRUNE_EVERY === 0) await prune(session, seq - REMEMBERED)
  }
  for (const [hook, maxWaiting] of told) await dropBeyond(session, hook, maxWaiting)
  return fresh
}

async function count(session: Session, event: ArchiveEvent): Promise<void> {
  const found = { last_at: Date.parse(event.at), last: JSON.stringify(event) }
  await session
    .insertInto('event_totals')
    .values({ type: event.type, total: 1, ...found })
    .onConflict((conflict) => conflict.column('type').doUpdateSet(({ eb }) => ({ total: eb('event_totals.total', '+', 1), ...found })))
    .execute()
}

/** What nobody waits for is forgotten; the events left below that number are as few as the outbox allows. */
async function prune(session: Session, upTo: number): Promise<void> {
  await session
    .deleteFrom('events')
    .where('seq', '<=', upTo)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('deliveries').select('deliveries.seq').whereRef('deliveries.seq', '=', 'events.seq'))),
    )
    .execute()
}

async function dropBeyond(session: Session, hook: string, maxWaiting: number): Promise<void> {
  const { waiting } = await session
    .selectFrom('deliveries')
    .select(({ fn }) => fn.countAll().as('waiting'))
    .where('hook', '=', hook)
    .executeTakeFirstOrThrow()
  const excess = Number(waiting) - maxWaiting
  if (excess <= 0) return
  const victims = await session
    .selectFrom('deliveries')
    .select('seq')
    .where('hook', '=', hook)
    .orderBy('severity')
    .orderBy('seq')
    .limit(excess)
    .execute()
  for (const { seq } of victims) await session.deleteFrom('deliveries').where('hook', '=', hook).where('seq', '=', seq).execute()
  await session
    .insertInto('hooks')
    .values({ hook, dropped: victims.length })
    .onConflict((conflict) => conflict.column('hook').doUpdateSet(({ eb }) => ({ dropped: eb('hooks.dropped', '+', victims.length) })))
    .execute()
}
