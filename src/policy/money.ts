/** Exact sums of money: whole numbers of 10^-18 of a currency, and never two currencies in one sum. */
import type { Money } from '../contracts/prices.ts'
import { PolicyError } from '../errors.ts'

const DIGITS = 18
/** One unit of a currency. */
export const UNIT = 10n ** BigInt(DIGITS)

/** Amounts by currency. */
export type Purse = ReadonlyMap<string, bigint>

export const EMPTY: Purse = new Map()

/** The exact value of a decimal number; digits beyond the 18th are rounded up. Throws PolicyError `invalid` for what is none. */
export function unitsOf(value: number | string): bigint {
  const text = typeof value === 'number' ? plainText(value) : value.trim()
  const [, sign, whole = '', part = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text) ?? []
  if (sign === undefined || whole + part === '')
    throw new PolicyError('invalid', `${text.slice(0, 40)} is not an amount; give a decimal number`)
  const digits = BigInt(whole + part)
  const places = DIGITS - part.length + Number(exponent)
  const size = places >= 0 ? digits * 10n ** BigInt(places) : ceilDiv(digits, 10n ** BigInt(-places))
  return sign === '-' ? -size : size
}

/** The shortest text that names a finite double, which may have an exponent. */
function plainText(value: number): string {
  if (!Number.isFinite(value)) throw new PolicyError('invalid', `${value} is not an amount; give a finite number`)
  return String(value)
}

/** The decimal text of an exact amount, without superfluous zeros. */
export function textOf(units: bigint): string {
  const size = units < 0n ? -units : units
  const part = (size % UNIT).toString().padStart(DIGITS, '0').replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${size / UNIT}${part === '' ? '' : `.${part}`}`
}

/** The double nearest to an exact amount. */
export const amountOf = (units: bigint): number => Number(textOf(units))

/** Rounded toward the larger number. */
export function ceilDiv(units: bigint, by: bigint): bigint {
  const quotient = units / by
  return units > 0n && units % by !== 0n ? quotient + 1n : quotient
}

export function purseOf(amounts: Iterable<readonly [currency: string, units: bigint]>): Purse {
  const sums = new Map<string, bigint>()
  for (const [currency, units] of amounts) if (units !== 0n) sums.set(currency, (sums.get(currency) ?? 0n) + units)
  return sums
}

export const joined = (...purses: readonly Purse[]): Purse => purseOf(purses.flatMap((purse) => [...purse]))

/** By currency, in alphabetical order. */
export function moneyOf(purse: Purse): readonly Money[] {
  return [...purse]
    .filter(([, units]) => units !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, units]) => ({ amount: amountOf(units), currency }))
}
