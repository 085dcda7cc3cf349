/** Upper bounds on spending, as they are configured: each must be one that can be kept. */
import type { LimitExceeded, Limits } from '../contracts/costs.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { ConfigError } from '../errors.ts'
import { boundsOf } from './cost.ts'

const NAMES = ['perPut', 'perMonth'] as const

/**
 * Returns the limits as given. Throws ConfigError `invalid` for amounts that are none, and for limits that would bound nothing: a priced vault in a currency
 * that a limit does not name, or a paid vault that states no prices.
 */
export function checkLimits(
  limits: Limits | undefined,
  vaults: readonly (VaultProfile & { readonly quotes?: boolean })[],
): Limits | undefined {
  if (limits === undefined) return undefined
  const stranger = Object.keys(limits).find((key) => !(NAMES as readonly string[]).includes(key))
  if (stranger !== undefined) throw invalid(`limits.${stranger.slice(0, 40)} is not a limit; there are ${NAMES.join(', ')}`)
  for (const name of NAMES) {
    if (limits[name] === undefined) continue
    checkAmounts(name, limits[name])
    const bounds = boundsOf(limits[name])
    for (const { id, prices, paid } of vaults) {
      if (prices && !bounds.has(prices.currency))
        throw invalid(
          `limits.${name} says nothing of ${prices.currency}, which vault ${id} is paid in; add an amount in ${prices.currency} to the list`,
        )
      if (!prices && paid) throw invalid(`limits.${name} cannot bound vault ${id}, which is paid for and states no prices; give its prices`)
    }
  }
  return limits
}

function checkAmounts(name: (typeof NAMES)[number], limit: unknown): void {
  const given: readonly unknown[] = Array.isArray(limit) ? limit : [limit]
  const currencies = new Set<string>()
  for (const money of given) {
    const { amount, currency } = (typeof money === 'object' && money !== null ? money : {}) as { amount?: unknown; currency?: unknown }
    if (typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0 || typeof currency !== 'string' || currency === '')
      throw invalid(`limits.${name} must be { "amount": 10, "currency": "USD" }, or a list of such with one amount per currency`)
    if (currencies.has(currency)) throw invalid(`limits.${name} names ${currency} twice; give one amount per currency`)
    currencies.add(currency)
  }
}

const invalid = (message: string) => new ConfigError('invalid', message)

/** A limit that stands in the way, in one sentence with its numbers. */
export function limitText({ limit, currency, allowed, spent = 0, storage = 0, reserved = 0, needed }: LimitExceeded): string {
  if (limit === 'perPut')
    return `it would cost ${needed} ${currency} up front and in its first month, and limits.perPut allows ${allowed} ${currency}`
  const held = reserved > 0 ? `, ${reserved} are reserved by work that is under way` : ''
  return (
    `it would cost ${needed} ${currency} up front and in its first month; limits.perMonth allows ${allowed} ${currency}, of which ${spent} were spent this ` +
    `month${held}, and a month of what is stored takes ${storage}`
  )
}
