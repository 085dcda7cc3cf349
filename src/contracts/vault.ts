/** Packs, the vaults that keep them, and what a vault says of itself. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { VaultPrices } from './prices.ts'

/** IPIP-499 UnixFS CID profiles. */
export type Profile = 'unixfs-v1-2025' | 'unixfs-v0-2015'

export type Visibility = 'public' | 'sealed'

/** Where a block lies in a pack: a challenge asks for whole spans. */
export interface Span {
  readonly cid: CID
  /** First byte of the block's data (not of its CAR section header) within the CAR. */
  readonly offset: number
  readonly length: number
}

export type PackKind = 'content' | 'index'

/** A CARv1 ready to travel. `name` is the CID of its TOC; same blocks, same order, same root: same name. */
export interface Pack {
  readonly name: CID
  readonly kind: PackKind
  /** The single root in the CAR header. */
  readonly root: CID
  readonly byteLength: number
  /** The CAR's bytes, whole or a part; can be opened any number of times, each time from the start. A chunk stays as it is until its reader gives it to `recycle`, if ever. */
  open(options?: AbortOptions & { readonly offset?: number | undefined; readonly length?: number | undefined }): AsyncIterable<Uint8Array>
  /** Every block, in order. */
  spans(): Promise<readonly Span[]>
  /**
   * Gives the spool's own file to a local vault: makes a hard link at `path`, which must not exist and must lie on the same device.
   * Resolves false when that is not possible or another vault has it already; then the caller copies. One inode serves one vault.
   */
  adopt?(path: string): Promise<boolean>
  /** The whole DAG under `root`, for networks that keep DAGs and not packs. Packs of one put share it, and a pack alone need not hold all of it. */
  dag?(options?: AbortOptions): Promise<Dag>
}

/**
 * Everything below the root of a pack, from however many packs it lies in. A block that other blocks only name by an identity CID is none.
 * Asking for it may throw ArchiveError `unavailable`, when something of it was removed, or `erasable`, when its headers must stay deletable.
 */
export interface Dag {
  readonly root: CID
  /** Blocks in `car`. */
  readonly blockCount: number
  /** Length of `car`, in bytes. */
  readonly byteLength: number
  /** One CARv1 with that root, which comes last; each block hashed on the way, and once as far as packs hold it once. The same bytes every time. */
  car(options?: AbortOptions): AsyncIterable<Uint8Array>
  /** Is the block one of the DAG? Reads none. */
  has(cid: CID, options?: AbortOptions): Promise<boolean>
  /** The block's bytes, hashed; undefined where `has` is false. */
  block(cid: CID, options?: AbortOptions): Promise<Uint8Array | undefined>
}

export type RetentionMode = 'governance' | 'compliance'

/** What keeps a replica from being deleted. As a wish it says what must hold at least: nothing that holds already is shortened or lifted by it. */
export interface Retention {
  /** A moment that has passed retains nothing. */
  readonly until: Date
  /** `governance`: who has a special right may end it early; `compliance`: nobody can. Default: the vault's own, else governance. */
  readonly mode?: RetentionMode | undefined
  /** Kept beyond the date as well, until somebody lifts the hold where the replica lies. */
  readonly legalHold?: boolean | undefined
}

/** Whether the bytes of a replica can be read now, by the vault's own word. */
export interface Warmth {
  /** `frozen`: only after a restore; `thawing`: a restore is under way; `readable`: now. */
  readonly state: 'frozen' | 'thawing' | 'readable'
  /** When a restored copy freezes again; absent where it does not. */
  readonly until?: Date | undefined
}

export type ThawTier = 'bulk' | 'standard' | 'expedited'

/** What only the vault that issued it can read; plain text, safe to print, never a secret. */
export type Locator = string

/** Facts about a vault that placement and policy reason with. */
export interface VaultProfile {
  /** Unique within an archive; `[a-z0-9][a-z0-9-]*`. */
  readonly id: string
  /** `local`, `s3`, `storj`, `arweave`, `filecoin`, `ipfs`, … ; `ipfs` never counts toward the floor. */
  readonly network: string
  /** Who runs it. Distinct operators count toward the floor. */
  readonly operator: string
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  /** Further failure domains, e.g. `{ device: '66306', rack: 'b2' }`; a policy may demand distinct values of any. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** How long a replica lasts untouched: as long as the vault stands, for ever, or until a date it must be renewed by. */
  readonly term: 'standing' | 'perpetual' | 'renewable'
  /** How many days one term of a renewable vault lasts, where it is known. */
  readonly termDays?: number | undefined
  /** Takes `retain` with a put: keeps that replica from being deleted until a date. Absent: it cannot, and gets no pack that is to be retained. */
  readonly canRetain?: boolean | undefined
  /** Largest pack it takes; absent: no limit of its own. */
  readonly maxPackBytes?: number | undefined
  /** Can really delete: no lock, no versions, no copies out of its reach. */
  readonly canForget: boolean
  /** Every put costs money; index packs are batched, intents matter doubly. */
  readonly paid: boolean
  /** Byte reads need a restore first; an audit never reads it unless asked to. */
  readonly cold: boolean
  /** Most bytes that one request writes, where a larger pack takes several; for counting what a put costs. */
  readonly partBytes?: number | undefined
  /** What it asks for, where the user has said so. */
  readonly prices?: VaultPrices | undefined
  /** How `read` finds a span: by byte offset within the pack, or by the block's CID. Adjacent spans are read together only by offset. */
  readonly addressing: 'offset' | 'cid'
}

/** A vault's own word on a replica: a claim, never evidence. */
export type Standing = 'settling' | 'held' | 'absent'

/** Durable memory of one upload (signed transactions, multipart ids, cursors), per vault and pack. `save` resolves when it survives power loss. */
export interface Journal {
  load(): Promise<Uint8Array | undefined>
  save(state: Uint8Array): Promise<void>
}

export type TransferEvent = { readonly type: 'bytes-sent'; readonly byteLength: number }

export interface VaultPutOptions extends AbortOptions, ProgressOptions<TransferEvent> {
  /** Told what the network took for this put, by the vault's own word: a decimal number of that currency, each sum once. */
  readonly onCharge?: ((charge: { readonly amount: string; readonly currency: string; readonly detail?: string }) => void) | undefined
  readonly journal?: Journal | undefined
  /** The replica there was proven damaged or missing: store the pack again although it seems to be there. Atomic: the old bytes stay until the new are whole. */
  readonly replace?: boolean | undefined
  /**
   * Retains the replica at least so, also one that was there already. Resolves only when the vault shows that it does; else throws `unsupported` or
   * `denied`. Given only to vaults that say `canRetain`.
   */
  readonly retain?: Retention | undefined
}

export interface VaultRenewOptions extends AbortOptions, Omit<Retention, 'until'> {}

export interface VaultThawOptions extends AbortOptions {
  /** How long the restored copy is wanted. */
  readonly days: number
  /** How much is paid for how quick a restore; default `standard`. */
  readonly tier?: ThawTier | undefined
}

export interface VaultReadOptions extends AbortOptions {
  /**
   * At least `span.length` bytes of memory that the vault may read into and yield instead of fresh memory: byte n of the span at place n. The caller
   * leaves it alone until the iteration has ended; a vault that has no use for it ignores it.
   */
  readonly into?: Uint8Array | undefined
  /** The block is to show what the vault keeps: one that can be told not to fetch it from elsewhere tells it so. Others ignore it. */
  readonly audit?: boolean | undefined
}

/** Where reads of a vault come from, for the detail of its evidence. Plain text, safe to print. */
export interface ReadSource {
  /** Whom it asks, as in "5 blocks from …": `gateway gw.example`, `peer 12D3…`. */
  readonly from: string
  /** What blocks that came back intact from there still do not show, e.g. `a cache may have answered`. */
  readonly doubt: string
}

/** A pack that a vault found in itself. */
export interface Listed {
  readonly name: CID
  readonly kind: PackKind
  readonly at: Locator
  readonly byteLength: number
}

export interface Attestation {
  readonly verdict: 'proven' | 'unproven' | 'refuted'
  readonly at: number
  /** One line a person understands, with the numbers that led to the verdict. */
  readonly detail: string
}

export interface Challenge {
  readonly name: CID
  readonly seed: Uint8Array
}

export interface Quote {
  readonly amount: string
  readonly currency: string
  readonly per: 'once' | 'month'
}

/**
 * One place that keeps packs. A plain record of functions: never `this`, so a wrapper is a spread.
 * No retries, sleeps or logging inside. Everything throws VaultError with a code; absence is a value.
 */
export interface Vault {
  readonly profile: VaultProfile
  /**
   * Looks before the first use (permissions, device, quirks) and resolves to the profile as found; throws when the vault cannot be used.
   * `mustExist`: this vault holds replicas of ours already, so one that looks new and empty is another place, and `unreachable`.
   * `thorough`: also what only writing tells, and may otherwise wait for the first put.
   */
  open?(
    options?: AbortOptions & { readonly mustExist?: boolean | undefined; readonly thorough?: boolean | undefined },
  ): Promise<VaultProfile>
  /** Idempotent by `pack.name`. Resolves when the vault has accepted every byte durably, as far as it can tell. */
  put(pack: Pack, options?: VaultPutOptions): Promise<Locator>
  /** Finds what a dead run put. A replica that is known to be incomplete is absent. `root` is the pack's, for networks that find nothing by its name. */
  locate(
    name: CID,
    options?: AbortOptions & { readonly kind?: PackKind | undefined; readonly root?: CID | undefined },
  ): Promise<Locator | undefined>
  status(at: Locator, options?: AbortOptions): Promise<Standing>
  /** Yields at most `span.length` bytes; throws `absent` when there is no replica. The caller hashes. */
  read(at: Locator, span: Span, options?: VaultReadOptions): AsyncIterable<Uint8Array>
  /**
   * Where what was read last of that replica came from; asks nobody. For vaults whose blocks may come from elsewhere than their own store: evidence of
   * them, also intact, says so in its detail. Absent: the vault itself, and nothing is added.
   */
  readsFrom?(at: Locator): ReadSource
  list?(options?: AbortOptions & { readonly kind?: PackKind | undefined }): AsyncIterable<Listed>
  /** Resolves when it is gone, also when it was absent. Throws `denied` or `unsupported` when something keeps it. */
  remove?(at: Locator, options?: AbortOptions): Promise<void>
  /** Ends uploads of the pack that never finished and drops what they left there. A pack that is whole stays. */
  abandon?(name: CID, options?: AbortOptions & { readonly kind?: PackKind | undefined }): Promise<void>
  attest?(at: Locator, challenge: Challenge, options?: AbortOptions): Promise<Attestation>
  quote?(byteLength: number, options?: AbortOptions): Promise<Quote>
  /** Extends the term or the lock of a replica to that date at least; what holds longer already is left as it is. */
  renew?(at: Locator, until: Date, options?: VaultRenewOptions): Promise<Locator>
  /** What keeps the replica from being deleted, or until when its term lasts, by the vault's own word; undefined: nothing. */
  retention?(at: Locator, options?: AbortOptions): Promise<Retention | undefined>
  /** Can the bytes be read now? Starts nothing and costs nothing but the question. Throws `absent`. */
  warmth?(at: Locator, options?: AbortOptions): Promise<Warmth>
  /** Asks for a restore of a frozen replica, which may cost money; one under way or done is not asked for again. Resolves at once, not when it is readable. */
  thaw?(at: Locator, options: VaultThawOptions): Promise<Warmth>
  close?(): Promise<void>
}
