/** Other recipients for what is sealed already. */

import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Receipt } from './policy.ts'
import type { PutEvent } from './putting.ts'
import type { ShredCertificate } from './shred.ts'

export type RecipientsEvent =
  | PutEvent
  | { readonly type: 'file-rewrapped'; readonly path: string; readonly byteLength: number; readonly storedAnew: boolean }

/** `set` are all recipients from then on; `add` and `remove` change those it has. */
export interface RecipientsOptions extends AbortOptions, ProgressOptions<RecipientsEvent> {
  readonly add?: readonly string[] | undefined
  readonly remove?: readonly string[] | undefined
  readonly set?: readonly string[] | undefined
  /** Seals everything under new file keys, which stores all of it anew. Default false: the same keys under new headers, and the payload stays. */
  readonly rekey?: boolean | undefined
  /** Leaves the object as it was beside the new one. Not for erasable objects. Default false. */
  readonly keepOld?: boolean | undefined
}

/** What became of an old header: its pack is gone from the vault, or stays, and why. */
export interface OldHeader {
  readonly vault: string
  readonly pack: string
  readonly retired: boolean
  readonly reason?: string
}

export interface RecipientsReport {
  /** The object from now on; the one before where nothing was to be changed. */
  readonly root: string
  readonly previous: string
  readonly recipients: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly rekeyed: boolean
  readonly files: number
  /** Files of one leaf, which lie in one block with their header and were stored anew; with `rekey` all of them. */
  readonly storedAnew: number
  /** Bytes of packs that are new. */
  readonly bytesStored: number
  readonly oldHeaders: readonly OldHeader[]
  /** What has to be known, one sentence each: first of all what a removed reader keeps. */
  readonly notes: readonly string[]
  /** Of the new object; absent where nothing was to be changed. */
  readonly receipt?: Receipt
  /** Of the old headers of an erasable object. */
  readonly certificate?: ShredCertificate
}
