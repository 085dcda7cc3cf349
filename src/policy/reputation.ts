/**
 * What a vault's answers say of it: beta reputation with forgetting (a = λa + w(1+v)/2, b = λb + w(1−v)/2, score a/(a+b)), apart for integrity and
 * availability, and a robust estimate of latency. Wrong bytes quarantine at once, whatever the score.
 */
import type { AnswerTally, VaultScore } from '../contracts/audit.ts'
import type { ScoreRow } from '../contracts/catalog-audit.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { DAY_MS } from './cadence.ts'
import { isTrusted } from './demands.ts'

export type Beta = readonly [alpha: number, beta: number]

/** As much trust as twenty good audits give: what a vault begins with. */
export const INITIAL: Beta = [20, 0]

const LEAST_MEMORY = 0.95
const MOST_MEMORY = 0.99
/** Audits so far back are to weigh about a third of one of today. */
const MEMORY_DAYS = 30
const SMOOTHING = 0.1
/** An outlier moves the estimate as far as this many deviations would. */
const CLIP = 3
const FIRST_DEVIATION = 0.5

/** One more observation: `value` from −1 (all bad) to 1 (all good), `weight` of the observation, `lambda` what is kept of the past. */
export function observe(
  [alpha, beta]: Beta,
  { value, weight = 1, lambda }: { readonly value: number; readonly weight?: number; readonly lambda: number },
): Beta {
  return [lambda * alpha + (weight * (1 + value)) / 2, lambda * beta + (weight * (1 - value)) / 2]
}

export const scoreOf = ([alpha, beta]: Beta): number => (alpha + beta > 0 ? alpha / (alpha + beta) : 1)

/** How much of the past an audit keeps: the rarer the audits, the less, between .95 and .99, so that about a month is remembered. */
export function memoryFor(gapDays: number): number {
  return Math.min(MOST_MEMORY, Math.max(LEAST_MEMORY, 1 - Math.max(0, gapDays) / MEMORY_DAYS))
}

/** A vault's score after one more audit. A clock that was set back counts as no time at all. */
export function learn(
  before: ScoreRow | undefined,
  {
    vault,
    answers,
    now,
    reason,
  }: { readonly vault: string; readonly answers: AnswerTally; readonly now: number; readonly reason?: string | undefined },
): ScoreRow {
  const { intact, damaged, absent, silent } = answers
  const answered = intact + damaged + absent
  const row = before ?? { vault, integrity: INITIAL, availability: INITIAL, audits: 0, gapDays: 1, updatedAt: now }
  const gap = Math.min(MEMORY_DAYS, Math.max(0, now - row.updatedAt) / DAY_MS)
  const gapDays = before ? row.gapDays + SMOOTHING * (gap - row.gapDays) : row.gapDays
  const lambda = memoryFor(gapDays)
  const quarantine =
    damaged > 0 && row.quarantinedAt === undefined ? { quarantinedAt: now, reason: reason ?? `${damaged} blocks came back wrong` } : {}
  const latency = answers.latencies.reduce<ScoreRow['latency']>(learnLatency, row.latency)
  return {
    ...row,
    // One wrong answer of hundreds makes the whole audit a bad one: the others were only not asked for what is lost.
    integrity: answered > 0 ? observe(row.integrity, { value: damaged + absent > 0 ? -1 : 1, lambda }) : row.integrity,
    availability:
      answered + silent > 0 ? observe(row.availability, { value: (2 * answered) / (answered + silent) - 1, lambda }) : row.availability,
    ...(latency && { latency }),
    audits: row.audits + 1,
    gapDays,
    updatedAt: now,
    ...quarantine,
  }
}

/** Mean and deviation of log milliseconds, moved by a tenth towards each value, outliers clipped: one stalled read does not make a vault slow. */
export function learnLatency(before: ScoreRow['latency'], ms: number): ScoreRow['latency'] {
  const value = Math.log(Math.max(ms, 0.01))
  if (!before) return [value, FIRST_DEVIATION]
  const [mean, deviation] = before
  const limit = CLIP * Math.max(deviation, 0.05)
  const error = Math.max(-limit, Math.min(limit, value - mean))
  return [mean + SMOOTHING * error, deviation + SMOOTHING * (Math.abs(error) - deviation)]
}

/** Ends a quarantine; the scores stay what they are. */
export function released({ quarantinedAt: _, reason: __, ...row }: ScoreRow): ScoreRow {
  return row
}

export function scoreFrom({
  vault,
  integrity,
  availability,
  latency,
  audits,
  updatedAt,
  quarantinedAt,
  reason = '',
}: ScoreRow): VaultScore {
  return {
    vault,
    integrity: scoreOf(integrity),
    availability: scoreOf(availability),
    ...(latency && { latencyMs: Math.exp(latency[0]), slowMs: Math.exp(latency[0] + 2 * latency[1]) }),
    audits,
    updatedAt,
    ...(quarantinedAt !== undefined && { quarantine: { since: quarantinedAt, reason } }),
  }
}

export type Reliability = Pick<VaultScore, 'integrity' | 'availability' | 'quarantine'>

/** More than any score can take away. */
const QUARANTINE_DEMERIT = 100

/** How much worse than a good vault, in steps: small differences decide nothing, so that they do not outweigh cost. */
export function demerit(score: Reliability | undefined): number {
  if (!score) return 0
  const steps = Math.round(10 * (1 - score.integrity)) + Math.round(10 * (1 - score.availability))
  return steps + (score.quarantine ? QUARANTINE_DEMERIT : 0)
}

/**
 * Quarantined vaults that get nothing new. None where the others alone could not hold the floor: a copy in a doubtful place is better than none, since its
 * bytes are hashed whenever they are read.
 */
export function shunned(
  scores: ReadonlyMap<string, Reliability>,
  { vaults, floor }: { readonly vaults: readonly VaultProfile[]; readonly floor: number },
): ReadonlySet<string> {
  const doubtful = new Set([...scores].filter(([, score]) => score.quarantine).map(([id]) => id))
  const operators = new Set(vaults.filter((vault) => isTrusted(vault) && !doubtful.has(vault.id)).map(({ operator }) => operator))
  return operators.size >= Math.max(1, floor) ? doubtful : new Set()
}
