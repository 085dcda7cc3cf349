/** What the catalog keeps, row by row. */
import type { CID } from 'multiformats/cid'
import type { ObjectState, Possession, Retrieval, Verdict } from './policy.ts'
import type { Locator, PackKind, Profile, RetentionMode, Visibility } from './vault.ts'

export type PackId = number
export type ObjectId = number

/** A pack as the catalog knows it. */
export interface PackRow {
  readonly id: PackId
  /** CID of the TOC. */
  readonly name: CID
  readonly root: CID
  readonly kind: PackKind
  readonly visibility: Visibility
  readonly byteLength: number
  readonly blockCount: number
  /** Is the CAR still in the spool? */
  readonly spooled: boolean
  /** Holds the headers of an erasable object: it goes only to vaults that can forget, and nothing of it is reused. */
  readonly erasable: boolean
}

/** Consecutive blocks of one pack that belong to an object; `start` counts blocks within the object. */
export interface Extent {
  readonly start: number
  readonly pack: PackId
  readonly first: number
  readonly count: number
}

/** What was asked for with a put, as it is recorded. */
export interface RetainRow {
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly mode?: RetentionMode | undefined
  readonly legalHold?: boolean | undefined
}

export interface ObjectRow {
  readonly id: ObjectId
  readonly root: CID
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  readonly blockCount: number
  readonly profile: Profile
  readonly visibility: Visibility
  readonly createdAt: number
  readonly state: ObjectState
  /** When the evidence behind `state` lapses. */
  readonly freshUntil: number
  /** Sequence of the newest signed record, 0 before the first. */
  readonly sequence: number
  readonly record?: CID | undefined
  /** Its headers lie in packs of their own, so that it can be shredded. */
  readonly erasable: boolean
  /** When shredding began: its headers are gone or on their way out, and nothing brings them back. */
  readonly shreddedAt?: number | undefined
  /** The root that it took the place of: the same content, sealed for other recipients. */
  readonly supersedes?: CID | undefined
  readonly retain?: RetainRow | undefined
}

/** An object that was shredded, or is being shredded; kept after the object was forgotten. */
export interface ShredRow {
  readonly root: CID
  readonly begunAt: number
  /** Did every vault report absence? */
  readonly complete: boolean
  /** The newest certificate, as it was signed. */
  readonly certificate?: string | undefined
}

/** A block on its way into the catalog; position in the list is its ordinal. */
export interface StagedBlock {
  readonly cid: CID
  readonly offset: number
  readonly length: number
}

export interface StagedPack {
  /** The put it belongs to; several packs of one put share it. */
  readonly owner: string
  readonly kind: PackKind
  readonly visibility: Visibility
  readonly byteLength: number
  readonly blocks: readonly StagedBlock[]
  readonly createdAt: number
  /** Default false. */
  readonly erasable?: boolean | undefined
}

export interface SealedPack {
  readonly id: PackId
  readonly name: CID
  readonly root: CID
  /** DAG-CBOR of the TOC; its sha2-256 is `name`. */
  readonly toc: Uint8Array
}

export interface SealedObject {
  readonly root: CID
  readonly name?: string | undefined
  readonly mediaType?: string | undefined
  readonly kind: 'file' | 'directory' | 'symlink'
  readonly byteLength: number
  readonly profile: Profile
  readonly visibility: Visibility
  readonly createdAt: number
  /** In order of the import; `start` begins at 0 and has no gaps. */
  readonly extents: readonly Extent[]
  /** Opaque blob kept beside the object (mode, mtime of its entries); at most 16 MiB. */
  readonly attributes?: Uint8Array | undefined
  /** Default false. Its erasable packs hold blocks of no other object. */
  readonly erasable?: boolean | undefined
  readonly supersedes?: CID | undefined
  readonly retain?: RetainRow | undefined
}

/** Content that was sealed before: the DAG it became, and where its blocks lie. */
export interface KnownContent {
  readonly root: CID
  /** Bytes of all blocks below the root, counted once per link. */
  readonly dagBytes: number
  /** Bytes of its age file, or of all age files of a directory. */
  readonly byteLength: number
  /** `start` counts from 0. */
  readonly extents: readonly Extent[]
}

/** How content is known again. All values are keyed by a secret that is not in the catalog. */
export interface Fingerprint {
  readonly key: Uint8Array
  /** Tells apart content that was sealed several times, under several paths. */
  readonly place: number
  /** Of the content's length. */
  readonly length: number
}

/** A file of this machine whose state is believed to tell that its content is what it was. */
export interface FileFingerprint {
  readonly path: Uint8Array
  readonly state: Uint8Array
}

export interface NewFingerprint extends Fingerprint {
  /** Undefined: the content is known already, and only the file is new. */
  readonly content?: KnownContent | undefined
  readonly file?: FileFingerprint | undefined
}

export interface BlockPlace {
  readonly cid: CID
  readonly pack: PackId
  readonly ordinal: number
  readonly offset: number
  readonly length: number
}

export type ReplicaState = 'intended' | 'placed'

export interface ReplicaRow {
  readonly pack: PackId
  readonly vault: string
  readonly state: ReplicaState
  readonly locator?: Locator | undefined
  readonly intendedAt: number
  readonly placedAt?: number | undefined
  /** Until when the vault has confirmed that it retains the replica, as far as that was asked for. */
  readonly retainedUntil?: number | undefined
}

/** The newest evidence of one kind for a replica. `object` 0 speaks of the whole pack, otherwise only of that object's blocks in it. */
export interface EvidenceRow {
  readonly pack: PackId
  readonly vault: string
  readonly object: ObjectId | 0
  readonly verdict: Verdict
  readonly possession: Possession
  readonly retrieval: Retrieval
  readonly at: number
  readonly seed?: Uint8Array | undefined
  readonly asked: number
  readonly answered: number
  readonly bytesRead: number
  readonly detail?: string | undefined
}

/** Older evidence, rolled up: how often each verdict was found and the span of time it covers. */
export interface EvidenceTotals {
  readonly pack: PackId
  readonly vault: string
  readonly checks: number
  readonly intact: number
  readonly damaged: number
  readonly missing: number
  readonly silent: number
  readonly firstAt: number
  readonly lastAt: number
}
