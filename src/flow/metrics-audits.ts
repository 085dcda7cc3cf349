/** Metrics of audits: what surveys state of vaults, what is thought of them, and what was read of the month's budget. */
import type { SurveyReport, VaultScore } from '../contracts.ts'
import { monthOf } from '../policy/audit.ts'
import type { Context } from './context.ts'
import { type Family, gauge, type Sample, summed } from './metrics-text.ts'
import { scoresOf } from './scores.ts'

export async function auditFamilies(context: Context, now: number): Promise<readonly Family[]> {
  const scores = [...(await scoresOf(context)).values()]
  const surveys = await latestSurveys(context)
  return [...surveyFamilies(surveys), ...scoreFamilies(scores), ...(await spendingFamilies(context, now))]
}

interface Surveyed {
  readonly vault: string
  readonly drawnAt: number
  readonly report: SurveyReport | undefined
}

async function latestSurveys({ catalog, vaults }: Context): Promise<readonly Surveyed[]> {
  const found: Surveyed[] = []
  for (const vault of vaults.keys()) {
    const row = await catalog.latestSurvey(vault)
    if (row)
      found.push({ vault, drawnAt: row.drawnAt, report: row.report === undefined ? undefined : (JSON.parse(row.report) as SurveyReport) })
  }
  return found
}

function surveyFamilies(surveys: readonly Surveyed[]): readonly Family[] {
  const closed = surveys.flatMap(({ report, ...rest }) => (report ? [{ ...rest, report }] : []))
  return [
    gauge(
      'perdure_survey_drawn_timestamp_seconds',
      'When the questions of the newest survey of the vault were fixed. Absent: there was none.',
      surveys.map(({ vault, drawnAt }) => ({ labels: { vault }, value: drawnAt / 1_000 })),
    ),
    gauge(
      'perdure_survey_open',
      'Is the newest survey of the vault still under way? Then it states nothing yet.',
      surveys.map(({ vault, report }) => ({ labels: { vault }, value: report ? 0 : 1 })),
    ),
    gauge(
      'perdure_survey_loss_bound',
      'With that confidence a smaller share of the blocks of the vault was lost when the newest survey was drawn. Absent: nothing is stated.',
      closed.flatMap(({ vault, report: { bound, confidence } }): readonly Sample[] =>
        bound === undefined || confidence === undefined ? [] : [{ labels: { vault, confidence: String(confidence) }, value: bound }],
      ),
    ),
    gauge(
      'perdure_survey_blocks',
      'How the blocks turned out that the newest survey drew.',
      closed.flatMap(({ vault, report }) =>
        (['intact', 'damaged', 'missing', 'gone'] as const).map((outcome) => ({ labels: { vault, outcome }, value: report[outcome] })),
      ),
    ),
  ]
}

function scoreFamilies(scores: readonly VaultScore[]): readonly Family[] {
  return [
    gauge(
      'perdure_vault_score',
      'What our own evidence says of the vault, between 0 and 1.',
      scores.flatMap(({ vault, integrity, availability }) => [
        { labels: { vault, kind: 'integrity' }, value: integrity },
        { labels: { vault, kind: 'availability' }, value: availability },
      ]),
    ),
    gauge(
      'perdure_vault_read_seconds',
      'How long a read of the vault takes: typically, and what few exceed.',
      scores.flatMap(({ vault, latencyMs, slowMs }) =>
        Object.entries({ typical: latencyMs, slow: slowMs }).flatMap(([kind, ms]): readonly Sample[] =>
          ms === undefined ? [] : [{ labels: { vault, kind }, value: ms / 1_000 }],
        ),
      ),
    ),
    gauge(
      'perdure_vault_quarantined',
      'Is it quarantined, because it gave wrong bytes?',
      scores.map(({ vault, quarantine }) => ({ labels: { vault }, value: quarantine ? 1 : 0 })),
    ),
  ]
}

async function spendingFamilies({ catalog, audit }: Context, now: number): Promise<readonly Family[]> {
  const rows = await catalog.spendingIn(monthOf(now))
  const { bytes, money } = audit.budget
  return [
    gauge('perdure_audit_spent_bytes', 'Bytes that audits have read this calendar month (UTC).', [
      ...summed(
        rows,
        ({ vault, purpose }) => ({ vault, purpose }),
        ({ bytes }) => bytes,
      ),
    ]),
    gauge('perdure_audit_spent_money', 'What they cost, by the prices that vaults state.', [
      ...summed(
        rows.filter(({ currency }) => currency !== ''),
        ({ vault, purpose, currency }) => ({ vault, purpose, currency }),
        ({ amount }) => amount,
      ),
    ]),
    gauge('perdure_audit_budget_bytes', 'What they may read in a month. Absent: no limit.', bytes === undefined ? [] : [{ value: bytes }]),
    gauge('perdure_audit_budget_money', 'What they may cost in a month. Absent: no limit.', [
      ...(money ? [{ labels: { currency: money.currency }, value: money.amount }] : []),
    ]),
  ]
}
