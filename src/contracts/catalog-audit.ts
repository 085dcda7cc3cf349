/** What the catalog keeps of audits: surveys with their questions, rotations, scores, and what was spent. */
import type { AuditPurpose } from './audit.ts'
import type { ObjectId, PackId, PackRow } from './catalog-rows.ts'
import type { PackKind } from './vault.ts'

/** A block by its place, as it was drawn. */
export interface DrawnBlock {
  readonly pack: PackId
  readonly ordinal: number
}

/** `silent` and `denied` are asked again; `gone`: its pack is not in that vault any more. */
export type ProbeOutcome = 'intact' | 'damaged' | 'missing' | 'silent' | 'denied' | 'gone'

/** One question of a survey. */
export interface SurveyProbe extends DrawnBlock {
  /** Position in the draw. */
  readonly number: number
  /** Undefined: not asked yet. */
  readonly outcome: ProbeOutcome | undefined
  /** Since when it is unanswered, and in how many audits it stayed so while others answered. */
  readonly since: number
  readonly tries: number
}

export interface SurveyRow {
  readonly id: number
  readonly vault: string
  readonly seed: Uint8Array
  readonly drawnAt: number
  readonly confidence: number
  readonly loss: number
  readonly population: number
  readonly draws: number
  /** When it was last worked on. */
  readonly askedAt?: number | undefined
  readonly closedAt?: number | undefined
  /** Its report, as it was closed; JSON. */
  readonly report?: string | undefined
}

/** How far a rotation is: positions `[0, cursor)` of the permutation of that seed have been read in this round. */
export interface RotationRow {
  readonly pack: PackId
  readonly vault: string
  readonly object: ObjectId
  readonly seed: Uint8Array
  readonly cursor: number
  /** Counts from 1. */
  readonly round: number
}

/** How far the structure of a vault was read: packs up to `pack`, by id. */
export interface StructureRow {
  readonly vault: string
  readonly begunAt: number
  readonly pack: PackId
  /** Packs read in this round. */
  readonly packs: number
  /** When the round before ended, undefined before the first. */
  readonly endedAt?: number | undefined
}

export interface ScoreRow {
  readonly vault: string
  readonly integrity: readonly [alpha: number, beta: number]
  readonly availability: readonly [alpha: number, beta: number]
  /** Mean and deviation of the natural logarithm of milliseconds; undefined before the first. */
  readonly latency?: readonly [mean: number, deviation: number] | undefined
  readonly audits: number
  /** Usual time between audits in days. */
  readonly gapDays: number
  readonly updatedAt: number
  readonly quarantinedAt?: number | undefined
  readonly reason?: string | undefined
}

export interface SpendingRow {
  /** `2026-11`. */
  readonly month: string
  readonly vault: string
  readonly purpose: AuditPurpose
  readonly bytes: number
  readonly requests: number
  /** Of `currency`; empty where the vault states no prices. */
  readonly amount: number
  readonly currency: string
}

/** Placed packs of one vault in sums. */
export interface VaultVolume {
  readonly vault: string
  readonly packs: number
  readonly blocks: number
  readonly bytes: number
  readonly indexPacks: number
  readonly indexBlocks: number
  readonly indexBytes: number
}

export interface AuditCounts {
  readonly vaults: readonly VaultVolume[]
  /** Of all sealed content packs. */
  readonly contentBlocks: number
  readonly objects: number
  /** Blocks and bytes of all objects, counted once per object. */
  readonly objectBlocks: number
  readonly objectBytes: number
  /** Sum over objects of the blocks that one audit of them reads from one vault. */
  readonly objectReads: number
}

export interface CatalogAudit {
  /**
   * Draws blocks of a vault's placed content packs, all of one moment: `pick` is told how many there are and names the wanted ones by their number, ascending,
   * in order of pack and ordinal.
   */
  drawBlocks(
    vault: string,
    pick: (population: number) => readonly number[],
  ): Promise<{ readonly population: number; readonly drawn: readonly DrawnBlock[] }>
  /** Makes a survey with all its questions durable. Throws `conflict` while another one of the vault is open. */
  openSurvey(survey: Omit<SurveyRow, 'id' | 'draws' | 'askedAt' | 'closedAt' | 'report'>, drawn: readonly DrawnBlock[]): Promise<SurveyRow>
  /** The newest survey of a vault, open or closed. */
  latestSurvey(vault: string): Promise<SurveyRow | undefined>
  /** The questions of a survey in order of the draw. */
  probesOf(survey: number): Promise<readonly SurveyProbe[]>
  /** Records answers; a question that was settled before keeps its answer. */
  answerProbes(survey: number, at: number, answers: readonly Pick<SurveyProbe, 'number' | 'outcome' | 'since' | 'tries'>[]): Promise<void>
  /** Keeps the report, and drops the questions of older surveys of the vault. */
  closeSurvey(survey: number, closed: { readonly at: number; readonly report: string }): Promise<void>
  /** Objects whose blocks include that one, by id, at most `limit`. */
  objectsAt(pack: PackId, ordinal: number, options: { readonly limit: number }): Promise<readonly ObjectId[]>

  rotationsOf(object: ObjectId, vault: string): Promise<readonly RotationRow[]>
  structureOf(vault: string): Promise<StructureRow | undefined>
  saveStructure(row: StructureRow): Promise<void>

  scores(): Promise<readonly ScoreRow[]>
  /** Changes one score in one transaction; `change` may be called again when another process was quicker, and `undefined` deletes nothing. */
  changeScore(vault: string, change: (row: ScoreRow | undefined) => ScoreRow | undefined): Promise<ScoreRow | undefined>
  /** How many packs, of either kind, are placed in a vault. */
  replicaCount(vault: string): Promise<number>
  newestPack(kind: PackKind): Promise<PackRow | undefined>
  /** Is any placed replica of that vault known to be damaged or missing? */
  hasBadReplicas(vault: string): Promise<boolean>

  /** Adds to what was spent. */
  spend(rows: readonly SpendingRow[]): Promise<void>
  spendingIn(month: string): Promise<readonly SpendingRow[]>
  /** Sums that walk whole indexes; `drawsPerObject` bounds the reads of one audit, `packBytes` says how many packs an object of some size has. */
  auditCounts(options: { readonly drawsPerObject: number; readonly packBytes: number }): Promise<AuditCounts>
}
