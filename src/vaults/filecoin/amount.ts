/** Sums of a token, between its base units and the decimal number that a person reads. */
import { VaultError } from '../../errors.ts'

/** Of USDFC, and of FIL. */
export const DECIMALS = 18
/** More say nothing to a person. */
const SHOWN = 6

/** Exact, without zeros that say nothing: `0.25`. */
export function decimalOf(amount: bigint, decimals = DECIMALS): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${amount < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** For a person: what is there, never shown as more than it is. */
export const shownDown = (amount: bigint, decimals = DECIMALS): string => {
  const grain = grainOf(decimals)
  return decimalOf(amount - (((amount % grain) + grain) % grain), decimals)
}

/** For a person: what is needed, never shown as less than it is. */
export const shownUp = (amount: bigint, decimals = DECIMALS): string => shownDown(amount + grainOf(decimals) - 1n, decimals)

const grainOf = (decimals: number): bigint => 10n ** BigInt(Math.max(0, decimals - SHOWN))

/** Base units of a decimal number. Throws `invalid`, naming what it was given as. */
export function unitsOf(id: string, name: string, text: string, decimals = DECIMALS): bigint {
  const [, whole, fraction = ''] = /^(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length > decimals)
    throw new VaultError('invalid', id, `${name} must be a sum, a decimal number such as '2.5' with at most ${decimals} places`)
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, '0'))
}
