/** Sums of money as a person reads them. */
import type { LimitExceeded, Money } from '../contracts.ts'
import { printable } from './format.ts'

/** `12.34 USD`; what is below a cent keeps two digits that say something. */
export function formatMoney({ amount, currency }: Money): string {
  const size = Math.abs(amount)
  const digits = size === 0 || size >= 0.01 ? 2 : Math.min(18, 1 - Math.floor(Math.log10(size)))
  return `${amount.toFixed(digits)} ${printable(currency)}`
}

/** Several currencies beside each other, never added up; nothing is `nothing`. */
export const formatMoneys = (sums: readonly Money[]): string => (sums.length === 0 ? 'nothing' : sums.map(formatMoney).join(' + '))

/** A limit that stands in the way, with its numbers. */
export function limitLine({ limit, currency, allowed, spent = 0, storage = 0, reserved = 0, needed }: LimitExceeded): string {
  const money = (amount: number) => formatMoney({ amount, currency })
  const month = limit === 'perMonth' ? `; ${money(spent)} spent, ${money(reserved)} reserved, ${money(storage)} for storage` : ''
  return `limits.${limit} allows ${money(allowed)}, this needs ${money(needed)}${month}`
}
