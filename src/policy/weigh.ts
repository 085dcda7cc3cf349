/**
 * One replica's evidence, weighed by policy. Rows are compared by time; of two rows of the same moment damage wins over health, and health over silence.
 *
 * | evidence                                                                          | footing    | counts |
 * |-----------------------------------------------------------------------------------|------------|--------|
 * | damaged or missing, not superseded, however old and whatever came after           | `lost`     | no     |
 * | accepted, fresh, newer than any bad row; no silence since                         | `sound`    | yes    |
 * | accepted, fresh, newer than any bad row; silent or pending since                   | `doubtful` | yes    |
 * | accepted but lapsed, or never accepted, or silence, pending, or no evidence at all | `open`     | no     |
 * | intended, never placed, not bad                                                    | `unplaced` | no     |
 * | in a vault that is no longer configured, not bad                                   | `foreign`  | no     |
 *
 * Superseded: a newer `intact` row that read at least as much (none < sampled < whole) clears `damaged` and `missing`, when bytes were read or possession
 * was proven. A vault's newer word that it holds the pack (`unproven`, listed) clears only a `missing` that was its own word, too. Nothing older ever
 * rescues a replica: rows from before a bad one stay worthless when the bad one is superseded.
 *
 * A row dated more than `AHEAD_MS` after now comes from a clock that ran ahead: bad news of it stands, good news is not believed until it was asked again.
 *
 * Accepted: `sampled` takes sampled and whole, `whole` whole, `proven` proven possession, each with verdict intact; `listed` takes possession listed or
 * proven with verdict intact or unproven. A sampled row of a whole pack is no sample of an object in it (rule 3) and is not accepted.
 */
import type { EvidenceRow } from '../contracts/catalog-rows.ts'
import type { EvidencePolicy } from '../contracts/policy.ts'
import { DAY_MS } from './cadence.ts'

/** What the judge reads of an evidence row; the rows may carry more. */
export type JudgedEvidence = Pick<EvidenceRow, 'verdict' | 'possession' | 'retrieval' | 'at' | 'object'>

export type Footing = 'sound' | 'doubtful' | 'open' | 'lost' | 'unplaced' | 'foreign'

export interface Weighed<E extends JudgedEvidence> {
  readonly footing: Footing
  /** The row that decided; undefined when there is no evidence. */
  readonly shown: E | undefined
  /** First moment at which a sound or doubtful footing turns open; undefined for the others. */
  readonly lapsesAt: number | undefined
  /** Of the newest accepted row that is believed, lapsed or not; undefined for bad footings and where there is none. */
  readonly acceptedAt: number | undefined
  /** The footing in words, without naming the vault. */
  readonly why: string
}

/** How far clocks of machines that share an archive may differ before a date in the future is not trusted. */
export const AHEAD_MS = 3_600_000

const RETRIEVED = { none: 0, sampled: 1, whole: 2 } as const
const NONE: readonly JudgedEvidence[] = []
const NOTHING = { lapsesAt: undefined, acceptedAt: undefined } as const
const SILENT: ReadonlySet<string> = new Set(['unreachable', 'denied', 'incomplete', 'pending'])

/** Weighs the evidence of one replica. Evidence from before `writtenAt` speaks of bytes that have been replaced since and is left out. */
export function weigh<E extends JudgedEvidence>(
  replica: { readonly state: 'intended' | 'placed'; readonly evidence: readonly E[]; readonly writtenAt?: number | undefined },
  options: { readonly rules: EvidencePolicy; readonly configured: boolean; readonly now: number },
): Weighed<E> {
  const { rules, configured, now } = options
  const { writtenAt = 0 } = replica
  const rows = replica.evidence.filter(({ at }) => at >= writtenAt)
  if (rows.length > 1) rows.sort((a, b) => b.at - a.at || severity(b) - severity(a))
  const [newest] = rows
  const bad = rows.some(isBad) ? rows.filter(isBad) : NONE
  const standing = bad.find((row) => !rows.some((later) => supersedes(later, row))) as E | undefined
  if (standing) return { footing: 'lost', shown: standing, ...NOTHING, why: `${standing.verdict} since ${day(standing.at)}` }
  if (!configured) return { footing: 'foreign', shown: newest, ...NOTHING, why: 'the vault is no longer configured' }
  if (replica.state === 'intended') return { footing: 'unplaced', shown: newest, ...NOTHING, why: 'intended, not placed yet' }

  const accepted = rows.find((row) => row.at <= now + AHEAD_MS && isAccepted(row, rules) && bad.every(({ at }) => at < row.at))
  // A clock that is a little ahead makes a row as good as one of this moment, not better.
  const lapsesAt = accepted && Math.min(accepted.at, now) + rules.maxAgeDays * DAY_MS
  if (!accepted || lapsesAt === undefined || lapsesAt <= now) {
    return {
      footing: 'open',
      shown: newest,
      lapsesAt: undefined,
      acceptedAt: accepted?.at,
      why: openReason(newest, accepted, { rules, now }),
    }
  }
  // A claim made after the silence does not end it: an open probe waits for bytes.
  const silence = rows.find(({ at, verdict }) => at > accepted.at && SILENT.has(verdict))
  if (silence) {
    const why = `${silence.verdict} since ${day(silence.at)}, last shown ${day(accepted.at)}`
    return { footing: 'doubtful', shown: silence, lapsesAt, acceptedAt: accepted.at, why }
  }
  return {
    footing: 'sound',
    shown: accepted,
    lapsesAt,
    acceptedAt: accepted.at,
    why: `${accepted.verdict} (${wordOf(accepted)}) on ${day(accepted.at)}`,
  }
}

export const isBad = ({ verdict }: JudgedEvidence): boolean => verdict === 'damaged' || verdict === 'missing'

function supersedes(later: JudgedEvidence, bad: JudgedEvidence): boolean {
  if (later.at <= bad.at || RETRIEVED[later.retrieval] < RETRIEVED[bad.retrieval]) return false
  if (later.verdict === 'intact' && (later.retrieval !== 'none' || later.possession === 'proven')) return true
  const ownWord = later.verdict === 'unproven' || later.verdict === 'intact'
  return ownWord && later.possession !== 'claimed' && bad.verdict === 'missing'
}

function isAccepted({ verdict, possession, retrieval, object }: JudgedEvidence, { accept }: EvidencePolicy): boolean {
  if (verdict !== 'intact' && verdict !== 'unproven') return false
  return accept.some((word) => {
    if (word === 'listed') return possession !== 'claimed'
    if (verdict !== 'intact') return false
    if (word === 'proven') return possession === 'proven'
    return retrieval === 'whole' || (word === 'sampled' && retrieval === 'sampled' && object !== 0)
  })
}

function openReason(
  newest: JudgedEvidence | undefined,
  accepted: JudgedEvidence | undefined,
  { rules, now }: { readonly rules: EvidencePolicy; readonly now: number },
): string {
  if (!newest) return 'never shown any bytes'
  if (newest.at > now + AHEAD_MS)
    return `evidence is dated ${day(newest.at)}, which is not yet; the clock was set back, and it is asked again`
  if (SILENT.has(newest.verdict)) return `${newest.verdict} since ${day(newest.at)}`
  if (accepted) return `evidence of ${day(accepted.at)} is older than ${rules.maxAgeDays} days`
  return `${wordOf(newest)} only, ${rules.accept.join(' or ')} needed`
}

const wordOf = ({ retrieval, possession }: JudgedEvidence): string => (retrieval === 'none' ? possession : retrieval)

/** Of rows of one moment, bad news comes before good news and silence last. */
const severity = (row: JudgedEvidence): number => (isBad(row) ? 2 : SILENT.has(row.verdict) ? 0 : 1)

const LAST_DATE = 8_640_000_000_000_000

const MOST_DAYS = 4_096
const days = new Map<number, string>()

/** A sweep over an archive names the same few days again and again, and a date costs more to write than a replica to weigh. */
function day(at: number): string {
  const number = Math.floor(at / DAY_MS)
  const known = days.get(number)
  if (known !== undefined) return known
  const written = new Date(Math.max(-LAST_DATE, Math.min(at, LAST_DATE))).toISOString().slice(0, 10)
  if (days.size >= MOST_DAYS) days.clear()
  days.set(number, written)
  return written
}
