/**
 * What challenges showed. One row is kept per pack, vault, object and retrieval, so that a listing of today does not hide last week's sample;
 * what a newer row replaces is rolled into the totals. Rows about a replica that has been dropped meanwhile are void and left out.
 */
import type {
  Announce,
  ArchiveEvent,
  Catalog,
  Clock,
  EvidenceRow,
  ReplicaState,
  StandingChange,
  Unanswered,
  Verdict,
} from '../contracts.ts'
import { moveOn } from './audit-rotations.ts'
import { gather } from './batches.ts'
import { announceIn } from './events.ts'
import { clockSetBack } from './evidence-clock.ts'
import { type Review, review, type Tally, tally, tallyNothing } from './evidence-rules.ts'
import { cidOf, toEvidence } from './rows.ts'
import { type Database, read, type Session, write } from './schema.ts'
import { recount } from './tallies.ts'

type Evidences = Pick<Catalog, 'recordEvidence' | 'evidenceOf' | 'packEvidence' | 'unansweredOf' | 'evidenceTotals'>
type Recorded = Parameters<Catalog['recordEvidence']>[0][number]

export function evidences(db: Database, clock: Clock): Evidences {
  return {
    recordEvidence: (rows, announce) =>
      write(db, async (session) => {
        await clockSetBack(session, rows, clock())
        return record(session, rows, announce)
      }),

    evidenceOf: (object) =>
      read(db, async (session) => {
        const packs = await session.selectFrom('extents').select('pack').distinct().where('object', '=', object).execute()
        return await about(
          session,
          packs.map(({ pack }) => pack),
          [0, object],
        )
      }),

    packEvidence: (packs) => about(db, packs, [0]),

    unansweredOf: async (pack, vault) => {
      const rows = await db
        .selectFrom('unanswered')
        .select(['ordinal', 'since', 'tries'])
        .where('pack', '=', pack)
        .where('vault', '=', vault)
        .orderBy('ordinal')
        .execute()
      return rows.map(({ ordinal, since, tries }) => ({ ordinal: Number(ordinal), since: Number(since), tries: Number(tries) }))
    },

    evidenceTotals: async (pack, vault) => {
      const row = await db.selectFrom('evidence_totals').selectAll().where('pack', '=', pack).where('vault', '=', vault).executeTakeFirst()
      if (row === undefined) return undefined
      return {
        pack: Number(row.pack),
        vault: row.vault,
        checks: Number(row.checks),
        intact: Number(row.intact),
        damaged: Number(row.damaged),
        missing: Number(row.missing),
        silent: Number(row.silent),
        firstAt: Number(row.first_at),
        lastAt: Number(row.last_at),
      }
    },
  }
}

async function about(db: Database, packs: readonly number[], objects: readonly number[]): Promise<readonly EvidenceRow[]> {
  const rows = await gather(packs, (ids) =>
    db.selectFrom('evidence').selectAll().where('pack', 'in', ids).where('object', 'in', objects).execute(),
  )
  return rows.map(toEvidence)
}

/** What one call changes about one replica. */
interface Change {
  readonly pack: number
  readonly vault: string
  readonly state: ReplicaState
  readonly before: Review
  after: Review
  readonly shownBefore: number | null
  shownAt: number | null
  rolled: Tally
  unanswered: Map<number, Unanswered> | undefined
}

async function record(
  session: Session,
  rows: readonly Recorded[],
  announce: Announce<StandingChange> | undefined,
): Promise<readonly ArchiveEvent[]> {
  const changes = await replicasOf(session, rows)
  for (const row of [...rows].sort((a, b) => a.at - b.at)) {
    const change = changes.get(`${row.pack} ${row.vault}`)
    if (change === undefined) continue
    const replaced = await keepNewest(session, row)
    if (replaced) change.rolled = tally(change.rolled, replaced)
    change.after = review(change.after, row)
    if (row.verdict === 'intact' && row.retrieval !== 'none') change.shownAt = Math.max(row.at, change.shownAt ?? 0)
    if (row.unanswered) change.unanswered = join(change.unanswered, row.unanswered)
    if (row.rotation) await moveOn(session, row.rotation)
  }
  for (const change of changes.values()) await save(session, change)
  const standings = [...changes.values()].map(({ pack, vault, state, ...change }) => {
    const at = (verdict: Verdict | undefined, shown_at: number | null) => ({ vault, state, verdict: verdict ?? null, shown_at })
    return { pack, before: at(change.before.verdict, change.shownBefore), after: at(change.after.verdict, change.shownAt) }
  })
  await recount(session, standings)
  return announce ? announceStandings(session, [...changes.values()], announce) : []
}

async function announceStandings(
  session: Session,
  changes: readonly Change[],
  announce: Announce<StandingChange>,
): Promise<readonly ArchiveEvent[]> {
  const changed = changes.filter(({ before, after }) => after.verdict !== before.verdict)
  const names = await gather(
    changed.map(({ pack }) => pack),
    (ids) => session.selectFrom('packs').select(['id', 'name']).where('id', 'in', ids).where('name', 'is not', null).execute(),
  )
  const named = new Map(names.map(({ id, name }) => [Number(id), name]))
  const told = changed.flatMap(({ pack, vault, before, after }): readonly StandingChange[] => {
    const name = named.get(pack)
    return name && after.verdict ? [{ pack, name: cidOf(name), vault, from: before.verdict, to: after.verdict, at: after.at }] : []
  })
  return told.length > 0 ? announceIn(session, announce(told)) : []
}

async function replicasOf(session: Session, rows: readonly Recorded[]): Promise<Map<string, Change>> {
  const wanted = new Set(rows.map(({ pack, vault }) => `${pack} ${vault}`))
  const replicas = await gather(
    rows.map(({ pack }) => pack),
    (ids) => session.selectFrom('replicas').selectAll().where('pack', 'in', ids).execute(),
  )
  const changes = new Map<string, Change>()
  for (const { pack, vault, state, verdict, verdict_at, verdict_object, shown_at } of replicas) {
    const key = `${pack} ${vault}`
    const before = { verdict: verdict ?? undefined, at: Number(verdict_at ?? 0), object: Number(verdict_object ?? 0) }
    const shownAt = shown_at === null ? null : Number(shown_at)
    const nothing = { rolled: tallyNothing, unanswered: undefined }
    if (wanted.has(key))
      changes.set(key, { pack: Number(pack), vault, state, before, after: before, shownBefore: shownAt, shownAt, ...nothing })
  }
  return changes
}

/** Stores the row unless a newer one of its kind is there; resolves to the older of the two. */
async function keepNewest(session: Session, row: EvidenceRow): Promise<Pick<EvidenceRow, 'verdict' | 'at'> | undefined> {
  const { pack, vault, object, retrieval, at } = row
  const stored = await session
    .selectFrom('evidence')
    .select(['verdict', 'at'])
    .where('pack', '=', pack)
    .where('object', '=', object)
    .where('vault', '=', vault)
    .where('retrieval', '=', retrieval)
    .executeTakeFirst()
  if (stored && Number(stored.at) > at) return row
  const found = {
    verdict: row.verdict,
    possession: row.possession,
    at,
    seed: row.seed ?? null,
    asked: row.asked,
    answered: row.answered,
    bytes_read: row.bytesRead,
    detail: row.detail ?? null,
  }
  if (stored === undefined)
    await session
      .insertInto('evidence')
      .values({ pack, object, vault, retrieval, ...found })
      .execute()
  else
    await session
      .updateTable('evidence')
      .set(found)
      .where('pack', '=', pack)
      .where('object', '=', object)
      .where('vault', '=', vault)
      .where('retrieval', '=', retrieval)
      .execute()
  return stored && { verdict: stored.verdict, at: Number(stored.at) }
}

/** Several rows of one call may each bring probes of the same replica. */
function join(known: Map<number, Unanswered> | undefined, given: readonly Unanswered[]): Map<number, Unanswered> {
  const joined = new Map(known)
  for (const { ordinal, since, tries } of given) {
    const other = joined.get(ordinal)
    joined.set(
      ordinal,
      other ? { ordinal, since: Math.min(since, other.since), tries: Math.max(tries, other.tries) } : { ordinal, since, tries },
    )
  }
  return joined
}

async function save(session: Session, change: Change): Promise<void> {
  const { pack, vault, before, after, rolled, unanswered } = change
  if (after !== before || change.shownAt !== change.shownBefore)
    await session
      .updateTable('replicas')
      .set({ verdict: after.verdict ?? null, verdict_at: after.at, verdict_object: after.object, shown_at: change.shownAt })
      .where('pack', '=', pack)
      .where('vault', '=', vault)
      .execute()
  if (unanswered) {
    await session.deleteFrom('unanswered').where('pack', '=', pack).where('vault', '=', vault).execute()
    for (const { ordinal, since, tries } of unanswered.values())
      await session.insertInto('unanswered').values({ pack, vault, ordinal, since, tries }).execute()
  }
  if (rolled.checks > 0) await roll(session, pack, vault, rolled)
}

async function roll(session: Session, pack: number, vault: string, rolled: Tally): Promise<void> {
  const { checks, intact, damaged, missing, silent, firstAt, lastAt } = rolled
  await session
    .insertInto('evidence_totals')
    .values({ pack, vault, checks, intact, damaged, missing, silent, first_at: firstAt, last_at: lastAt })
    .onConflict((conflict) =>
      conflict.columns(['pack', 'vault']).doUpdateSet(({ eb, ref, case: when }) => ({
        checks: eb('evidence_totals.checks', '+', checks),
        intact: eb('evidence_totals.intact', '+', intact),
        damaged: eb('evidence_totals.damaged', '+', damaged),
        missing: eb('evidence_totals.missing', '+', missing),
        silent: eb('evidence_totals.silent', '+', silent),
        first_at: when().when('evidence_totals.first_at', '<', firstAt).then(ref('evidence_totals.first_at')).else(firstAt).end(),
        last_at: when().when('evidence_totals.last_at', '>', lastAt).then(ref('evidence_totals.last_at')).else(lastAt).end(),
      })),
    )
    .execute()
}
