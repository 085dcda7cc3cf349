/** Bringing a lost catalog back from vaults: the options, what happens meanwhile, and what came of it. */
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Policy, Receipt } from './policy.ts'

export interface RecoverOptions extends AbortOptions, ProgressOptions<RecoverEvent> {
  /** Ids of the vaults to read, default all that can list. What they hold is taken together. */
  readonly from?: readonly string[] | undefined
  /** The archive whose records are taken (`z6Mk…`). Default: that of the signing key, or without one the only archive there is. */
  readonly archive?: string | undefined
  /** The line of an `archive.key` that was kept elsewhere. Without it, and without one in the archive's folder, a new key is made. */
  readonly key?: string | undefined
  /** Take over an archive of another key into a catalog that holds objects already. */
  readonly merge?: boolean | undefined
  /** Receipts that were kept elsewhere: whatever they speak of must be there, or have been removed. */
  readonly receipts?: readonly Receipt[] | undefined
  /** Signed checkpoints that were kept elsewhere: the log must go on from them. */
  readonly checkpoints?: readonly string[] | undefined
  /**
   * Go on from the older state that the vaults show, when something newer is known to have been. Without it nothing is signed or published then, so that
   * the newer state can still be found: what is signed afterwards makes two histories of one.
   */
  readonly acceptRollback?: boolean | undefined
  /** Are packs that no record names entered, so that their blocks are not stored again? Default true. Nothing of them is deleted either way. */
  readonly adopt?: boolean | undefined
}

export type RecoverEvent =
  | { readonly type: 'listed'; readonly vault: string; readonly indexPacks: number; readonly contentPacks: number }
  | { readonly type: 'index-pack-read'; readonly pack: string; readonly whole: boolean }
  | { readonly type: 'object-restored'; readonly root: string; readonly outcome: 'restored' | 'updated' | 'kept' | 'removed' | 'shredded' }
  | { readonly type: 'records-signed'; readonly objects: number }

export interface RecoveredVault {
  readonly vault: string
  readonly indexPacks: number
  readonly contentPacks: number
  /** Why it could not be read to its end. */
  readonly error?: string
}

/** An object that is not there, or not all of it. */
export interface IncompleteObject {
  readonly root: string
  /** TOCs that could not be had: without them nothing of the object is entered. Empty: it is entered, without what `reason` says. */
  readonly missing: readonly string[]
  readonly reason: string
}

/** An index pack that could not be read whole. What was intact of it was taken. */
export interface UnreadIndexPack {
  readonly vault: string
  readonly pack: string
  readonly reason: string
}

/** A signed statement that was not taken. */
export interface RefusedStatement {
  readonly pack: string
  readonly statement: string
  readonly reason: string
}

/** A content pack that no record names. */
export interface OrphanPack {
  readonly pack: string
  readonly byteLength: number
  readonly vaults: readonly string[]
  /** Its blocks are known now, and a put of the same content stores nothing. */
  readonly adopted: boolean
  readonly reason: string
}

/** What was compared to find out whether the vaults show the newest state. */
export interface FreshnessCheck {
  readonly kind: 'receipt' | 'catalog' | 'checkpoint' | 'vault' | 'log'
  readonly of: string
  readonly holds: boolean
  readonly detail: string
}

export interface Freshness {
  /**
   * `unproven`: nothing from outside was compared. `as-known`: what is newest of all that was compared is there. `rolled-back`: something newer is known
   * than the vaults show. `forked`: the archive has signed two histories.
   */
  readonly state: 'unproven' | 'as-known' | 'rolled-back' | 'forked'
  readonly checks: readonly FreshnessCheck[]
}

/** A list in which the first entries stand; `count` is that of all. */
export interface Excerpt<T> {
  readonly count: number
  readonly first: readonly T[]
}

export interface RecoverReport {
  /** The archive whose records were taken. */
  readonly archive: string
  /** What the archive signs with from now on. */
  readonly publicKey: string
  /** Was the signing key there, given, or made anew? */
  readonly key: 'kept' | 'given' | 'new'
  /** The key that a new one goes on from. Nothing proves it to others. */
  readonly succeeds?: string
  readonly from: readonly RecoveredVault[]
  readonly restored: number
  /** Brought forward to a newer record. */
  readonly updated: number
  /** There already, as new as in the vaults or newer. */
  readonly kept: number
  readonly removed: number
  readonly shredded: number
  readonly packs: number
  /** Replicas entered by vault: claims, until `verify`. */
  readonly replicas: Readonly<Record<string, number>>
  /** Replicas that records name in vaults that are not configured; they were not entered. */
  readonly unconfigured: Readonly<Record<string, number>>
  readonly incomplete: Excerpt<IncompleteObject>
  readonly unread: Excerpt<UnreadIndexPack>
  readonly refused: Excerpt<RefusedStatement>
  /** Roots with two records that both say they are the next. */
  readonly forked: Excerpt<string>
  readonly orphans: Excerpt<OrphanPack>
  /** Other archives whose records lie in these vaults. */
  readonly others: readonly { readonly archive: string; readonly records: number; readonly claimsToSucceed?: readonly string[] }[]
  /** Header packs of shredded objects that were found and deleted, or could not be. */
  readonly headers: {
    readonly deleted: number
    readonly remaining: readonly { readonly vault: string; readonly pack: string; readonly reason: string }[]
  }
  /** The secret of fingerprints and opaque names: was it there, restored, or is it lost (`unopened`: no identity opened what holds it)? */
  readonly fingerprints: 'kept' | 'restored' | 'unopened' | 'none'
  /** The policy that the newest record states, for a configuration that was lost, too. */
  readonly policy?: Policy
  readonly freshness: Freshness
  /** The log as it is now, and why it is not whole. */
  readonly log: { readonly size: number; readonly complete: boolean; readonly faults: readonly string[] }
  /** Nothing was signed or published, since something newer is known: recover from other vaults, or accept that state with `acceptRollback`. */
  readonly halted: boolean
}
