/**
 * Replicas in sums that are kept as they change, so that metrics of millions of them cost nothing to read: whoever changes a replica's row reports what it
 * was and what it is, in the same transaction.
 */
import type { Selectable } from 'kysely'
import type { ArchiveEvent, ArchiveTallies, Catalog, EventTotal, ObjectState, ReplicaTally, Verdict } from '../contracts.ts'
import { gather } from './batches.ts'
import { type Database, type ReplicasTable, read, type Session } from './schema.ts'

const DAY_MS = 86_400_000
const NEVER = -1
/** States that rest on fresh evidence; see `totals`. */
const PERISHABLE: readonly ObjectState[] = ['satisfied', 'degraded']
const BAD: readonly (Verdict | '')[] = ['damaged', 'missing']

export type Standing = Pick<Selectable<ReplicasTable>, 'vault' | 'state' | 'verdict' | 'shown_at'>

export const STANDING = ['vault', 'state', 'verdict', 'shown_at'] as const

/** What a replica was, undefined: not there; and what it is now, undefined: gone. */
export interface ReplicaChange {
  readonly pack: number
  readonly before?: Standing | undefined
  readonly after?: Standing | undefined
}

/** Brings the sums up to date with changes of this transaction. The packs must still be there. */
export async function recount(session: Session, changes: readonly ReplicaChange[]): Promise<void> {
  const sizes = new Map(
    (
      await gather(
        changes.map(({ pack }) => pack),
        (ids) => session.selectFrom('packs').select(['id', 'byte_length']).where('id', 'in', ids).execute(),
      )
    ).map(({ id, byte_length }) => [Number(id), Number(byte_length)]),
  )
  const deltas = new Map<string, { readonly key: Key; replicas: number; bytes: number }>()
  const add = (standing: Standing | undefined, pack: number, sign: 1 | -1) => {
    if (!standing) return
    const key = keyOf(standing)
    const text = JSON.stringify(key)
    const delta = deltas.get(text) ?? { key, replicas: 0, bytes: 0 }
    delta.replicas += sign
    delta.bytes += sign * (sizes.get(pack) ?? 0)
    deltas.set(text, delta)
  }
  for (const { pack, before, after } of changes) {
    add(before, pack, -1)
    add(after, pack, 1)
  }
  for (const delta of deltas.values()) if (delta.replicas !== 0 || delta.bytes !== 0) await apply(session, delta)
}

interface Key {
  readonly vault: string
  readonly state: 'intended' | 'placed'
  readonly verdict: Verdict | ''
  readonly day: number
}

const keyOf = ({ vault, state, verdict, shown_at }: Standing): Key => ({
  vault,
  state,
  verdict: verdict ?? '',
  day: shown_at === null ? NEVER : Math.floor(Number(shown_at) / DAY_MS),
})

async function apply(session: Session, delta: { readonly key: Key; readonly replicas: number; readonly bytes: number }): Promise<void> {
  const { key, replicas, bytes } = delta
  await session
    .insertInto('replica_tallies')
    .values({ ...key, replicas, byte_length: bytes })
    .onConflict((conflict) =>
      conflict.columns(['vault', 'state', 'verdict', 'day']).doUpdateSet(({ eb }) => ({
        replicas: eb('replica_tallies.replicas', '+', replicas),
        byte_length: eb('replica_tallies.byte_length', '+', bytes),
      })),
    )
    .execute()
  if (replicas >= 0) return
  await session
    .deleteFrom('replica_tallies')
    .where('vault', '=', key.vault)
    .where('state', '=', key.state)
    .where('verdict', '=', key.verdict)
    .where('day', '=', key.day)
    .where('replicas', '=', 0)
    .execute()
}

export function tallying(db: Database): Pick<Catalog, 'tallies'> {
  return { tallies: (at) => read(db, (session) => tallies(session, at)) }
}

async function tallies(db: Database, at: number): Promise<ArchiveTallies> {
  const replicas = (await db.selectFrom('replica_tallies').selectAll().execute()).map(toTally)
  return {
    ...(await objects(db, at)),
    spooledBytes: await spooled(db),
    replicas,
    evidence: await ages(db, replicas),
    events: await events(db),
  }
}

async function objects(db: Database, at: number): Promise<Pick<ArchiveTallies, 'objects' | 'byteLength' | 'states' | 'lapsed'>> {
  const states = { lost: 0, 'at-risk': 0, damaged: 0, unknown: 0, degraded: 0, satisfied: 0 }
  const sums = { objects: 0, byteLength: 0, lapsed: 0 }
  // One walk over an index that holds all three columns.
  const rows = await db
    .selectFrom('objects')
    .select(({ fn, eb }) => [
      'state',
      fn.countAll().as('objects'),
      fn.sum('byte_length').as('bytes'),
      fn.sum(eb.case().when('fresh_until', '<=', at).then(1).else(0).end()).as('lapsed'),
    ])
    .groupBy('state')
    .execute()
  for (const row of rows) {
    const lapsed = PERISHABLE.includes(row.state) ? Number(row.lapsed) : 0
    states[row.state] += Number(row.objects) - lapsed
    states.unknown += lapsed
    sums.objects += Number(row.objects)
    sums.byteLength += Number(row.bytes)
    sums.lapsed += lapsed
  }
  return { ...sums, states }
}

async function spooled(db: Database): Promise<number> {
  const row = await db
    .selectFrom('packs')
    .select(({ fn }) => fn.sum('byte_length').as('bytes'))
    .where('owner', 'is', null)
    .where('spooled', '=', 1)
    .executeTakeFirst()
  return Number(row?.bytes ?? 0)
}

/** Two looks at an index for each vault and verdict. */
async function ages(db: Database, tallies: readonly ReplicaTally[]): Promise<ArchiveTallies['evidence']> {
  const found = new Map<string, { oldestAt: number; newestAt: number }>()
  const shown = tallies.filter(({ verdict, day }) => day !== undefined && verdict !== undefined && !BAD.includes(verdict))
  for (const key of new Set(shown.map(({ vault, verdict }) => JSON.stringify([vault, verdict])))) {
    const [vault, verdict] = JSON.parse(key) as [string, Verdict]
    const query = db
      .selectFrom('replicas')
      .select('shown_at')
      .where('vault', '=', vault)
      .where('verdict', '=', verdict)
      .where('shown_at', 'is not', null)
    const oldest = await query.orderBy('shown_at', 'asc').limit(1).executeTakeFirst()
    const newest = await query.orderBy('shown_at', 'desc').limit(1).executeTakeFirst()
    if (!oldest || !newest) continue
    const known = found.get(vault)
    found.set(vault, {
      oldestAt: Math.min(Number(oldest.shown_at), known?.oldestAt ?? Number.MAX_SAFE_INTEGER),
      newestAt: Math.max(Number(newest.shown_at), known?.newestAt ?? 0),
    })
  }
  return [...found].map(([vault, age]) => ({ vault, ...age }))
}

async function events(db: Database): Promise<readonly EventTotal[]> {
  const rows = await db.selectFrom('event_totals').selectAll().orderBy('type').execute()
  return rows.map(({ type, total, last_at, last }) => ({
    type,
    total: Number(total),
    lastAt: Number(last_at),
    last: JSON.parse(last) as ArchiveEvent,
  }))
}

function toTally({ vault, state, verdict, day, replicas, byte_length }: Key & { replicas: number; byte_length: number }): ReplicaTally {
  return {
    vault,
    state,
    verdict: verdict === '' ? undefined : verdict,
    day: Number(day) === NEVER ? undefined : Number(day),
    replicas: Number(replicas),
    byteLength: Number(byte_length),
  }
}
