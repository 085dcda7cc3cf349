/** Sums over what is planned to be read. */
import type { AuditPlan, AuditPurpose, PlannedReads } from '../contracts/audit.ts'
import type { Money } from '../contracts/prices.ts'
import { DUE_SHARE } from './cadence.ts'

export const MONTH_DAYS = 30

/** In the order in which the budget is given out. */
export const PURPOSES: readonly AuditPurpose[] = ['survey', 'structure', 'rotation']

/** How often a month something is done that is due at two thirds of so many days. */
export const timesAMonth = (days: number): number => MONTH_DAYS / (days * DUE_SHARE)

export function sumOf(reads: readonly PlannedReads[]): AuditPlan['total'] {
  return {
    reads: reads.reduce((sum, one) => sum + one.reads, 0),
    requests: reads.reduce((sum, one) => sum + one.requests, 0),
    bytes: reads.reduce((sum, one) => sum + one.bytes, 0),
    money: moneyOf(reads.flatMap(({ money }) => (money ? [money] : []))),
  }
}

/** One sum per currency. */
export function moneyOf(amounts: readonly Money[]): readonly Money[] {
  const sums = new Map<string, number>()
  for (const { amount, currency } of amounts) sums.set(currency, (sums.get(currency) ?? 0) + amount)
  return [...sums].map(([currency, amount]) => ({ amount, currency }))
}
