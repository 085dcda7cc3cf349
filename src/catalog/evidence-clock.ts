/**
 * Evidence of a clock that has been set back. What is stored then lies in the future, and newer evidence would look older than it: it would be left
 * out, and bad news with it. So before anything new is stored about such a replica, its whole history moves to before the new row, in its order and
 * with its gaps.
 */
import { sql } from 'kysely'
import type { EvidenceRow } from '../contracts.ts'
import { gather } from './batches.ts'
import type { Session } from './schema.ts'
import { recount, STANDING } from './tallies.ts'

/** Clocks of machines that share a catalog may differ by so much. */
const AHEAD_MS = 3_600_000

export async function clockSetBack(
  session: Session,
  rows: readonly Pick<EvidenceRow, 'pack' | 'vault' | 'object' | 'at'>[],
  now: number,
): Promise<void> {
  const next = new Map<string, number>()
  for (const { pack, vault, at } of rows) next.set(`${pack} ${vault}`, Math.min(at, next.get(`${pack} ${vault}`) ?? at))
  const packs = [...new Set(rows.map(({ pack }) => pack))]
  // A pack may hold evidence of thousands of objects: only what these rows speak of is looked at.
  const ahead = await gather([0, ...rows.map(({ object }) => object)], (objects) =>
    session
      .selectFrom('evidence')
      .select(['pack', 'vault'])
      .distinct()
      .where('pack', 'in', packs)
      .where('object', 'in', objects)
      .where('at', '>', now + AHEAD_MS)
      .execute(),
  )
  for (const { pack, vault } of ahead) {
    const before = next.get(`${pack} ${vault}`)
    if (before === undefined || before > now + AHEAD_MS) continue
    const { newest } = await session
      .selectFrom('evidence')
      .select(({ fn }) => fn.max('at').as('newest'))
      .where('pack', '=', pack)
      .where('vault', '=', vault)
      .executeTakeFirstOrThrow()
    await move(session, { pack, vault, by: Number(newest) - before + 1 })
    // Not a second time, when the same replica was found by two batches of objects.
    next.delete(`${pack} ${vault}`)
  }
}

async function move(
  session: Session,
  { pack, vault, by }: { readonly pack: number; readonly vault: string; readonly by: number },
): Promise<void> {
  const earlier = (column: string) => sql<number>`${sql.ref(column)} - ${by}`
  const standing = () =>
    session.selectFrom('replicas').select(STANDING).where('pack', '=', pack).where('vault', '=', vault).executeTakeFirst()
  const before = await standing()
  for (const [table, columns] of [
    ['evidence', { at: earlier('at') }],
    ['unanswered', { since: earlier('since') }],
    ['replicas', { verdict_at: earlier('verdict_at'), shown_at: earlier('shown_at') }],
  ] as const)
    await session.updateTable(table).set(columns).where('pack', '=', pack).where('vault', '=', vault).execute()
  await recount(session, [{ pack, before, after: await standing() }])
}
