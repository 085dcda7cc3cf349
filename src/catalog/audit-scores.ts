/** What is thought of each vault. */
import type { Insertable, Selectable } from 'kysely'
import type { Catalog, ScoreRow } from '../contracts.ts'
import type { ScoresTable } from './audit-schema.ts'
import { type Database, write } from './schema.ts'

export function scores(db: Database): Pick<Catalog, 'scores' | 'changeScore'> {
  return {
    scores: async () => (await db.selectFrom('scores').selectAll().orderBy('vault').execute()).map(toScore),

    changeScore: (vault, change) =>
      write(db, async (session) => {
        const row = await session.selectFrom('scores').selectAll().where('vault', '=', vault).executeTakeFirst()
        const before = row && toScore(row)
        const after = change(before)
        if (after === undefined || after === before) return before
        const { vault: _, ...found } = fromScore(after)
        await session
          .insertInto('scores')
          .values({ vault, ...found })
          .onConflict((conflict) => conflict.column('vault').doUpdateSet(found))
          .execute()
        return after
      }),
  }
}

function toScore(row: Selectable<ScoresTable>): ScoreRow {
  return {
    vault: row.vault,
    integrity: [Number(row.integrity_alpha), Number(row.integrity_beta)],
    availability: [Number(row.availability_alpha), Number(row.availability_beta)],
    ...(row.latency_mean === null || row.latency_deviation === null
      ? {}
      : { latency: [Number(row.latency_mean), Number(row.latency_deviation)] as const }),
    audits: Number(row.audits),
    gapDays: Number(row.gap_days),
    updatedAt: Number(row.updated_at),
    ...(row.quarantined_at === null ? {} : { quarantinedAt: Number(row.quarantined_at) }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  }
}

function fromScore(row: ScoreRow): Insertable<ScoresTable> {
  const { vault, integrity, availability, latency, audits, gapDays, updatedAt, quarantinedAt, reason } = row
  return {
    vault,
    integrity_alpha: integrity[0],
    integrity_beta: integrity[1],
    availability_alpha: availability[0],
    availability_beta: availability[1],
    latency_mean: latency?.[0] ?? null,
    latency_deviation: latency?.[1] ?? null,
    audits,
    gap_days: gapDays,
    updated_at: updatedAt,
    quarantined_at: quarantinedAt ?? null,
    reason: reason ?? null,
  }
}
