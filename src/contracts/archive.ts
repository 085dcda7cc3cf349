/** The verbs a user calls, their options, events and reports. */
import type { Identity } from 'age-encryption'
import type { CID } from 'multiformats/cid'
import type { Catalog, CatalogTotals } from './catalog.ts'
import type { AbortOptions, Clock, ProgressOptions, Random } from './options.ts'
import type { Missing, ObjectReport, ObjectState, Policy, PolicyInput, Receipt, ReplicaReport } from './policy.ts'
import type { RecipientsOptions, RecipientsReport } from './recipients.ts'
import type { ShredCertificate, ShredOptions } from './shred.ts'
import type { Mtime, NamedEntry, Source } from './source.ts'
import type { Profile, Retention, ThawTier, Vault, VaultProfile, Warmth } from './vault.ts'

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
  /**
   * No replica may be deleted before that date. Only vaults that can lock get one (`canRetain` in their profile); the longest wish of all objects that
   * share a pack holds for the pack, and putting the same content again extends it. It is recorded, so that repair locks anew.
   */
  readonly retain?: Retention | undefined
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
  /**
   * Sealed content only: headers and what is said of the object go into packs of their own, which only vaults that can forget get, so that `shred` can
   * make the object unreadable wherever its ciphertext lies. Throws PolicyError `unreachable-floor` when those vaults cannot reach the floor. Default false.
   */
  readonly erasable?: boolean | undefined
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
  /** Read bytes of cold vaults as well wherever they can be read; without it only what a restore has made readable right now. */
  readonly cold?: boolean | undefined
}

export interface RenewOptions extends AbortOptions {
  /** Show what would be renewed; changes nothing. */
  readonly plan?: boolean | undefined
  /** Renew what lapses within so many days. Default: a third of the vault's term, and at most 30. */
  readonly leadDays?: number | undefined
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
  /** What the vault says of itself, found when it was opened. */
  readonly labels?: Readonly<Record<string, string>> | undefined
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
  readonly erasable?: true
  /** Since when it has been shredded; ISO 8601. */
  readonly shredded?: string
}

/** Closes with `await using`. Roots are accepted as CID or text, results are plain data. */
export interface Archive extends AsyncDisposable {
  readonly path: string
  /** Ed25519 public key of the archive as a multikey (`z6Mk…`); verifies receipts and records. */
  readonly publicKey: string
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  /** The vaults that could not be opened, and why; `testVault` tries them again. */
  unopened(): readonly { readonly vault: string; readonly reason: string }[]
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
  /**
   * Deletes every copy of an erasable object's headers, asks each vault afterwards, and says in a signed certificate what came of it. Run it again to finish
   * what could not be finished; each run issues a new certificate. Throws `not-erasable` for any other object.
   */
  shred(root: CID | string, options?: ShredOptions): Promise<ShredCertificate>
  /** The newest certificate of a shredded root, as it was signed; also after `rm`. */
  certificate(root: CID | string): Promise<ShredCertificate | undefined>
  /** Whom a sealed object is sealed for; undefined where it does not say, since one of them has no text. Takes an identity that opens it. */
  recipients(root: CID | string, options?: AbortOptions): Promise<readonly string[] | undefined>
  /**
   * Seals an object for other recipients: its payload stays where it is, its headers and the nodes above them are new, and so is its root. The old object
   * is forgotten. Whoever is removed keeps what could be read before. Throws ConfigError `not-a-recipient`, `not-sealed` for public content.
   */
  changeRecipients(root: CID | string, options: RecipientsOptions): Promise<RecipientsReport>
  /** Extends terms and locks before they lapse, of one object or of everything, and never shortens one. Failures are in the report. */
  renew(root?: CID | string, options?: RenewOptions): Promise<RenewReport>
  /** Asks cold vaults to make an object readable, and tells how far they are; call it again until `readable`. Nothing else ever asks for a restore. */
  thaw(root: CID | string, options?: ThawOptions): Promise<ThawReport>
  rm(root: CID | string, options?: AbortOptions): Promise<RemoveReport>
  prune(options?: AbortOptions & { readonly plan?: boolean | undefined }): Promise<PruneReport>
  explain(options?: { readonly byteLength?: number | undefined }): Explanation
  /** The newest receipt of a root, as it was signed. */
  receipt(root: CID | string): Promise<Receipt | undefined>
  /** Puts, finds, reads back, and where it can removes, a small pack of random bytes; a vault that could not be opened is opened first. */
  testVault(id: string, options?: AbortOptions): Promise<VaultCheck>
  /**
   * Believes no longer what the catalog knows of a vault, for one that is gone for good or was replaced by an empty one: `repair` then places anew,
   * and finds what is there after all. Deletes nothing in the vault.
   */
  resetVault(id: string, options?: AbortOptions): Promise<{ readonly vault: string; readonly replicas: number }>
  close(): Promise<void>
}
