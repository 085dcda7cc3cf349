/** What the catalog does for a recovery: it gathers what vaults hold, says what is newest, and takes it over. */
import type { CID } from 'multiformats/cid'
import type { LogPack } from './catalog-log.ts'
import type { ObjectId, ObjectRow, PackId, PackRow, RetainRow } from './catalog-rows.ts'
import type { Listed, Locator, Profile, Visibility } from './vault.ts'

/** An index pack that was read, whole or in part. */
export interface ReadIndexPack {
  readonly name: CID
  /** Was every block there, and intact? */
  readonly whole: boolean
  /** Public key that its index block names; absent where that block was not there. */
  readonly archive?: Uint8Array | undefined
  /** Of a whole one. */
  readonly root?: CID | undefined
  readonly toc?: Uint8Array | undefined
  readonly byteLength: number
  readonly blockCount: number
  /** Does it hold what no later index pack repeats, such as tombstones? */
  readonly lasting: boolean
  /** Has it nothing but entries of the log? */
  readonly logOnly: boolean
  /** What it carries of the log, its checkpoint being signed by `archive`. */
  readonly log?: FoundLog | undefined
}

/** Entries `[first, size)` of a log whose root at that size is `treeRoot`. */
export interface FoundLog {
  readonly first: number
  readonly size: number
  /** Standard base64. */
  readonly treeRoot: string
}

/** What of the log a whole index pack carries; `root` is its index block. */
export interface FoundLogPart extends FoundLog {
  readonly name: CID
  readonly root: CID
  readonly archive: Uint8Array
  readonly logOnly: boolean
}

/** A signed statement whose signature holds. */
export interface FoundStatement {
  readonly cid: CID
  readonly kind: 'record' | 'tombstone' | 'succession'
  /** Public key that signed it. */
  readonly archive: Uint8Array
  /** Of a succession: undefined. */
  readonly root?: CID | undefined
  readonly sequence: number
  /** When the object came into being, was ended, or the key went on. */
  readonly at: number
  readonly previous?: CID | undefined
  readonly shred?: boolean | undefined
  /** The index pack it lies in. */
  readonly pack: CID
  readonly bytes: Uint8Array
  /** Packs of content that it names. */
  readonly names: readonly CID[]
}

export interface FoundBatch {
  readonly packs?: readonly ReadIndexPack[] | undefined
  readonly statements?: readonly FoundStatement[] | undefined
  /** TOCs and attributes. */
  readonly blocks?: readonly { readonly cid: CID; readonly bytes: Uint8Array }[] | undefined
}

export interface FoundArchive {
  readonly archive: Uint8Array
  readonly records: number
  readonly tombstones: number
}

/** A pack whose TOC is known, to be entered as sealed and out of the spool. */
export interface RecoveredPack {
  readonly name: CID
  readonly root: CID
  readonly visibility: Visibility
  readonly erasable: boolean
  readonly byteLength: number
  readonly toc: Uint8Array
  readonly blocks: readonly { readonly cid: CID; readonly offset: number; readonly length: number }[]
  readonly createdAt: number
  /** Nothing is to refer to it: it belonged to objects that were removed. */
  readonly garbage?: boolean | undefined
}

export interface RecoveredReplica {
  readonly pack: PackId
  readonly vault: string
  readonly locator: Locator
}

/** A whole index pack. */
export interface RecoveredIndexPack {
  readonly name: CID
  readonly root: CID
  readonly toc: Uint8Array
  readonly byteLength: number
  readonly blockCount: number
  readonly createdAt: number
  readonly log?: LogPack | undefined
}

/** A pack that vaults list, and where. */
export interface ListedPack {
  readonly name: CID
  readonly byteLength: number
  readonly places: readonly { readonly vault: string; readonly locator: Locator }[]
}

interface NamePage {
  readonly after?: CID | undefined
  readonly limit?: number | undefined
}

/** An object by its newest record. */
export interface RecoveredObject {
  readonly root: CID
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly kind: ObjectRow['kind']
  readonly byteLength: number
  readonly profile: Profile
  readonly visibility: Visibility
  readonly createdAt: number
  readonly extents: readonly { readonly start: number; readonly pack: PackId; readonly first: number; readonly count: number }[]
  readonly attributes?: Uint8Array | undefined
  readonly erasable: boolean
  /** When shredding began. */
  readonly shreddedAt?: number | undefined
  readonly supersedes?: CID | undefined
  readonly retain?: RetainRow | undefined
  readonly sequence: number
  readonly record: CID
  /** The index pack of the record. */
  readonly recordPack?: PackId | undefined
}

/**
 * What was found in vaults is kept until `endRecovery`, so that a recovery that died goes on where it was. Nothing of it is seen by any other method
 * until it is restored.
 */
export interface CatalogRecovery {
  /** What a recovery wants to remember of itself, by name. */
  recoveryNote(name: string): Promise<string | undefined>
  setRecoveryNote(name: string, text: string): Promise<void>
  /** Forgets what that vault listed before. */
  beginListing(vault: string): Promise<void>
  stageListed(vault: string, listed: readonly Listed[]): Promise<void>
  /** Index packs that were listed, by name; keyset paging. Those read whole before are left out. */
  unreadIndexPacks(options?: NamePage): Promise<readonly ListedPack[]>
  /** In one transaction. A pack that was read whole stays so; statements and blocks that are known are kept. */
  stageFound(batch: FoundBatch): Promise<void>
  /** Archives that signed records or tombstones, most records first. */
  foundArchives(): Promise<readonly FoundArchive[]>
  /** Statements that name a predecessor, as they were signed. */
  foundSuccessions(): Promise<readonly Uint8Array[]>
  /** Roots of records and tombstones, in order of their bytes; keyset paging. */
  foundRoots(options?: NamePage): Promise<readonly CID[]>
  /** All statements of a root, without their bytes. */
  foundHistory(root: CID): Promise<readonly Omit<FoundStatement, 'bytes' | 'names'>[]>
  /** A statement or block by its CID. */
  foundBytes(cid: CID): Promise<Uint8Array | undefined>
  /** The key that signed a record; undefined where it was not found in a vault. */
  signerOf(record: CID): Promise<Uint8Array | undefined>
  /** Where packs were listed. */
  listedAt(names: readonly CID[]): Promise<readonly { readonly vault: string; readonly name: CID; readonly locator: Locator }[]>
  /** Listed content packs that neither the catalog nor any statement names; keyset paging by name. */
  orphans(options?: NamePage): Promise<readonly ListedPack[]>
  /** For each entry of the log at which parts begin, the longest of them that lies in a whole index pack of these archives; those without records first. */
  foundLogParts(archives: readonly Uint8Array[]): Promise<readonly FoundLogPart[]>
  /** Sizes at which these archives signed more than one log; the first few. */
  foundLogForks(archives: readonly Uint8Array[]): Promise<readonly number[]>
  /** The largest checkpoint in index packs that a vault lists; 0 where there is none. */
  foundLogSize(vault: string, archives: readonly Uint8Array[]): Promise<number>
  /** Index packs that were read, keyset paging by name. */
  readIndexPacks(options?: NamePage): Promise<readonly ReadIndexPack[]>

  /** Enters packs, or finds them by name; in order. Throws `conflict` where one is known under another visibility or kind. */
  restorePacks(packs: readonly RecoveredPack[]): Promise<readonly PackId[]>
  /** Enters replicas as placed, by nothing but a claim; a replica that is known stays as it is. Resolves to how many were entered, by vault. */
  restoreReplicas(replicas: readonly RecoveredReplica[], at: number): Promise<Readonly<Record<string, number>>>
  /**
   * Enters objects, or brings those that are there forward to a newer record (a later `createdAt`, or a higher `sequence` of the same). Resolves per
   * object to what was done, in order.
   */
  restoreObjects(
    objects: readonly RecoveredObject[],
  ): Promise<readonly { readonly object: ObjectId; readonly outcome: 'restored' | 'updated' | 'kept' }[]>
  /** Enters whole index packs as sealed and out of the spool, or finds them by name; in order. */
  restoreIndexPacks(packs: readonly RecoveredIndexPack[]): Promise<readonly PackId[]>
  /** These hold records alone: those of them that are no object's newest record's may go. */
  settleIndexPacks(packs: readonly PackId[]): Promise<void>
  /** What these hold could not be restored yet: they are `lasting` from now on. */
  keepIndexPacks(names: readonly CID[]): Promise<void>
  /** Remembers that a root was shredded, also where there is no object any more. */
  restoreShred(root: CID, at: number): Promise<void>
  /** The index pack of an object's newest record. */
  recordPackOf(object: ObjectId): Promise<PackRow | undefined>
  /** Forgets everything that was found and not restored. */
  endRecovery(): Promise<void>
}
