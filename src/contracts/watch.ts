/** The unattended loop: options, events, reports, and the archive at a glance. Plain JSON. */
import type { RenewAction, RepairAction } from './keeping.ts'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { ObjectState } from './policy.ts'

/** Hours of the day in which audits, renewals and repairs that can wait do wait. Times as `22:00`. */
export interface QuietHours {
  readonly from: string
  /** Earlier than `from`: on the next day. */
  readonly to: string
  /** IANA name such as `Europe/Berlin`; default the machine's. */
  readonly timeZone?: string | undefined
}

/** The most that one cycle does, however much there is to do. */
export interface PerCycle {
  /** Objects audited, default 1,000; 0: none, and no survey: no audit reads a byte. */
  readonly audits?: number | undefined
  /** Bytes that audits read, default 4 GiB. The batch that passes it is the last. */
  readonly auditBytes?: number | undefined
  /** Objects repaired that can wait, default 100, and the bytes of their new copies, default 16 GiB. */
  readonly repairs?: number | undefined
  readonly repairBytes?: number | undefined
  /** Objects at or below their floor, default 1,000, and 256 GiB: a cap of their own. */
  readonly urgentRepairs?: number | undefined
  readonly urgentRepairBytes?: number | undefined
}

export interface WatchOptions extends AbortOptions, ProgressOptions<WatchEvent> {
  /** One cycle and an end, for cron. Throws ArchiveError `busy` when another watch of this archive runs. */
  readonly once?: boolean | undefined
  /** Longest sleep between two cycles, default one hour. */
  readonly intervalMs?: number | undefined
  readonly quietHours?: QuietHours | undefined
  readonly perCycle?: PerCycle | undefined
}

/** Something went wrong in a step; the loop goes on. */
export interface WatchProblem {
  readonly step: 'history' | 'vaults' | 'audit' | 'survey' | 'repair' | 'renew' | 'sweep' | 'log' | 'hooks' | 'cycle'
  readonly code: string
  readonly message: string
}

export interface CycleReport {
  /** ISO 8601. */
  readonly began: string
  readonly ended: string
  /** The worst state of any object. */
  readonly state: ObjectState
  readonly states: Readonly<Record<ObjectState, number>>
  readonly audited: number
  readonly bytesRead: number
  /** More was due than the cycle may do. */
  readonly backlog: boolean
  readonly surveyed: readonly string[]
  readonly repairs: { readonly objects: number; readonly repaired: number; readonly failed: number; readonly byteLength: number }
  /** Objects that a repair would help and that wait, by reason. */
  readonly waiting: { readonly grace: number; readonly cap: number; readonly source: number }
  readonly renewed: number
  /** Terms that could not be extended; the soonest end that is known. */
  readonly missedRenewals: { readonly replicas: number; readonly lapses?: string }
  readonly paused: readonly { readonly vault: string; readonly reason: string; readonly since: string; readonly until: string }[]
  readonly problems: readonly WatchProblem[]
  /** It was quiet time: only what could not wait was done. */
  readonly quiet: boolean
}

export type WatchEvent =
  | { readonly type: 'watch-waiting'; readonly reason: string }
  | { readonly type: 'cycle-began'; readonly at: string; readonly quiet: boolean }
  | { readonly type: 'object-audited'; readonly root: string; readonly before: ObjectState; readonly state: ObjectState }
  | {
      readonly type: 'vault-paused'
      readonly vault: string
      readonly reason: string
      readonly since: string
      readonly until: string
      readonly detail?: string
    }
  | { readonly type: 'vault-resumed'; readonly vault: string; readonly reason: string; readonly since: string }
  | { readonly type: 'vault-surveyed'; readonly vault: string }
  | {
      readonly type: 'object-repaired'
      readonly root: string
      readonly urgent: boolean
      readonly before: ObjectState
      readonly state: ObjectState
      readonly actions: readonly RepairAction[]
    }
  | { readonly type: 'renewed'; readonly action: RenewAction }
  /** Loud: what cannot be renewed may be deleted by its vault. */
  | { readonly type: 'renewal-missed'; readonly action: RenewAction }
  | { readonly type: 'problem'; readonly problem: WatchProblem }
  | { readonly type: 'cycle-ended'; readonly report: CycleReport }
  | { readonly type: 'sleeping'; readonly until: string }

export interface WatchReport {
  readonly cycles: number
  readonly aborted: boolean
  /** Of the last cycle that came to its end. */
  readonly last?: CycleReport
}

/** What a look at the catalog tells of the whole archive; no vault is asked. */
export interface Glance {
  readonly state: ObjectState
  readonly states: Readonly<Record<ObjectState, number>>
  /** The worst objects, with the reason of each; a few of each state. */
  readonly troubles: readonly {
    readonly root: string
    readonly name?: string
    readonly sealed?: true
    readonly state: ObjectState
    readonly reasons: readonly string[]
  }[]
  readonly vaults: readonly VaultGlance[]
  /** ISO 8601: the least recent evidence of any replica that stands. */
  readonly oldestEvidence?: string
  /** ISO 8601; in the past: an audit is overdue. */
  readonly nextAudit?: string
  /** Of the watch, when it last ended a cycle. */
  readonly lastCycle?: CycleReport
  /** Of the last drill; ISO 8601. */
  readonly lastDrill?: { readonly at: string; readonly restored: number; readonly failed: number; readonly skipped: number }
  /** Objects below their floor or with a copy that is lost: a repair is due, or waits. */
  readonly openRepairs: number
}

export interface VaultGlance {
  readonly vault: string
  readonly replicas: number
  readonly intact: number
  /** Damaged or missing. */
  readonly lost: number
  /** Not answered, refused, incomplete or not settled. */
  readonly silent: number
  /** Never shown any bytes. */
  readonly unproven: number
  /** ISO 8601: newest and oldest evidence of replicas that are intact. */
  readonly lastEvidence?: string
  readonly oldestEvidence?: string
  readonly paused?: { readonly reason: string; readonly since: string; readonly until: string; readonly detail?: string }
  readonly unopened?: string
  /** It is being evacuated, or was: it gets nothing new. */
  readonly leaving?: 'leaving' | 'left'
}
