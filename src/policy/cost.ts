/** What use costs at given prices, and what storing something would cost in a vault. Exact: every line is rounded up once, sums are not rounded at all. */

import type { MonthOfCosts } from '../contracts/catalog-costs.ts'
import type { CostRow, LimitExceeded, Limits, Usage } from '../contracts/costs.ts'
import type { Money, VaultPrices } from '../contracts/prices.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { amountOf, ceilDiv, joined, type Purse, purseOf, unitsOf } from './money.ts'

const GIB = 1024n ** 3n
const THOUSAND = 1_000n

export const NOTHING: Usage = { writes: 0, reads: 0, storedBytes: 0, readBytes: 0, failed: 0 }

export function added(a: Usage, b: Usage): Usage {
  return {
    writes: a.writes + b.writes,
    reads: a.reads + b.reads,
    storedBytes: a.storedBytes + b.storedBytes,
    readBytes: a.readBytes + b.readBytes,
    failed: a.failed + b.failed,
  }
}

/** Requests that one put of so many bytes takes: one, or one per part and two around them. */
export function writesOf({ partBytes }: Pick<VaultProfile, 'partBytes'>, byteLength: number): number {
  return partBytes === undefined || byteLength <= partBytes ? 1 : Math.ceil(byteLength / partBytes) + 2
}

export const storedOnce = (prices: VaultPrices, byteLength: number): bigint => line(byteLength, prices.storagePerGiBOnce, GIB)
export const storedMonthly = (prices: VaultPrices, byteLength: number): bigint => line(byteLength, prices.storagePerGiBMonth, GIB)
export const readBack = (prices: VaultPrices, byteLength: number): bigint => line(byteLength, prices.egressPerGiB, GIB)

export function requested(prices: VaultPrices, { writes, reads }: Pick<Usage, 'writes' | 'reads'>): bigint {
  return line(writes, prices.writesPerThousand, THOUSAND) + line(reads, prices.readsPerThousand, THOUSAND)
}

/** What use costs once; storage by the month is not in it. */
export function spentOn(prices: VaultPrices | undefined, usage: Usage): bigint {
  return prices ? storedOnce(prices, usage.storedBytes) + readBack(prices, usage.readBytes) + requested(prices, usage) : 0n
}

/** Measured use at the prices of its time. */
export function spentIn(rows: Iterable<CostRow>): Purse {
  return purseOf([...rows].flatMap((row) => (row.prices ? [[row.prices.currency, spentOn(row.prices, row)] as const] : [])))
}

/** A month of storing what is held, at the prices of now. */
export function storageOf(held: MonthOfCosts['held'], pricesOf: (vault: string) => VaultPrices | undefined): Purse {
  return purseOf(
    held.flatMap(({ vault, byteLength }) => {
      const prices = pricesOf(vault)
      return prices ? [[prices.currency, storedMonthly(prices, byteLength)] as const] : []
    }),
  )
}

/** What a piece of work would cost: once, and in its first month of storage. */
export interface Bill {
  readonly once: Purse
  readonly monthly: Purse
}

export const billOf = (bills: Iterable<Bill>): Bill => {
  const all = [...bills]
  return { once: joined(...all.map(({ once }) => once)), monthly: joined(...all.map(({ monthly }) => monthly)) }
}

/** One bound per currency. */
export function boundsOf(limit: Limits[keyof Limits]): Purse {
  const given: readonly Money[] = limit === undefined ? [] : 'currency' in limit ? [limit] : limit
  return new Map(given.map(({ amount, currency }) => [currency, unitsOf(amount)]))
}

/** Does a limit forbid a bill? What no limit speaks of is not limited. `pricesOf` gives the prices of now. */
export function exceeded(
  limits: Limits,
  bill: Bill,
  known: { readonly month?: MonthOfCosts | undefined; readonly pricesOf: (vault: string) => VaultPrices | undefined },
): LimitExceeded | undefined {
  const needs = joined(bill.once, bill.monthly)
  for (const [currency, allowed] of boundsOf(limits.perPut)) {
    const needed = needs.get(currency) ?? 0n
    if (needed > allowed) return { limit: 'perPut', currency, allowed: amountOf(allowed), needed: amountOf(needed) }
  }
  const { month } = known
  if (!month) return undefined
  const spent = joined(spentIn(month.rows), purseOf(month.charges.map(({ amount, currency }) => [currency, unitsOf(amount)] as const)))
  const storage = storageOf(month.held, known.pricesOf)
  const reserved = purseOf(month.reserved.map(({ amount, currency }) => [currency, unitsOf(amount)] as const))
  for (const [currency, allowed] of boundsOf(limits.perMonth)) {
    const needed = needs.get(currency) ?? 0n
    const parts = [spent, storage, reserved].map((purse) => purse.get(currency) ?? 0n)
    if (needed === 0n || parts.reduce((sum, part) => sum + part, needed) <= allowed) continue
    const [spentThere = 0n, storedThere = 0n, reservedThere = 0n] = parts
    return {
      limit: 'perMonth',
      currency,
      allowed: amountOf(allowed),
      spent: amountOf(spentThere),
      storage: amountOf(storedThere),
      reserved: amountOf(reservedThere),
      needed: amountOf(needed),
    }
  }
  return undefined
}

/** `2026-11` of a moment. */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7)

/** So many at a price for `per` of them. */
function line(amount: number, price: number | undefined, per: bigint): bigint {
  return price === undefined || amount === 0 ? 0n : ceilDiv(BigInt(amount) * unitsOf(price), per)
}
