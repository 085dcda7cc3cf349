/**
 * What is due when. An object is asked again before its evidence lapses; where something did not answer, or is wrong, sooner, and as long as its vault is silent
 * more and more rarely. Dates in the future are not trusted: who was asked "next year" is asked now.
 */
import type { EvidencePolicy, ObjectState } from '../contracts/policy.ts'
import { DAY_MS, dueAt } from './cadence.ts'
import { compareStates } from './state.ts'
import { AHEAD_MS, type Footing } from './weigh.ts'

const HOUR_MS = 3_600_000

/** No audit is ever due: nothing is placed where it could be asked. */
export const NEVER = Number.MAX_SAFE_INTEGER

/** How soon what is not sound is asked again at the earliest. */
const AGAIN_MS: Readonly<Record<ObjectState, number>> = {
  lost: 6 * HOUR_MS,
  'at-risk': HOUR_MS,
  damaged: 2 * HOUR_MS,
  unknown: HOUR_MS,
  degraded: 6 * HOUR_MS,
  satisfied: 6 * HOUR_MS,
}
const MOST_AGAIN_MS = 2 * DAY_MS
/** Of the time since the last answer: the replicas of a vault that has been silent for a week are not looked at every hour. */
const SILENCE_SHARE = 1 / 4

export interface AgendaReplica {
  readonly vault: string
  /** Pack name and vault: what the jitter is drawn from. */
  readonly name: string
  readonly footing: Footing
  /** Of the newest row that speaks of it. */
  readonly at?: number | undefined
  /** When it was last shown as the policy asks. */
  readonly acceptedAt?: number | undefined
  readonly maxAgeDays: number
}

export interface AgendaInput {
  readonly now: number
  readonly state: ObjectState
  readonly replicas: readonly AgendaReplica[]
  /** Vaults that are left alone until that moment. */
  readonly pauses?: ReadonlyMap<string, number> | undefined
}

/** When a replica should be asked next; `NEVER` where it cannot be asked at all. */
export function replicaDueAt(replica: AgendaReplica, { now, state, pauses }: Omit<AgendaInput, 'replicas'>): number {
  const { name, footing, at, acceptedAt, maxAgeDays, vault } = replica
  if (footing === 'unplaced' || footing === 'foreign') return NEVER
  const pause = pauses?.get(vault)
  const paused = pause ?? 0
  if (at === undefined || at > now + AHEAD_MS) return Math.max(0, paused)
  if (footing === 'sound') return Math.max(dueAt({ name, lastAt: at, maxAgeDays }), paused)
  // Where the vault answers again nothing is gained by waiting; where it does not, looking at each of its replicas costs more than it tells.
  const silence = pause === undefined || acceptedAt === undefined || acceptedAt > at ? 0 : at - acceptedAt
  const again = Math.min(Math.max(AGAIN_MS[state], silence * SILENCE_SHARE), MOST_AGAIN_MS)
  return Math.max(dueAt({ name, lastAt: at, maxAgeDays: again / DAY_MS / DUE_MIDDLE }), paused)
}

/** `dueAt` takes two thirds of an age limit. */
const DUE_MIDDLE = 2 / 3

/** When the first of an object's replicas should be asked next. */
export function objectDueAt({ replicas, ...rest }: AgendaInput): number {
  return replicas.reduce((earliest, replica) => Math.min(earliest, replicaDueAt(replica, rest)), NEVER)
}

/** Neighbours in time go together: what is due within this share of its age limit is asked along with what is due now. */
const ALONG_SHARE = 1 / 10

/** The vaults to ask for an object now: those with a replica that is due, and those that soon would be. Whoever calls decides what pauses mean. */
export function vaultsDue({ replicas, ...rest }: Omit<AgendaInput, 'pauses'>): readonly string[] {
  const due = replicas.filter((replica) => {
    const along = replica.footing === 'sound' ? replica.maxAgeDays * DAY_MS * ALONG_SHARE : 0
    const at = replicaDueAt(replica, rest)
    return at !== NEVER && at - along <= rest.now
  })
  return [...new Set(due.map(({ vault }) => vault))].sort()
}

/** What an audit must ask so that its answer is accepted: the cheapest level that the rules take. */
export function levelFor({ accept }: EvidencePolicy): 'listed' | 'sampled' | 'whole' {
  if (accept.includes('sampled')) return 'sampled'
  return accept.includes('whole') ? 'whole' : 'listed'
}

/** Beyond this a due date is not believed: no cadence reaches as far, so a clock was set back since. */
export function horizonOf(now: number, longestAgeDays: number): number {
  return now + Math.max(longestAgeDays, MOST_AGAIN_MS / DAY_MS) * DAY_MS + AHEAD_MS
}

export interface Due {
  readonly id: number
  readonly state: ObjectState
  readonly dueAt: number
}

/**
 * The work of one cycle: most at risk first, but never more than half of it, so that those who wait longest come to their turn even while
 * thousands are at risk; then the longest overdue. At most `most`, each once.
 */
export function pickDue<Row extends Due>(rows: readonly Row[], most: number): readonly Row[] {
  const oldest = (a: Row, b: Row) => a.dueAt - b.dueAt || a.id - b.id
  const unique = [...new Map(rows.map((row) => [row.id, row])).values()]
  const urgent = unique.filter(({ state }) => URGENT.has(state)).sort((a, b) => compareStates(a.state, b.state) || oldest(a, b))
  const others = unique.filter(({ state }) => !URGENT.has(state)).sort(oldest)
  const room = Math.max(0, Math.floor(most))
  const first = urgent.slice(0, Math.max(Math.ceil(room / 2), room - others.length))
  return [...first, ...others.slice(0, room - first.length)]
}

const URGENT: ReadonlySet<ObjectState> = new Set(['lost', 'at-risk', 'damaged'])

/**
 * When to look again: when the next thing is due, within `intervalMs`, and never in the same moment. The jitter (`unit`, in 0…1) keeps many archives
 * from waking together.
 */
export function wakeAt({
  now,
  nextDueAt,
  intervalMs,
  leastMs,
  unit,
}: {
  readonly now: number
  readonly nextDueAt: number
  readonly intervalMs: number
  readonly leastMs: number
  readonly unit: number
}): number {
  const wait = Math.min(Math.max(nextDueAt - now, leastMs), intervalMs)
  return now + Math.max(leastMs, Math.round(wait * (0.9 + 0.1 * unit)))
}
