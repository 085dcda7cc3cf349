/** Surveys: a draw from all blocks of one vault, its questions, and their answers. */
import type { Selectable } from 'kysely'
import type { Catalog, DrawnBlock, ObjectId, SurveyProbe, SurveyRow } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import type { SurveysTable } from './audit-schema.ts'
import { batchesOf } from './batches.ts'
import { plain } from './rows.ts'
import { type Database, read, type Session, write } from './schema.ts'

type Surveys = Pick<
  Catalog,
  'drawBlocks' | 'openSurvey' | 'latestSurvey' | 'probesOf' | 'answerProbes' | 'closeSurvey' | 'objectsAt' | 'hasBadReplicas'
>

/** Packs that are looked at together while drawn numbers become places: their block counts are all that is held of them. */
const COUNTED = 10_000

export function surveys(db: Database): Surveys {
  return {
    drawBlocks: (vault, pick) =>
      read(db, async (session) => {
        const counted = await placedContent(session, vault)
          .select(({ fn }) => fn.sum<number | string | null>('packs.block_count').as('blocks'))
          .executeTakeFirst()
        const population = Number(counted?.blocks ?? 0)
        return { population, drawn: await placesOf(session, vault, pick(population)) }
      }),

    openSurvey: (survey, drawn) => write(db, (session) => open(session, survey, drawn)),
    latestSurvey: (vault) => latest(db, vault),

    probesOf: async (survey) => {
      const rows = await db.selectFrom('survey_probes').selectAll().where('survey', '=', survey).orderBy('number').execute()
      return rows.map(
        (row): SurveyProbe => ({
          number: Number(row.number),
          pack: Number(row.pack),
          ordinal: Number(row.ordinal),
          outcome: row.outcome ?? undefined,
          since: Number(row.since),
          tries: Number(row.tries),
        }),
      )
    },

    answerProbes: (survey, at, answers) =>
      write(db, async (session) => {
        for (const { number, outcome = null, since, tries } of answers)
          await session
            .updateTable('survey_probes')
            .set({ outcome, since, tries })
            .where('survey', '=', survey)
            .where('number', '=', number)
            .where(({ eb, or }) => or([eb('outcome', 'is', null), eb('outcome', 'in', ['silent', 'denied'])]))
            .execute()
        await session.updateTable('surveys').set({ asked_at: at }).where('id', '=', survey).execute()
      }),

    closeSurvey: (survey, { at, report }) =>
      write(db, async (session) => {
        await session.updateTable('surveys').set({ closed_at: at, report }).where('id', '=', survey).execute()
        const { vault = '' } = (await session.selectFrom('surveys').select('vault').where('id', '=', survey).executeTakeFirst()) ?? {}
        const older = await session.selectFrom('surveys').select('id').where('vault', '=', vault).where('id', '<', survey).execute()
        for (const { id } of older) await session.deleteFrom('survey_probes').where('survey', '=', id).execute()
      }),

    objectsAt: async (pack, ordinal, { limit }) => {
      const rows = await db
        .selectFrom('extents')
        .select('object')
        .distinct()
        .where('pack', '=', pack)
        .where('first', '<=', ordinal)
        .where(({ eb }) => eb(eb('first', '+', eb.ref('count')), '>', ordinal))
        .orderBy('object')
        .limit(limit)
        .execute()
      return rows.map(({ object }): ObjectId => Number(object))
    },

    hasBadReplicas: async (vault) => {
      const row = await db
        .selectFrom('replicas')
        .select('pack')
        .where('vault', '=', vault)
        .where('verdict', 'in', ['damaged', 'missing'])
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

const placedContent = (session: Session, vault: string) =>
  session
    .selectFrom('replicas')
    .innerJoin('packs', 'packs.id', 'replicas.pack')
    .where('replicas.vault', '=', vault)
    .where('replicas.state', '=', 'placed')
    .where('packs.kind', '=', 'content')

/** Numbers of blocks, ascending, as places: one pass over the vault's packs, of which a page is held at a time. */
async function placesOf(session: Session, vault: string, numbers: readonly number[]): Promise<readonly DrawnBlock[]> {
  const drawn: DrawnBlock[] = []
  let passed = 0
  for (let after = 0; drawn.length < numbers.length; ) {
    const rows = await placedContent(session, vault)
      .select(['replicas.pack', 'packs.block_count'])
      .where('replicas.pack', '>', after)
      .orderBy('replicas.pack')
      .limit(COUNTED)
      .execute()
    for (const row of rows) {
      const end = passed + Number(row.block_count)
      for (let at = numbers[drawn.length]; at !== undefined && at < end; at = numbers[drawn.length])
        drawn.push({ pack: Number(row.pack), ordinal: at - passed })
      passed = end
    }
    const last = rows.at(-1)
    if (!last || rows.length < COUNTED) break
    after = Number(last.pack)
  }
  return drawn
}

async function latest(db: Database, vault: string): Promise<SurveyRow | undefined> {
  const row = await db.selectFrom('surveys').selectAll().where('vault', '=', vault).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row && toSurvey(row)
}

async function open(session: Session, survey: Parameters<Surveys['openSurvey']>[0], drawn: readonly DrawnBlock[]): Promise<SurveyRow> {
  const before = await latest(session, survey.vault)
  if (before && before.closedAt === undefined)
    throw new CatalogError('conflict', `survey ${before.id} of ${survey.vault} is open; finish it before another one is drawn`)
  const { vault, seed, drawnAt, confidence, loss, population } = survey
  const row = await session
    .insertInto('surveys')
    .values({ vault, seed, drawn_at: drawnAt, confidence, loss, population, draws: drawn.length })
    .returningAll()
    .executeTakeFirstOrThrow()
  const probes = drawn.map(({ pack, ordinal }, number) => ({ survey: row.id, number, pack, ordinal, since: 0, tries: 0 }))
  for (const batch of batchesOf(probes))
    await session
      .insertInto('survey_probes')
      .values([...batch])
      .execute()
  return toSurvey(row)
}

function toSurvey(row: Selectable<SurveysTable>): SurveyRow {
  return {
    id: Number(row.id),
    vault: row.vault,
    seed: plain(row.seed),
    drawnAt: Number(row.drawn_at),
    confidence: Number(row.confidence),
    loss: Number(row.loss),
    population: Number(row.population),
    draws: Number(row.draws),
    ...(row.asked_at === null ? {} : { askedAt: Number(row.asked_at) }),
    ...(row.closed_at === null ? {} : { closedAt: Number(row.closed_at) }),
    ...(row.report === null ? {} : { report: row.report }),
  }
}
