/** What vaults check of their own options. */
import type { VaultPrices } from '../contracts.ts'
import { VaultError } from '../errors.ts'

const ID = /^[a-z0-9][a-z0-9-]*$/

/** Returns the id, or throws `invalid` when it cannot stand in receipts, file names and options. */
export function vaultId(id: string): string {
  if (ID.test(id)) return id
  throw new VaultError('invalid', JSON.stringify(id), 'this is not a vault id; use lower-case letters, digits and hyphens, e.g. "nas-2"')
}

const AMOUNTS = ['storagePerGiBMonth', 'storagePerGiBOnce', 'egressPerGiB', 'writesPerThousand', 'readsPerThousand'] as const
const CURRENCY = /^[A-Z][A-Z0-9]{1,11}$/

/** Returns the prices as they were given, or throws `invalid`: a mistyped one would be a vault that seems free. */
export function checkedPrices(id: string, prices: VaultPrices | undefined): VaultPrices | undefined {
  if (prices === undefined) return undefined
  const refuse = (why: string) => {
    throw new VaultError('invalid', id, why)
  }
  if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) refuse('prices must be an object')
  const known: readonly string[] = ['currency', ...AMOUNTS]
  const stranger = Object.keys(prices).find((key) => !known.includes(key))
  if (stranger !== undefined) refuse(`prices.${stranger.slice(0, 40)} is not a price; there are ${known.join(', ')}`)
  if (typeof prices.currency !== 'string' || !CURRENCY.test(prices.currency))
    refuse('prices.currency must be a code in capitals such as USD, EUR or FIL')
  for (const name of AMOUNTS) {
    const value: unknown = prices[name]
    if (value !== undefined && !(typeof value === 'number' && Number.isFinite(value) && value >= 0))
      refuse(`prices.${name} must be a number of ${prices.currency}, not negative`)
  }
  return prices
}
