/** The archive's log: what is entered into it, what proves an entry, and what is found when it is checked. All of it is plain JSON. */
import type { AbortOptions } from './options.ts'
import type { ObjectState, Receipt, Verdict } from './policy.ts'
import type { ShredStanding } from './shred.ts'
import type { Visibility } from './vault.ts'

interface EntryBase {
  readonly version: 1
  /** When it was entered; ISO 8601, by the clock of the machine. */
  readonly at: string
}

/** An object was stored, or stored again. Names, types and paths are never entered, of public objects neither. */
export interface WriteEntry extends EntryBase {
  readonly kind: 'write'
  readonly root: string
  readonly byteLength: number
  readonly visibility: Visibility
  readonly state: ObjectState
  readonly packCount: number
  /** Names of its packs, the first 256 of them. */
  readonly packs: readonly string[]
  /** Vaults that have taken every pack. */
  readonly vaults: readonly string[]
}

export interface RepairEntry extends EntryBase {
  readonly kind: 'repair'
  readonly root: string
  readonly before: ObjectState
  readonly state: ObjectState
  readonly actionCount: number
  /** The first 256 of them. */
  readonly actions: readonly {
    readonly pack: string
    readonly vault: string
    readonly action: 'place' | 'replace' | 'retain'
    readonly outcome: 'repaired' | 'failed'
  }[]
}

/** Terms or locks of replicas were extended, or could not be. */
export interface RenewEntry extends EntryBase {
  readonly kind: 'renew'
  readonly renewals: readonly {
    readonly vault: string
    readonly pack: string
    /** ISO 8601. */
    readonly until: string
    readonly outcome: 'renewed' | 'failed'
  }[]
}

export interface ShredEntry extends EntryBase {
  readonly kind: 'shred'
  readonly root: string
  readonly state: 'complete' | 'incomplete'
  /** CID of the signed tombstone. */
  readonly tombstone: string
  readonly headers: readonly string[]
  readonly vaults: readonly { readonly vault: string; readonly pack: string; readonly standing: ShredStanding }[]
}

/** An object was forgotten on purpose. */
export interface RemoveEntry extends EntryBase {
  readonly kind: 'remove'
  readonly root: string
}

/** An object was sealed for other recipients; who they are is not entered. */
export interface RecipientsEntry extends EntryBase {
  readonly kind: 'recipients'
  readonly root: string
  readonly previous: string
  readonly rekeyed: boolean
}

/** A vault was emptied. */
export interface EvacuateEntry extends EntryBase {
  readonly kind: 'evacuate'
  readonly vault: string
  readonly packs: number
  readonly byteLength: number
  /** Where its packs went. */
  readonly to: readonly string[]
  readonly complete: boolean
}

/** The catalog was rebuilt. */
export interface RecoverEntry extends EntryBase {
  readonly kind: 'recover'
  readonly from: readonly string[]
  readonly objects: number
  readonly packs: number
  /** Size of the log that was found; 0 where there was none. */
  readonly size: number
  /** `proven`: against a checkpoint held elsewhere. */
  readonly freshness: 'proven' | 'unproven'
}

/** One cycle of audits. The checks themselves are committed to by their root: leaves are lines of canonical JSON, in the order in which they were made. */
export interface AuditEntry extends EntryBase {
  readonly kind: 'audit'
  readonly checks: number
  /** Merkle root of the checks, standard base64. */
  readonly checksRoot: string
  /** How often each verdict was found, by vault. */
  readonly vaults: Readonly<Record<string, Readonly<Partial<Record<Verdict, number>>>>>
  /** Surveys that were finished in the cycle. */
  readonly surveys: readonly { readonly vault: string; readonly drawn: number; readonly failed: number }[]
}

export type LogEntry =
  | WriteEntry
  | RepairEntry
  | RenewEntry
  | ShredEntry
  | RemoveEntry
  | RecipientsEntry
  | EvacuateEntry
  | RecoverEntry
  | AuditEntry

export type LogEntryKind = LogEntry['kind']

type Unstamped<Entry> = Entry extends LogEntry
  ? Omit<Entry, 'version' | 'at'> & { readonly version?: 1 | undefined; readonly at?: string | undefined }
  : never

/** An entry on its way into the log; version and time are added where they are missing. */
export type NewLogEntry = Unstamped<LogEntry>

/** An entry in its place. */
export interface LoggedEntry {
  /** Counts from 0. */
  readonly index: number
  readonly entry: LogEntry
}

/** What shows that an entry is in the log: of FORMAT.md section 11, checked by `verifyReceipt` and by anybody with a SHA-256. */
export interface InclusionProof extends LoggedEntry {
  /** Of the tree that the proof leads to. */
  readonly size: number
  /** Hashes from the leaf upwards, standard base64. */
  readonly proof: readonly string[]
  /** The signed tree of that size. */
  readonly checkpoint: string
}

/** What shows that an earlier log is the beginning of a later one. */
export interface ConsistencyProof {
  readonly size1: number
  readonly size2: number
  /** Standard base64. */
  readonly proof: readonly string[]
  /** The signed tree of `size2`. */
  readonly checkpoint: string
}

/**
 * `consistent`: it is the beginning of our log · `rolled-back`: the archive has signed a longer log than it has now · `forked`: it has signed another log
 * of that length · `foreign`: it is no checkpoint of this archive, or damaged.
 */
export type CheckpointVerdict = 'consistent' | 'rolled-back' | 'forked' | 'foreign'

export interface CheckedCheckpoint {
  readonly verdict: CheckpointVerdict
  /** Absent for a foreign one. */
  readonly size?: number
  readonly detail?: string
  readonly checkpoint: string
}

export interface VaultHistory {
  readonly vault: string
  /** `unreachable`: it could not be listed, so that nothing is known. */
  readonly verdict: 'consistent' | 'rolled-back' | 'forked' | 'unreachable'
  /** Index packs that it lists, and those of them that the catalog does not know. */
  readonly listed: number
  readonly unknown: number
  readonly detail?: string
}

export interface HistoryReport {
  /** The worst of what was found; `unknown` when no vault could be asked. */
  readonly verdict: 'consistent' | 'rolled-back' | 'forked' | 'unknown'
  /** The log as it is here. */
  readonly size: number
  readonly checkpoint: string
  readonly vaults: readonly VaultHistory[]
  /** Signed checkpoints that contradict this log: for everybody who has the archive's key they prove what happened. */
  readonly evidence: readonly (CheckedCheckpoint & { readonly vault?: string; readonly pack?: string })[]
}

export interface LogVerification {
  /** Does the log hash to what the catalog keeps of it, and do all checkpoints and receipts given agree with it? */
  readonly valid: boolean
  readonly size: number
  /** Standard base64. */
  readonly root: string
  /** Sentences on what is wrong within the log. */
  readonly faults: readonly string[]
  readonly checkpoints: readonly CheckedCheckpoint[]
  readonly receipts: readonly { readonly root: string; readonly valid: boolean; readonly index?: number; readonly detail?: string }[]
}

export interface VerifyLogOptions extends AbortOptions {
  /** Signed checkpoints held outside. */
  readonly checkpoints?: readonly string[] | undefined
  readonly receipts?: readonly Receipt[] | undefined
}

/** The verbs of the log, on every archive. */
export interface LogVerbs {
  /** The signed state of the log now: keep one elsewhere, and whatever is changed, cut or forked before it shows. */
  logCheckpoint(): Promise<string>
  /** Entries in order, those after `after` (an index; default all). */
  logEntries(options?: AbortOptions & { readonly after?: number | undefined }): AsyncIterable<LoggedEntry>
  /** Throws FormatError `bad-range` when there is no such entry, or none yet in the tree of that size. */
  proveInclusion(index: number, options?: { readonly size?: number | undefined }): Promise<InclusionProof>
  proveConsistency(size1: number, size2?: number): Promise<ConsistencyProof>
  /** Hashes the whole log anew and compares it with checkpoints and receipts; asks no vault. */
  verifyLog(options?: VerifyLogOptions): Promise<LogVerification>
  /** Compares the log with the checkpoints in vaults. After `rolled-back` or `forked` nothing is entered or published until the log is recovered. */
  checkHistory(options?: AbortOptions & { readonly vaults?: readonly string[] | undefined }): Promise<HistoryReport>
  /** Compares the log with one checkpoint held outside; what it shows counts as in `checkHistory`. */
  checkAgainst(checkpoint: string): Promise<CheckedCheckpoint>
  /** Brings checkpoint and entries to every vault that lists and lacks them. Does nothing where all have them. */
  publishLog(
    options?: AbortOptions,
  ): Promise<{ readonly size: number; readonly published: readonly string[]; readonly failed: readonly string[] }>
}
