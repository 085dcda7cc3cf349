/** The tables of audits as Kysely sees them. */
import type { Generated } from 'kysely'
import type { AuditPurpose, ProbeOutcome } from '../contracts.ts'

export interface SurveysTable {
  id: Generated<number>
  vault: string
  seed: Uint8Array
  drawn_at: number
  confidence: number
  loss: number
  population: number
  draws: number
  asked_at: number | null
  closed_at: number | null
  report: string | null
}

/** No reference to packs: a question outlives its pack, and is answered `gone`. */
export interface SurveyProbesTable {
  survey: number
  number: number
  pack: number
  ordinal: number
  outcome: ProbeOutcome | null
  since: number
  tries: number
}

export interface RotationsTable {
  pack: number
  vault: string
  object: number
  seed: Uint8Array
  cursor: number
  round: number
}

export interface StructureRoundsTable {
  vault: string
  begun_at: number
  pack: number
  packs: number
  ended_at: number | null
}

export interface ScoresTable {
  vault: string
  integrity_alpha: number
  integrity_beta: number
  availability_alpha: number
  availability_beta: number
  latency_mean: number | null
  latency_deviation: number | null
  audits: number
  gap_days: number
  updated_at: number
  quarantined_at: number | null
  reason: string | null
}

export interface AuditSpendingTable {
  month: string
  vault: string
  purpose: AuditPurpose
  /** Empty where the vault states no prices. */
  currency: string
  bytes: number
  requests: number
  amount: number
}

export interface AuditSchema {
  surveys: SurveysTable
  survey_probes: SurveyProbesTable
  rotations: RotationsTable
  structure_rounds: StructureRoundsTable
  scores: ScoresTable
  audit_spending: AuditSpendingTable
}
