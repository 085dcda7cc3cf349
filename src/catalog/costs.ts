/** Spending: one row per month, vault, activity and prices, however much is done; and what work under way has reserved. */
import type { Catalog, Charge, Clock, CostRow, MonthOfCosts, VaultPrices } from '../contracts.ts'
import { isDead, thisProcess } from './process.ts'
import { type Database, type Session, write } from './schema.ts'

/** Another machine's reservation is believed for so long. */
const RESERVED_MS = 24 * 60 * 60 * 1000

type Costing = Pick<Catalog, 'addCosts' | 'costs' | 'charges' | 'heldBytes' | 'reserve' | 'unreserve'>
type Span = { readonly since?: string | undefined; readonly until?: string | undefined }

export function costing(db: Database, clock: Clock): Costing {
  return {
    addCosts: (rows, charges = []) =>
      write(db, async (session) => {
        for (const row of rows) await add(session, row)
        for (const { detail = null, ...charge } of charges)
          await session
            .insertInto('charges')
            .values({ ...charge, month: new Date(charge.at).toISOString().slice(0, 7), detail })
            .execute()
      }),
    costs: (span = {}) => costsIn(db, span),
    charges: (span = {}) => chargesIn(db, span),
    heldBytes: () => heldIn(db),
    reserve: (reservation, refuses) =>
      write(db, async (session) => {
        await dropDead(session, clock())
        const month = await monthOf(session, reservation.month)
        const reason = refuses(month)
        if (reason !== undefined) return reason
        for (const money of reservation.amounts) {
          const row = { key: reservation.key, month: reservation.month, ...money, ...thisProcess(), expires_at: clock() + RESERVED_MS }
          await session.insertInto('reservations').values(row).execute()
        }
        return undefined
      }),
    unreserve: async (key) => {
      await db.deleteFrom('reservations').where('key', '=', key).execute()
    },
  }
}

async function add(session: Session, row: CostRow): Promise<void> {
  const { month, vault, activity, prices, writes, reads, storedBytes, readBytes, failed } = row
  await session
    .insertInto('costs')
    .values({
      month,
      vault,
      activity,
      prices: prices ? canonical(prices) : '',
      writes,
      reads,
      stored_bytes: storedBytes,
      read_bytes: readBytes,
      failed,
    })
    .onConflict((conflict) =>
      conflict.columns(['month', 'vault', 'activity', 'prices']).doUpdateSet(({ eb }) => ({
        writes: eb('costs.writes', '+', writes),
        reads: eb('costs.reads', '+', reads),
        stored_bytes: eb('costs.stored_bytes', '+', storedBytes),
        read_bytes: eb('costs.read_bytes', '+', readBytes),
        failed: eb('costs.failed', '+', failed),
      })),
    )
    .execute()
}

/** The same prices in one form, in whichever order they were written down. */
const canonical = (prices: VaultPrices): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(prices)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  )

async function costsIn(db: Database, { since = '', until = '9999-12' }: Span): Promise<readonly CostRow[]> {
  const rows = await db
    .selectFrom('costs')
    .selectAll()
    .where('month', '>=', since)
    .where('month', '<=', until)
    .orderBy('month')
    .orderBy('vault')
    .orderBy('activity')
    .orderBy('prices')
    .execute()
  return rows.map(({ month, vault, activity, prices, writes, reads, stored_bytes, read_bytes, failed }) => ({
    month,
    vault,
    activity,
    ...(prices !== '' && { prices: JSON.parse(prices) as VaultPrices }),
    writes: Number(writes),
    reads: Number(reads),
    storedBytes: Number(stored_bytes),
    readBytes: Number(read_bytes),
    failed: Number(failed),
  }))
}

async function chargesIn(db: Database, { since = '', until = '9999-12' }: Span): Promise<readonly Charge[]> {
  const rows = await db
    .selectFrom('charges')
    .selectAll()
    .where('month', '>=', since)
    .where('month', '<=', until)
    .orderBy('month')
    .orderBy('id')
    .execute()
  return rows.map(({ at, vault, activity, amount, currency, detail }) => ({
    at: Number(at),
    vault,
    activity,
    amount,
    currency,
    ...(detail !== null && { detail }),
  }))
}

async function heldIn(db: Database): Promise<MonthOfCosts['held']> {
  const rows = await db
    .selectFrom('replica_tallies')
    .select(({ fn }) => ['vault', fn.sum('byte_length').as('bytes')])
    .where('state', '=', 'placed')
    .groupBy('vault')
    .orderBy('vault')
    .execute()
  return rows.map(({ vault, bytes }) => ({ vault, byteLength: Number(bytes) })).filter(({ byteLength }) => byteLength > 0)
}

async function monthOf(session: Session, month: string): Promise<MonthOfCosts> {
  const reserved = await session.selectFrom('reservations').select(['amount', 'currency']).where('month', '=', month).execute()
  const span = { since: month, until: month }
  return { rows: await costsIn(session, span), charges: await chargesIn(session, span), reserved, held: await heldIn(session) }
}

async function dropDead(session: Session, now: number): Promise<void> {
  for (const row of await session.selectFrom('reservations').selectAll().execute())
    if (Number(row.expires_at) <= now || isDead({ ...row, pid: Number(row.pid) }))
      await session.deleteFrom('reservations').where('key', '=', row.key).execute()
}
