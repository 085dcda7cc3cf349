/** Sums of AR. One AR is 10^12 winston, and the network counts in winston. */
import { VaultError } from '../../errors.ts'

const DECIMALS = 12
const AMOUNT = /^(\d{1,9})(?:\.(\d{1,12}))?$/
const WINSTON = /^\d{1,24}$/

/** AR as a decimal number, in winston. Throws `invalid`, naming the option. */
export function winstonOf(id: string, option: string, amount: string | number): bigint {
  const text = typeof amount === 'number' ? decimal(amount) : amount
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? []
  if (whole === undefined)
    throw new VaultError('invalid', id, `${option} must be a sum of AR, a decimal number such as '0.5' with at most ${DECIMALS} places`)
  return BigInt(whole) * 10n ** BigInt(DECIMALS) + BigInt(fraction.padEnd(DECIMALS, '0'))
}

/** Winston as AR, without zeros that say nothing: `0.25`. */
export function arOf(winston: bigint): string {
  const digits = winston.toString().padStart(DECIMALS + 1, '0')
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '')
  return fraction === '' ? digits.slice(0, -DECIMALS) : `${digits.slice(0, -DECIMALS)}.${fraction}`
}

/** What a node answers to a question for a sum; undefined where it is none. */
export function winstonIn(text: string): bigint | undefined {
  const trimmed = text.trim()
  return WINSTON.test(trimmed) ? BigInt(trimmed) : undefined
}

/** The middle one: neither a single liar nor one that lags behind moves it. Of two, the larger. */
export function middle(sums: readonly bigint[]): bigint | undefined {
  return sums.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))[Math.floor(sums.length / 2)]
}

/** No exponent, which `String` writes for small numbers. */
const decimal = (amount: number): string =>
  Number.isFinite(amount) && amount >= 0 ? amount.toFixed(DECIMALS).replace(/\.?0+$/, '') : 'not a number'
