/** Audits: what they are to notice, what they may cost, what they found, and what is thought of a vault because of it. */
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Money } from './prices.ts'

/** A loss of that share of a vault's blocks is noticed with that confidence within so many days. */
export interface AuditGoal {
  /** Between 0 and 1, both excluded. */
  readonly confidence: number
  /** Share of a vault's blocks, between 0 and 1, both excluded. */
  readonly loss: number
  readonly withinDays: number
}

/** What audits may read per calendar month (UTC). What is absent is not limited; 0 lets nothing be read. */
export interface AuditBudget {
  readonly bytes?: number | undefined
  /** By the prices that the vaults state; a vault that states none costs nothing. */
  readonly money?: Money | undefined
}

export interface AuditSettings {
  readonly goal: AuditGoal
  /** Of all vaults together, for surveys, rotation and structure. What a user asks for with `verify` or `repair` is not charged to it. */
  readonly budget: AuditBudget
}

export interface AuditInput {
  /** Default: a loss of 1 % with 99 % confidence within 30 days. */
  readonly goal?: Partial<AuditGoal> | undefined
  /** Default: no limit. */
  readonly budget?: AuditBudget | undefined
}

/** Why audits read: a random sample of a vault, the next blocks of an object, or headers, inner nodes, TOCs and records. */
export type AuditPurpose = 'survey' | 'rotation' | 'structure'

/** How a vault answered a number of reads. */
export interface AnswerTally {
  readonly intact: number
  /** Wrong bytes. */
  readonly damaged: number
  /** The vault says that it is not there. */
  readonly absent: number
  /** Nothing came in time. */
  readonly silent: number
  /** Refused: says nothing of the vault's own worth. */
  readonly denied: number
  /** How long single reads took, in milliseconds; a few of them are enough. */
  readonly latencies: readonly number[]
}

/** What our own evidence says of a vault. Scores lie between 0 and 1 and forget old audits. */
export interface VaultScore {
  readonly vault: string
  /** Were the bytes that came the right ones, and all there? */
  readonly integrity: number
  /** Did answers come at all? */
  readonly availability: number
  /** Typical time of a read, and what few reads exceed, in milliseconds; undefined before the first. */
  readonly latencyMs?: number | undefined
  readonly slowMs?: number | undefined
  /** Audits that went into the scores. */
  readonly audits: number
  /** Milliseconds since the epoch. */
  readonly updatedAt: number
  /**
   * Since it gave wrong bytes: it gets no new packs and is read last, until a clean survey of the whole vault that began after the damage was repaired, or
   * until somebody releases it.
   */
  readonly quarantine?: { readonly since: number; readonly reason: string } | undefined
}

/**
 * `clean`: every block drawn was intact · `losses`: some were damaged or missing · `incomplete`: some are unanswered, the same ones are asked for again ·
 * `budget`: this month's budget is used up, the rest is asked for next month · `empty`: the vault holds nothing of ours · `skipped`: nothing was read, the
 * statement says why.
 */
export type SurveyState = 'clean' | 'losses' | 'incomplete' | 'budget' | 'empty' | 'skipped'

/** A block that a survey found lost, and the objects it belongs to. */
export interface SurveyLoss {
  readonly pack: string
  /** Position in the pack. */
  readonly ordinal: number
  readonly cid: string
  readonly outcome: 'damaged' | 'missing'
  /** Roots; at most 20. */
  readonly objects: readonly string[]
  readonly detail?: string
}

/** What one survey of one vault showed. Plain JSON. */
export interface SurveyReport {
  readonly vault: string
  readonly state: SurveyState
  /** When its questions were fixed; ISO 8601. Absent where none were. */
  readonly drawn?: string
  /** When the last of them was settled. */
  readonly closed?: string
  readonly goal: Pick<AuditGoal, 'confidence' | 'loss'>
  /** Blocks of the vault at the moment of the draw, and how many were drawn. */
  readonly population: number
  readonly draws: number
  readonly intact: number
  readonly damaged: number
  readonly missing: number
  /** Asked and not answered. */
  readonly silent: number
  /** Not asked yet. */
  readonly unasked: number
  /** Their pack left the vault after the draw; they say nothing and are not replaced. */
  readonly gone: number
  /** Of this run. */
  readonly bytesRead: number
  /** All that it states, in one sentence. */
  readonly statement: string
  /** With this confidence fewer than `bound` of the vault's blocks were lost at that time. Absent where nothing is stated. */
  readonly confidence?: number
  readonly bound?: number
  /** What the vault proved by itself, for as many packs: possession, which says nothing of retrieval. */
  readonly attested?: { readonly proven: number; readonly unproven: number; readonly refuted: number }
  readonly losses: readonly SurveyLoss[]
  readonly notes: readonly string[]
}

export type SurveyEvent =
  | {
      readonly type: 'survey-drawn'
      readonly vault: string
      readonly draws: number
      readonly population: number
      readonly resumed: boolean
    }
  | { readonly type: 'probe-answered'; readonly vault: string; readonly outcome: string; readonly byteLength: number }
  | { readonly type: 'loss-found'; readonly vault: string; readonly loss: SurveyLoss }
  | { readonly type: 'structure-read'; readonly vault: string; readonly packs: number; readonly byteLength: number }

export interface SurveyOptions extends AbortOptions, ProgressOptions<SurveyEvent> {
  /** Default: the goal of the archive. An open survey is finished under the goal it was drawn for. */
  readonly goal?: { readonly confidence: number; readonly loss: number } | undefined
  /** Read a cold vault, as far as its bytes can be read now; without it a cold vault is skipped. */
  readonly cold?: boolean | undefined
}

export type StructureOptions = AbortOptions & ProgressOptions<SurveyEvent>

/** What the structure stratum of one vault came to in one run. Plain JSON. */
export interface StructureReport {
  readonly vault: string
  /** `current`: as far as it should be by now · `budget`: stopped at this month's budget · `unanswered`: the vault did not answer · `skipped`: cold. */
  readonly state: 'current' | 'budget' | 'unanswered' | 'skipped'
  readonly packs: number
  readonly blocks: number
  readonly bytesRead: number
  /** Packs with wrong or absent blocks. */
  readonly lost: readonly string[]
  /** Of the round, between 0 and 1. */
  readonly share: number
}

/** How much of one purpose a vault costs in a month of 30 days. */
export interface PlannedReads {
  readonly vault: string
  readonly purpose: AuditPurpose
  /** Blocks. */
  readonly reads: number
  readonly requests: number
  readonly bytes: number
  /** By the prices that the vault states; absent where it states none. */
  readonly money?: Money
}

/** What the goals need, what the budget allows, and what follows. Plain JSON. */
export interface AuditPlan {
  readonly goal: AuditGoal
  readonly maxAgeDays: number
  readonly budget: AuditBudget
  /** Calendar month (UTC), and what audits have read in it so far. */
  readonly month: string
  readonly spent: { readonly bytes: number; readonly requests: number; readonly money: readonly Money[] }
  readonly reads: readonly PlannedReads[]
  readonly total: { readonly reads: number; readonly requests: number; readonly bytes: number; readonly money: readonly Money[] }
  /** Share of each purpose that the budget covers, between 0 and 1: surveys first, then structure, then rotation. */
  readonly covered: Readonly<Record<AuditPurpose, number>>
  /** Is everything covered? */
  readonly enough: boolean
  /** What holds, and what does not, one sentence each with its numbers. */
  readonly promises: readonly string[]
  readonly shortfalls: readonly string[]
  /** What the numbers rest on. */
  readonly notes: readonly string[]
}
