/** One error class per layer, each with a closed union of codes. The message says what to do next; the cause is kept. */
import type { LimitExceeded } from './contracts/costs.ts'

export class PerdureError<Code extends string = string> extends Error {
  override readonly name: string = 'PerdureError'
  readonly code: Code

  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
  }

  /** The first error along the chain of causes, this one included, that the test accepts. */
  walk(accepts: (error: unknown) => boolean): unknown {
    for (let error: unknown = this, depth = 0; error !== undefined && depth < 32; depth++) {
      if (accepts(error)) return error
      error = error instanceof Error ? error.cause : undefined
    }
    return undefined
  }
}

export type SourceErrorCode = 'not-found' | 'unreadable' | 'changed' | 'unsupported' | 'invalid-path'

/** Something is wrong with what was handed to `put`. Nothing became visible. */
export class SourceError extends PerdureError<SourceErrorCode> {
  override readonly name = 'SourceError'
}

export type FormatErrorCode =
  | 'invalid-cid'
  | 'hash-mismatch'
  | 'malformed'
  | 'limit'
  | 'unsupported'
  | 'not-a-file'
  | 'not-a-directory'
  | 'no-such-path'
  | 'bad-range'
  | 'bad-signature'
  /** Sealed, and none of the identities given opens it. */
  | 'no-identity'
  /** Sealed bytes that do not authenticate: changed, cut or put together by somebody without the key. */
  | 'damaged'
  /** Text that is no recipient, no identity or no usable passphrase; the text itself is never repeated. */
  | 'invalid-key'

/** Bytes are not what they should be. */
export class FormatError extends PerdureError<FormatErrorCode> {
  override readonly name = 'FormatError'
}

export type VaultErrorCode =
  /** 401 or 403, EACCES: never read as absence. */
  | 'denied'
  /** Time-outs, 5xx, connection failures: nothing is known. */
  | 'unreachable'
  | 'absent'
  /** No space, no quota, no money. */
  | 'exhausted'
  /** The bytes there are not the bytes that were put. */
  | 'damaged'
  | 'unsupported'
  | 'conflict'
  | 'invalid'

export interface VaultErrorOptions {
  readonly cause?: unknown
  /** How long the vault asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

export class VaultError extends PerdureError<VaultErrorCode> {
  override readonly name = 'VaultError'
  readonly vault: string
  readonly retryAfterMs: number | undefined

  constructor(code: VaultErrorCode, vault: string, message: string, options: VaultErrorOptions = {}) {
    super(code, `vault ${vault}: ${message}`, options)
    this.vault = vault
    this.retryAfterMs = options.retryAfterMs
  }
}

export type CatalogErrorCode = 'locked' | 'corrupt' | 'newer-schema' | 'exhausted' | 'denied' | 'conflict' | 'not-found'

export class CatalogError extends PerdureError<CatalogErrorCode> {
  override readonly name = 'CatalogError'
}

export type PolicyErrorCode =
  | 'invalid'
  | 'unreachable-floor'
  /** No vault of the archive can do what was asked for. */
  | 'unsupported'

export class PolicyError extends PerdureError<PolicyErrorCode> {
  override readonly name = 'PolicyError'
}

export type ConfigErrorCode =
  | 'invalid'
  | 'not-found'
  | 'missing-variable'
  | 'unsupported-runtime'
  /** A file is there already and is not overwritten. */
  | 'exists'
  /** What stands where a recipient belongs (`age1…`) is none. */
  | 'not-a-recipient'
  /** What stands where an identity belongs (`AGE-SECRET-KEY-…`, or a file of them) is none. */
  | 'not-an-identity'
  | 'wrong-passphrase'

export class ConfigError extends PerdureError<ConfigErrorCode> {
  override readonly name = 'ConfigError'
}

export type ArchiveErrorCode =
  /** The catalog knows no object of that root. */
  | 'unknown-root'
  /** The spool or the disk under it is full, or the disk that is restored to; or a limit on spending does not allow it. */
  | 'exhausted'
  /** The file system refused: permissions, or a read-only disk. */
  | 'denied'
  /** No replica could give intact bytes. */
  | 'unavailable'
  /** Another process is at the same work. */
  | 'busy'
  /** Something changed underneath; the same call again will do. */
  | 'conflict'
  | 'unsafe-target'
  | 'exists'
  | 'closed'
  /** It is sealed, and no identity was given. */
  | 'no-identity'
  /** It is sealed for others: none of the identities opens it. */
  | 'wrong-identity'
  /** It is public, and what was asked for is for sealed content. */
  | 'not-sealed'
  /** Its headers were deleted, so that nobody can open it. */
  | 'shredded'
  /** Its headers must stay deletable: it does not go where whoever fetched a block may keep it. */
  | 'erasable'
  /** It was not put as erasable, so deleting its headers would promise nothing. */
  | 'not-erasable'
  /** No vault that was read holds records of the archive that is to be recovered. */
  | 'no-records'
  /** Several archives lie there, and nothing says which one is meant. */
  | 'ambiguous'
  /** The archive has signed a longer log than its catalog holds: the catalog is an older one. */
  | 'rolled-back'
  /** The archive has signed two logs, neither of which is the beginning of the other. */
  | 'forked'

export class ArchiveError extends PerdureError<ArchiveErrorCode> {
  override readonly name = 'ArchiveError'
  /** Of `exhausted`, when a limit on spending was the reason: its numbers. */
  readonly limit: LimitExceeded | undefined

  constructor(code: ArchiveErrorCode, message: string, options: { readonly cause?: unknown; readonly limit?: LimitExceeded } = {}) {
    super(code, message, options)
    this.limit = options.limit
  }
}
