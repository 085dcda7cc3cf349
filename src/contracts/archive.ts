/** The verbs a user calls, their options, events and reports. */
import type { Identity } from 'age-encryption'
import type { CID } from 'multiformats/cid'
import type { Catalog, CatalogTotals } from './catalog.ts'
import type { AbortOptions, Clock, ProgressOptions, Random } from './options.ts'
import type { Missing, ObjectReport, ObjectState, Policy, PolicyInput, Receipt, ReplicaReport } from './policy.ts'
import type { Mtime, NamedEntry, Source } from './source.ts'
import type { Profile, Vault, VaultProfile } from './vault.ts'

export interface ArchiveConfig {
  /** Folder of catalog and spool; made when absent. Default `./.perdure`. */
  readonly path?: string | undefined
  /** Default: one directory vault inside `path`, which is one local copy and therefore `degraded` under the default policy. */
  readonly vaults?: readonly Vault[] | undefined
  /** Default: copies 2, floor 1, evidence `sampled` or `whole` of the last 30 days. */
  readonly policy?: PolicyInput | undefined
  /**
   * age recipients (`age1…`) that new content is sealed for; absent: content is public. Any one of their identities opens it, so give a second one
   * whose identity is kept offline. Hybrid (`age1pq1…`) and classic recipients are not mixed. An empty list is refused, because it would mean public.
   */
  readonly recipients?: readonly string[] | undefined
  /**
   * What opens sealed content: `AGE-SECRET-KEY-…` lines, whole texts of files that `age-keygen` wrote, or identities of one's own. They are tried in
   * order. Needed to read sealed content, never to store, verify or repair it; nothing of them is kept.
   */
  readonly identities?: readonly (string | Identity)[] | undefined
  readonly profile?: Profile | undefined
  /** Largest pack in bytes, default 256 MiB. Fixed at put and recorded. */
  readonly maxPackBytes?: number | undefined
  /** How far the spool may grow in bytes, default 64 GiB; then `put` ends with `exhausted`. */
  readonly spoolBytes?: number | undefined
  /** How long one read may stay silent before it counts as unanswered, in milliseconds, default 30 000. */
  readonly timeoutMs?: number | undefined
  /** Opens an existing archive only; nothing is made. */
  readonly mustExist?: boolean | undefined
  readonly catalog?: Catalog | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export type PutEvent =
  | { readonly type: 'bytes-read'; readonly byteLength: number; readonly total?: number | undefined }
  | { readonly type: 'entry-imported'; readonly path: string; readonly root: string; readonly byteLength: number }
  | { readonly type: 'pack-closed'; readonly byteLength: number; readonly blocks: number }
  | {
      readonly type: 'sealed'
      readonly root: string
      readonly packs: number
      readonly byteLength: number
      readonly reusedBytes: number
      /** Of sealed content: files that were known and are not stored again. */
      readonly reusedFiles?: number
    }
  | ReplicationEvent

export type ReplicationEvent =
  | { readonly type: 'placing'; readonly vault: string; readonly pack: string; readonly byteLength: number }
  | { readonly type: 'bytes-sent'; readonly vault: string; readonly pack: string; readonly byteLength: number }
  | { readonly type: 'found'; readonly vault: string; readonly pack: string }
  | { readonly type: 'placed'; readonly vault: string; readonly pack: string }
  | { readonly type: 'placement-failed'; readonly vault: string; readonly pack: string; readonly error: Error }
  | { readonly type: 'challenged'; readonly vault: string; readonly pack: string; readonly replica: ReplicaReport }

export interface PutOptions extends AbortOptions, ProgressOptions<PutEvent> {
  /** When to resolve: sealed and handed to every vault once (`accepted`), floor reached with evidence (`floor`), or the whole plan tried and challenged (`policy`, default). */
  readonly until?: 'accepted' | 'floor' | 'policy' | undefined
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly profile?: Profile | undefined
  /** Glob patterns left out of a directory source. */
  readonly exclude?: readonly string[] | undefined
  /** Stores it in clear although the archive has recipients: anybody who reaches a vault can read it, for good. */
  readonly public?: boolean | undefined
  /** `padme` fills sealed files up with at most 12 % of zeros, so that their sizes tell less of what they are. Default `none`. */
  readonly padding?: 'none' | 'padme' | undefined
  /**
   * Sealed content only: false seals and stores everything anew, under new names. Default true: a file that was sealed before for the same recipients
   * is read, recognised by a keyed fingerprint and stored once, so that a vault can see what did not change.
   */
  readonly reuse?: boolean | undefined
  /** Believe that a file whose size, mtime, ctime and inode are what they were has its old content, and do not read it. Default false. */
  readonly trustMtime?: boolean | undefined
  /** Sealed content only: keep user and group ids as well. Default false. */
  readonly keepOwner?: boolean | undefined
}

/** Bytes `[offset, offset + length)` of a file; `length` absent: to the end. */
export interface ByteRange {
  readonly offset: number
  readonly length?: number | undefined
}

export interface GetOptions extends AbortOptions {
  readonly range?: ByteRange | undefined
  /** Path inside a directory object. */
  readonly path?: string | undefined
}

/** One entry of a stored tree. */
export interface TreeEntry {
  /** Relative to the object; empty for the object itself. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Of a file in a sealed directory, its age file; of anything else in one, the index that tells of it. */
  readonly cid: CID
  readonly byteLength: number
  readonly target?: string | undefined
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

export type RestoreEvent =
  | { readonly type: 'bytes-restored'; readonly byteLength: number; readonly total?: number | undefined }
  | { readonly type: 'entry-restored'; readonly path: string; readonly reused: boolean }

export interface RestoreOptions extends AbortOptions, ProgressOptions<RestoreEvent> {
  readonly path?: string | undefined
  /** Replace files whose content differs. Default false: an existing file with other content is an error before anything is written to it. */
  readonly overwrite?: boolean | undefined
  /** Give files and directories the user and group ids that were kept of them; what the system refuses is in `warnings`. Default false. */
  readonly owner?: boolean | undefined
}

export interface RestoreReport {
  readonly root: string
  readonly target: string
  readonly files: number
  readonly byteLength: number
  /** Files found at the target with the right bytes already, hashed again. */
  readonly reused: number
  /** Metadata that could not be set, in words. */
  readonly warnings: readonly string[]
}

export type VerifyLevel = 'listed' | 'sampled' | 'whole'

export type VerifyEvent =
  | { readonly type: 'replica-judged'; readonly root: string; readonly replica: ReplicaReport }
  | { readonly type: 'object-judged'; readonly report: ObjectReport }
  | { readonly type: 'bytes-checked'; readonly byteLength: number }

export interface VerifyOptions extends AbortOptions, ProgressOptions<VerifyEvent> {
  /** Default `sampled`. */
  readonly level?: VerifyLevel | undefined
  /** Draws per vault and object, or the confidence to catch a given loss (both in 0…1). Default 95 % for 10 %: 29 draws. */
  readonly sample?: number | { readonly confidence: number; readonly loss: number } | undefined
  /** Only these vaults. */
  readonly vaults?: readonly string[] | undefined
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
  readonly action: 'place' | 'replace'
  /** Why, in one sentence. */
  readonly reason: string
  readonly byteLength: number
  /** `planned` with `plan: true`. */
  readonly outcome: 'planned' | 'repaired' | 'failed'
  readonly detail?: string
}

export interface RepairReport {
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
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly ms: number; readonly detail?: string }[]
}

export interface ObjectSummary {
  readonly root: string
  readonly name?: string
  /** Then there is a name only where an identity of the archive opens it, and `byteLength` is that of the age files. */
  readonly sealed?: true
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  readonly state: ObjectState
  readonly created: string
}

/** Closes with `await using`. Roots are accepted as CID or text, results are plain data. */
export interface Archive extends AsyncDisposable {
  readonly path: string
  /** Ed25519 public key of the archive as a multikey (`z6Mk…`); verifies receipts and records. */
  readonly publicKey: string
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  put(source: Source, options?: PutOptions): Promise<Receipt>
  /** One receipt per entry, in order; entries share packs. */
  putAll(entries: Iterable<NamedEntry> | AsyncIterable<NamedEntry>, options?: PutOptions): Promise<readonly Receipt[]>
  /** A file's bytes. Each was hashed against its CID before it is yielded. */
  get(root: CID | string, options?: GetOptions): AsyncIterable<Uint8Array>
  /** The entries of a stored tree, parents before children. */
  entries(root: CID | string, options?: GetOptions): AsyncIterable<TreeEntry>
  /** Writes a file, or a whole tree, to disk; a second call finishes what a first one left. */
  restore(root: CID | string, target: string, options?: RestoreOptions): Promise<RestoreReport>
  objects(options?: AbortOptions & { readonly state?: ObjectState | undefined }): AsyncIterable<ObjectSummary>
  /** What is known now, without asking any vault. */
  status(root: CID | string, options?: AbortOptions): Promise<ObjectReport>
  totals(options?: AbortOptions): Promise<CatalogTotals>
  verify(root: CID | string, options?: VerifyOptions): Promise<ObjectReport>
  verifyAll(options?: VerifyOptions): AsyncIterable<ObjectReport>
  repair(root: CID | string, options?: RepairOptions): Promise<RepairReport>
  repairAll(options?: RepairOptions): AsyncIterable<RepairReport>
  rm(root: CID | string, options?: AbortOptions): Promise<RemoveReport>
  prune(options?: AbortOptions & { readonly plan?: boolean | undefined }): Promise<PruneReport>
  explain(options?: { readonly byteLength?: number | undefined }): Explanation
  /** The newest receipt of a root, as it was signed. */
  receipt(root: CID | string): Promise<Receipt | undefined>
  /** Puts, finds, reads back, and where it can forget removes, a small pack of random bytes. */
  testVault(id: string, options?: AbortOptions): Promise<VaultCheck>
  /**
   * Believes no longer what the catalog knows of a vault, for one that is gone for good or was replaced by an empty one: `repair` then places anew,
   * and finds what is there after all. Deletes nothing in the vault.
   */
  resetVault(id: string, options?: AbortOptions): Promise<{ readonly vault: string; readonly replicas: number }>
  close(): Promise<void>
}
