/** Verifying, repairing, renewing, thawing and forgetting: options, events, reports. */
import type { LimitExceeded } from './costs.ts'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Missing, ObjectReport, ObjectState, Policy, ReplicaReport } from './policy.ts'
import type { ReplicationEvent } from './putting.ts'
import type { ThawTier, Warmth } from './vault.ts'

export type VerifyLevel = 'listed' | 'sampled' | 'whole'

export type VerifyEvent =
  | { readonly type: 'replica-judged'; readonly root: string; readonly replica: ReplicaReport }
  | { readonly type: 'object-judged'; readonly report: ObjectReport }
  | { readonly type: 'bytes-checked'; readonly byteLength: number }
  /** With `rotation`: the month's audit budget allows no more there. */
  | { readonly type: 'budget-reached'; readonly vault: string; readonly reason: string }

export interface VerifyOptions extends AbortOptions, ProgressOptions<VerifyEvent> {
  /** Default `sampled`. */
  readonly level?: VerifyLevel | undefined
  /** Draws per vault and object, or the confidence to catch a given loss (both in 0…1). Default 95 % for 10 %: 29 draws. */
  readonly sample?: number | { readonly confidence: number; readonly loss: number } | undefined
  /**
   * Samples follow the rotation: blocks that were not read in this round before any that were, within the month's audit budget. Default: a fresh draw each
   * time, which a vault cannot learn anything from, and no budget.
   */
  readonly rotation?: boolean | undefined
  /** Only these vaults. */
  readonly vaults?: readonly string[] | undefined
  /** Read bytes of cold vaults as well wherever they can be read; without it only what a restore has made readable right now. */
  readonly cold?: boolean | undefined
}

export interface RenewOptions extends AbortOptions {
  /** Show what would be renewed; changes nothing. */
  readonly plan?: boolean | undefined
  /** Renew what lapses within so many days. Default: a third of the vault's term, and at most 30. */
  readonly leadDays?: number | undefined
  /** Makes the default lead at least so long: who comes by rarely must renew early. */
  readonly leastLeadDays?: number | undefined
  /** Renew to this date; default: one term of the vault from now. */
  readonly until?: Date | undefined
  /** Only these vaults. */
  readonly vaults?: readonly string[] | undefined
}

export interface RenewAction {
  readonly vault: string
  readonly pack: string
  /** ISO 8601; absent: nothing retained it, or the vault does not tell. */
  readonly from?: string
  readonly until: string
  /** `planned` with `plan: true`. */
  readonly outcome: 'planned' | 'renewed' | 'failed'
  /** Code of the vault's error. */
  readonly code?: string
  readonly detail?: string
}

export interface RenewReport {
  readonly planned: boolean
  readonly actions: readonly RenewAction[]
  /** Replicas that last long enough as they are. */
  readonly lasting: number
}

export interface ThawOptions extends AbortOptions {
  /** How long the restored copies are wanted, default 7. */
  readonly days?: number | undefined
  readonly tier?: ThawTier | undefined
  /** In each of these vaults. Default: each pack in one that holds it, where a restore is done or under way already, else the first that freezes. */
  readonly vaults?: readonly string[] | undefined
}

export interface ThawReport {
  readonly root: string
  /** Each of the replicas below can be read now. */
  readonly readable: boolean
  readonly replicas: readonly {
    readonly vault: string
    readonly pack: string
    readonly byteLength: number
    readonly state: Warmth['state'] | 'failed'
    /** ISO 8601: when the restored copy freezes again. */
    readonly until?: string
    readonly code?: string
    readonly detail?: string
  }[]
}

export type RepairEvent =
  | ReplicationEvent
  | { readonly type: 'pack-rebuilt'; readonly pack: string; readonly byteLength: number; readonly sources: readonly string[] }

export interface RepairOptions extends AbortOptions, ProgressOptions<RepairEvent> {
  /** Show what would be done and why; changes nothing. */
  readonly plan?: boolean | undefined
}

export interface RepairAction {
  readonly pack: string
  readonly vault: string
  readonly action: 'place' | 'replace' | 'retain'
  /** Why, in one sentence. */
  readonly reason: string
  readonly byteLength: number
  /** `planned` with `plan: true`. */
  readonly outcome: 'planned' | 'repaired' | 'failed'
  /** Of the error that kept it from being done. */
  readonly code?: string
  readonly detail?: string
}

export interface RepairReport {
  /** A limit that forbids the actions which cost something: they failed, or would fail, and this is what they need. */
  readonly exceeds?: LimitExceeded
  readonly root: string
  readonly before: ObjectState
  readonly state: ObjectState
  readonly actions: readonly RepairAction[]
  readonly replicas: readonly ReplicaReport[]
  readonly missing: readonly Missing[]
}

export interface RemoveReport {
  readonly root: string
  readonly removed: readonly { readonly vault: string; readonly pack: string; readonly byteLength: number }[]
  /** What could not be deleted, and why: shared packs, vaults that cannot forget, vaults that did not answer. */
  readonly kept: readonly { readonly vault?: string; readonly pack: string; readonly reason: string }[]
}

export interface PruneReport {
  readonly planned: boolean
  readonly removed: readonly { readonly vault?: string; readonly pack: string; readonly byteLength: number; readonly reason: string }[]
  readonly kept: readonly { readonly vault?: string; readonly pack: string; readonly reason: string }[]
}

/** What the policy demands, which vaults can meet it, and which constraint cannot be met. */
export interface Explanation {
  readonly policy: Policy
  readonly vaults: readonly {
    readonly id: string
    readonly countsTowardFloor: boolean
    readonly eligible: boolean
    readonly notes: readonly string[]
  }[]
  /** Ids of the vaults that a pack of that size would go to. */
  readonly chosen: readonly string[]
  readonly satisfiable: boolean
  readonly unmet: readonly Missing[]
  readonly notes: readonly string[]
}

export interface VaultCheck {
  readonly vault: string
  readonly ok: boolean
  /** What the vault says of itself, found when it was opened. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly ms: number; readonly detail?: string }[]
}
