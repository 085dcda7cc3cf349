/** What vaults check of their own options. */
import { VaultError } from '../errors.ts'

const ID = /^[a-z0-9][a-z0-9-]*$/

/** Returns the id, or throws `invalid` when it cannot stand in receipts, file names and options. */
export function vaultId(id: string): string {
  if (ID.test(id)) return id
  throw new VaultError('invalid', JSON.stringify(id), 'this is not a vault id; use lower-case letters, digits and hyphens, e.g. "nas-2"')
}
