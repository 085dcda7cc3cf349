/** Where a pack is on Arweave: `tx:<id>:<data root>:<bytes>` for a transaction of its own, `item:<id>:<bytes>:<height>` for a data item in a bundle. */
import type { Locator } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'

/** 32 bytes in base64url. */
export const isHash = (text: unknown): text is string => typeof text === 'string' && /^[A-Za-z0-9_-]{43}$/.test(text)

export interface AtTransaction {
  readonly kind: 'tx'
  readonly id: string
  /** What the transaction signed: every chunk is held to it. */
  readonly dataRoot: Uint8Array
  readonly byteLength: number
}

export interface AtItem {
  readonly kind: 'item'
  readonly id: string
  readonly byteLength: number
  /** Height of the chain by which a bundle has to have it; what is in none then is absent. */
  readonly deadline: number
}

export type At = AtTransaction | AtItem

export const locatorOf = (at: At): Locator =>
  at.kind === 'tx'
    ? `tx:${at.id}:${Buffer.from(at.dataRoot).toString('base64url')}:${at.byteLength}`
    : `item:${at.id}:${at.byteLength}:${at.deadline}`

/** Throws `invalid` for what is no locator of an Arweave vault. */
export function parseLocator(vault: string, locator: Locator): At {
  const [kind, id, ...rest] = locator.split(':')
  const [first, second] = rest
  if (isHash(id) && rest.length === 2) {
    const [byteLength, deadline] = [Number(kind === 'tx' ? second : first), Number(second)]
    const isSize = Number.isSafeInteger(byteLength) && byteLength > 0
    if (kind === 'tx' && isSize && isHash(first)) return { kind, id, dataRoot: Buffer.from(first, 'base64url'), byteLength }
    if (kind === 'item' && isSize && Number.isSafeInteger(deadline) && deadline >= 0) return { kind, id, byteLength, deadline }
  }
  throw new VaultError('invalid', vault, `${JSON.stringify(locator.slice(0, 100))} is no place on Arweave; it belongs to another vault`)
}
