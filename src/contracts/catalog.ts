/** The local index and journal. */
import type { CID } from 'multiformats/cid'
import type { CatalogAudit, RotationRow } from './catalog-audit.ts'
import type { CatalogCosts } from './catalog-costs.ts'
import type { CatalogDag } from './catalog-dag.ts'
import type { CatalogDue } from './catalog-due.ts'
import type { CatalogEvacuation } from './catalog-evacuation.ts'
import type { Announce, Announcement, CatalogHooks, StandingChange, StateChange } from './catalog-hooks.ts'
import type { CatalogLog, LogPack } from './catalog-log.ts'
import type { CatalogRecovery } from './catalog-recovery.ts'
import type {
  BlockPlace,
  EvidenceRow,
  EvidenceTotals,
  Extent,
  FileFingerprint,
  Fingerprint,
  KnownContent,
  NewFingerprint,
  ObjectId,
  ObjectRow,
  PackId,
  PackRow,
  ReplicaRow,
  RetainRow,
  SealedObject,
  SealedPack,
  ShredRow,
  StagedPack,
} from './catalog-rows.ts'
import type { ArchiveEvent } from './events.ts'
import type { ObjectState, Unanswered } from './policy.ts'
import type { Journal, Locator, PackKind, Visibility } from './vault.ts'

export interface Lease {
  renew(): Promise<void>
  release(): Promise<void>
}

/**
 * The local index and journal. Every method is one short transaction, durable when it resolves (SQLite: `synchronous=FULL`), and safe to call from
 * several processes. Throws CatalogError.
 */
export interface Catalog
  extends CatalogAudit,
    CatalogDue,
    CatalogDag,
    CatalogLog,
    CatalogHooks,
    CatalogRecovery,
    CatalogCosts,
    CatalogEvacuation {
  // puts
  /** Registers a closed pack of a put that is still running: invisible to everybody but its owner. */
  stagePack(pack: StagedPack): Promise<PackId>
  /** Drops every staged pack of that owner; resolves to their number. */
  dropStaged(owner: string): Promise<number>
  /** Owners with staged packs, for collecting what dead puts left. */
  stagedOwners(): Promise<readonly string[]>
  /**
   * Makes a put visible, all of it or nothing. Objects that exist already (same root and visibility) are kept: name, media type and attributes given
   * anew replace the old, extents stay, and a retention only grows. Throws `conflict` when a pack that the extents reuse has gone meanwhile. Fingerprints
   * given are kept with it, until a pack that their content needs is dropped.
   */
  seal(
    owner: string,
    packs: readonly SealedPack[],
    objects: readonly SealedObject[],
    options?: { readonly fingerprints?: readonly NewFingerprint[] | undefined },
  ): Promise<readonly ObjectId[]>
  /**
   * A finished index pack with the newest signed records of objects, in one transaction: sealed at once, spooled. An existing pack of the same name is
   * kept. Each `sequence` must be larger than the stored one, else `conflict` and nothing is saved. `log` is what it
   * carries of the log.
   */
  addIndexPack(
    pack: SealedPack & {
      readonly byteLength: number
      readonly blockCount: number
      readonly createdAt: number
      readonly visibility: Visibility
    },
    records?: readonly { readonly object: ObjectId; readonly sequence: number; readonly record: CID }[],
    log?: LogPack,
  ): Promise<PackId>

  // look-ups
  /**
   * Where blocks lie, in sealed packs of that visibility or staged packs of `owner`; unknown CIDs are left out. With `reusable`, only packs that are still
   * in the spool, staged, or have a placed replica whose newest evidence is neither damaged nor missing; and none that is erasable, except the owner's.
   * Keyed by `cid.toString()`.
   */
  findBlocks(
    cids: readonly CID[],
    options: { readonly visibility?: Visibility | undefined; readonly owner?: string | undefined; readonly reusable?: boolean | undefined },
  ): Promise<ReadonlyMap<string, readonly BlockPlace[]>>
  /** Blocks of a sealed pack by position, ascending; positions that it does not have are left out. Index packs have none: their TOC tells. */
  blocksAt(pack: PackId, ordinals: readonly number[]): Promise<readonly BlockPlace[]>
  /**
   * Known content by fingerprint, where every pack it needs is reusable as in `findBlocks`: that of the same place, else the one sealed first. In the
   * order asked for, undefined where there is none.
   */
  knownContent(wanted: readonly Pick<Fingerprint, 'key' | 'place'>[]): Promise<readonly (KnownContent | undefined)[]>
  /** The fingerprints of content that files in this very state had, undefined where they are not known. */
  knownFiles(wanted: readonly FileFingerprint[]): Promise<readonly (Uint8Array | undefined)[]>
  /** Was content of that length sealed before? */
  knownLength(length: number): Promise<boolean>
  pack(id: PackId): Promise<PackRow | undefined>
  packByName(name: CID): Promise<PackRow | undefined>
  tocOf(id: PackId): Promise<Uint8Array | undefined>
  object(root: CID): Promise<ObjectRow | undefined>
  objectById(id: ObjectId): Promise<ObjectRow | undefined>
  /** The newest object that took the place of that root, which need not be there any more. */
  successorOf(root: CID): Promise<ObjectRow | undefined>
  attributesOf(id: ObjectId): Promise<Uint8Array | undefined>
  /** Keyset paging by id, oldest first. */
  objects(options?: {
    readonly after?: ObjectId | undefined
    readonly limit?: number | undefined
    readonly state?: ObjectState | undefined
  }): Promise<readonly ObjectRow[]>
  /** Packs that hold blocks of the object, by id. */
  packsOf(object: ObjectId): Promise<readonly PackRow[]>
  extentsOf(
    object: ObjectId,
    options?: { readonly after?: number | undefined; readonly limit?: number | undefined; readonly pack?: PackId | undefined },
  ): Promise<readonly Extent[]>
  /** The extent that holds the object's block number `index`. */
  extentAt(object: ObjectId, index: number): Promise<Extent | undefined>
  /** Objects with blocks in the pack, by id. */
  objectsIn(
    pack: PackId,
    options?: { readonly after?: ObjectId | undefined; readonly limit?: number | undefined },
  ): Promise<readonly ObjectId[]>
  /** Sealed packs, keyset paging by id. */
  packs(options?: {
    readonly after?: PackId | undefined
    readonly limit?: number | undefined
    readonly spooled?: boolean | undefined
    readonly kind?: PackKind | undefined
  }): Promise<readonly PackRow[]>
  totals(at: number): Promise<CatalogTotals>

  // placement
  /** Durable before any paid call. Keeps an existing row of any state. Throws `conflict` for a new one in a vault that is being left. */
  intend(pack: PackId, vault: string, at: number): Promise<void>
  placed(pack: PackId, vault: string, locator: Locator, at: number): Promise<void>
  /** The vault has shown that it retains the replica until then, as asked. */
  retained(pack: PackId, vault: string, until: number): Promise<void>
  /** What the objects with blocks in these packs ask for together, as far as it is in force then: the latest date, the stronger mode, a hold if any. */
  retentionOf(packs: readonly PackId[], at: number): Promise<ReadonlyMap<PackId, RetainRow>>
  /**
   * Forgets the replica with its evidence, unanswered probes, rotation and journal. With `intendedAt` an intent of that moment takes its place in the same
   * transaction, and the journal stays: what was paid for is not paid for again.
   */
  dropReplica(pack: PackId, vault: string, options?: { readonly intendedAt?: number | undefined }): Promise<void>
  replicasOf(packs: readonly PackId[]): Promise<readonly ReplicaRow[]>
  /** Replicas of a vault, keyset paging by pack. */
  replicasIn(
    vault: string,
    options?: { readonly after?: PackId | undefined; readonly limit?: number | undefined },
  ): Promise<readonly ReplicaRow[]>
  journal(pack: PackId, vault: string): Journal
  /** The pack's file has left the spool. */
  unspooled(pack: PackId): Promise<void>
  /** The pack's file is in the spool again (repair). */
  spooled(pack: PackId): Promise<void>

  // evidence
  /**
   * Stores the newest per replica and object, rolls the one it replaces into the totals, and replaces the replica's list of unanswered probes when given.
   * A rotation given is moved on in the same transaction, and never back within its round. `announce` hears of verdicts that changed; resolves to the events
   * that were new.
   */
  recordEvidence(
    rows: readonly (EvidenceRow & {
      readonly unanswered?: readonly Unanswered[] | undefined
      readonly rotation?: RotationRow | undefined
    })[],
    announce?: Announce<StandingChange>,
  ): Promise<readonly ArchiveEvent[]>
  /** Evidence about the object: rows of the object itself and rows of whole packs, for its packs. */
  evidenceOf(object: ObjectId): Promise<readonly EvidenceRow[]>
  /** Evidence about whole packs only (object 0). */
  packEvidence(packs: readonly PackId[]): Promise<readonly EvidenceRow[]>
  unansweredOf(pack: PackId, vault: string): Promise<readonly Unanswered[]>
  evidenceTotals(pack: PackId, vault: string): Promise<EvidenceTotals | undefined>
  /**
   * `dueAt` left out: when it is to be audited stays as it is. `announce` hears of states that changed, in the order of the rows; resolves to the events
   * that were new.
   */
  setStates(
    rows: readonly {
      readonly object: ObjectId
      readonly state: ObjectState
      readonly freshUntil: number
      readonly dueAt?: number | undefined
    }[],
    announce?: Announce<StateChange>,
  ): Promise<readonly ArchiveEvent[]>

  // records and receipts
  saveReceipts(rows: readonly { readonly object: ObjectId; readonly receipt: string; readonly at: number }[]): Promise<void>
  /** Newest receipt of a root, as saved; also after `forget`. */
  receiptOf(root: CID): Promise<string | undefined>

  // shredding
  /**
   * Marks an erasable object as shredded and drops its attributes, in one transaction; a second call changes nothing. From then on `isShredded` holds
   * for its erasable packs. Throws `conflict` for an object that is not erasable, `not-found` for one that is not there.
   */
  beginShred(object: ObjectId, at: number): Promise<ShredRow>
  /** Keeps the newest certificate; complete once is complete for good. Throws `not-found` when shredding never began. */
  saveCertificate(root: CID, row: { readonly certificate: string; readonly complete: boolean; readonly at: number }): Promise<void>
  shredOf(root: CID): Promise<ShredRow | undefined>
  /** Is it an erasable pack of an object that is being shredded, or was? Such a pack is never brought anywhere again. */
  isShredded(pack: PackId): Promise<boolean>

  // forgetting
  /** Removes the object in one transaction, announcements with it; resolves to the content packs that nobody refers to any more (now garbage) and to those still shared. */
  forget(
    object: ObjectId,
    announcements?: readonly Announcement[],
  ): Promise<{ readonly garbage: readonly PackId[]; readonly shared: readonly PackId[] }>
  /** Garbage content packs and index packs whose records are all superseded, by id. */
  garbage(options?: {
    readonly after?: PackId | undefined
    readonly limit?: number | undefined
    readonly kind?: PackKind | undefined
  }): Promise<readonly PackRow[]>
  /** Removes a garbage pack with its blocks, replicas, evidence and journals. Throws `conflict` when an object refers to it again. */
  dropPack(pack: PackId): Promise<void>

  // processes
  /** Takes a named lease, or resolves undefined while a living process holds it. A dead holder on this machine is noticed at once, others after `ttlMs`. */
  acquire(key: string, options: { readonly ttlMs: number }): Promise<Lease | undefined>
  close(): Promise<void>
}

export interface CatalogTotals {
  readonly objects: number
  readonly byteLength: number
  readonly packs: number
  readonly packBytes: number
  readonly spooledBytes: number
  /** Objects whose evidence has lapsed at the time asked for count as `unknown` unless they are worse. */
  readonly states: Readonly<Record<ObjectState, number>>
  readonly vaults: readonly { readonly vault: string; readonly replicas: number; readonly packBytes: number }[]
}
