/** Shredding: what is said of headers that were deleted, and of what remains. */
import type { AbortOptions, ProgressOptions } from './options.ts'

/**
 * What a vault said of a header pack after it was told to delete it. `absent`: it says that it has none, and gave no bytes · `held`: it says that it has it,
 * or gave its bytes · `denied`, `unreachable`: it could not be asked · `busy`: another process is bringing the pack there · `unconfigured`: it is not in the
 * configuration any more.
 */
export type ShredStanding = 'absent' | 'held' | 'denied' | 'unreachable' | 'busy' | 'unconfigured'

export interface ShredVault {
  readonly vault: string
  readonly network: string
  readonly operator: string
  /** The header pack. */
  readonly pack: string
  readonly standing: ShredStanding
  /** When it was asked; ISO 8601. */
  readonly at: string
  readonly detail?: string
}

/** A copy of the ciphertext, which nobody can open without a header. */
export interface RemainingCopy {
  readonly vault: string
  readonly pack: string
  readonly locator?: string
  readonly byteLength: number
  /** `until-removed`: `perdure rm` deletes it · `for-ever`: it cannot be deleted · otherwise the day, ISO 8601, until which something keeps it. */
  readonly kept: string
}

/** Signed statement of what was deleted, where it was asked for afterwards, and what nobody can promise. Plain JSON. */
export interface ShredCertificate {
  readonly version: 1
  readonly kind: 'shred'
  readonly root: string
  /** `complete` when every vault reported absence of every header pack. */
  readonly state: 'complete' | 'incomplete'
  /** When shredding began, and when this was said; ISO 8601. */
  readonly begun: string
  readonly issued: string
  /** CID of the signed tombstone, and the vaults that have it. */
  readonly tombstone: { readonly cid: string; readonly vaults: readonly string[] }
  readonly headers: readonly string[]
  /** Roots under which the same content is still readable, sealed for other recipients. */
  readonly readableAs: readonly string[]
  readonly vaults: readonly ShredVault[]
  readonly remaining: readonly RemainingCopy[]
  /** What this does not exclude, one sentence each. */
  readonly excluded: readonly string[]
  /** Ed25519 public key as a multikey (`z6Mk…`). */
  readonly archive: string
  /** Ed25519 signature, multibase base64url. */
  readonly signature: string
}

export type ShredEvent =
  | { readonly type: 'tombstone-published'; readonly root: string; readonly vaults: readonly string[] }
  | { readonly type: 'header-asked'; readonly report: ShredVault }

export interface ShredOptions extends AbortOptions, ProgressOptions<ShredEvent> {
  /** How long another process that is bringing a header somewhere is waited for, in milliseconds; default 5 minutes. */
  readonly patienceMs?: number | undefined
}
