/** What one more piece costs, and whether deposit, approval and limits cover it: arithmetic alone, which rounds against us. */
import type { Funds, Price, Rail } from './port.ts'

const TIB = 1n << 40n
const LEAF_BYTES = 32n
/** 127 bytes, which four leaves hold. */
const LEAST_LEAVES = 4n
/** How long a provider may take to send its transaction while the deposit goes on being spent: half an hour. */
const PATIENCE_EPOCHS = 60n
export const EPOCHS_PER_DAY = 2880n
export const EPOCH_MS = 30_000

/** What the chain locks up and takes for a piece once it is there. */
export interface Need {
  /** More, in an epoch. */
  readonly rate: bigint
  /** To be locked up more, of what is free in the deposit. */
  readonly lockup: bigint
  /** Taken at once. */
  readonly fee: bigint
  /** Epochs. */
  readonly lockupPeriod: bigint
}

/** Bytes as the contract counts them: whole leaves after Fr32 padding, which makes 128 of every 127. */
export function countedBytes(byteLength: number): bigint {
  const leaves = (BigInt(byteLength) * 4n + 126n) / 127n
  return LEAF_BYTES * (leaves > LEAST_LEAVES ? leaves : LEAST_LEAVES)
}

const ceil = (a: bigint, b: bigint): bigint => (a + b - 1n) / b
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** Where a piece is to go: a data set of its own, or one that is paid for by that rail. */
export type Home = Pick<Rail, 'ratePerEpoch' | 'lockupPeriod'> | 'new'

/**
 * Of a piece of so many bytes. In a data set that is paid for already its own size counts, at most: what was below the least price goes on filling it up.
 * One that holds nothing costs nothing until then. A new one locks up for a month, as the service has it.
 */
export function needOf(price: Price, byteLength: number, home: Home): Need {
  const bySize = ceil(price.perTiBMonth * countedBytes(byteLength), TIB * price.epochsPerMonth)
  const least = ceil(price.leastPerMonth, price.epochsPerMonth)
  const rate = home === 'new' || home.ratePerEpoch === 0n ? max(bySize, least) : bySize
  const lockupPeriod = home === 'new' ? price.epochsPerMonth : home.lockupPeriod
  return { rate, lockup: rate * lockupPeriod, fee: (home === 'new' && price.perDataSet) || 0n, lockupPeriod }
}

/** What so many bytes cost a month, with the least that a data set costs where they need one of their own. */
export function monthly(price: Price, byteLength: number, { isNewDataSet }: { readonly isNewDataSet: boolean }): bigint {
  const bySize = ceil(price.perTiBMonth * countedBytes(byteLength), TIB)
  return isNewDataSet ? max(bySize, price.leastPerMonth) : bySize
}

/** What everything costs in a month, with that piece. */
export const monthlyWith = (funds: Funds, price: Price, need: Need): bigint => (funds.ratePerEpoch + need.rate) * price.epochsPerMonth

/** So much of the deposit has to be free before the piece is posted: it covers its lockup also when the provider takes its time. */
export const freeFor = (funds: Funds, need: Need): bigint => need.lockup + need.fee + (funds.ratePerEpoch + need.rate) * PATIENCE_EPOCHS

/** So much should be free when it is asked for: the piece may also be posted a day later. */
export const advisedFor = (funds: Funds, need: Need): bigint => freeFor(funds, need) + (funds.ratePerEpoch + need.rate) * EPOCHS_PER_DAY

/** What the deposit lacks; zero: nothing. What is owed already counts. */
export function missingFor(funds: Funds, need: Need, epoch: bigint): bigint {
  const missing = freeFor(funds, need) + owed(funds, epoch) - funds.available
  return missing > 0n ? missing : 0n
}

/** What was stored since the deposit was used up: the payments contract settles that first. */
export function owed({ fundedUntil, ratePerEpoch }: Funds, epoch: bigint): bigint {
  return fundedUntil !== undefined && fundedUntil < epoch ? (epoch - fundedUntil) * ratePerEpoch : 0n
}

/** What the payer has to let the service do for that, and does not. */
export type Refused = 'operator' | 'rate' | 'lockup' | 'period'

/** Empty: it may. */
export function refusedFor({ approval }: Funds, need: Need): readonly Refused[] {
  if (!approval.isApproved) return ['operator']
  const refused: Refused[] = []
  if (approval.rateUsed + need.rate > approval.rateAllowance) refused.push('rate')
  if (approval.lockupUsed + need.lockup + need.fee > approval.lockupAllowance) refused.push('lockup')
  if (need.lockupPeriod > approval.maxLockupPeriod) refused.push('period')
  return refused
}

/** How many days the deposit lasts, whole ones; undefined: for ever, nothing is being spent. */
export function runwayDays({ fundedUntil }: Pick<Funds, 'fundedUntil'>, epoch: bigint): number | undefined {
  if (fundedUntil === undefined) return undefined
  return fundedUntil > epoch ? Number((fundedUntil - epoch) / EPOCHS_PER_DAY) : 0
}

/** The first epoch that does not begin before that moment. */
export function epochAt(at: number, { number, at: now }: { readonly number: bigint; readonly at: number }): bigint {
  return number + BigInt(Math.ceil((at - now) / EPOCH_MS))
}

/** What a Date holds at most. */
const LAST_MOMENT = 8.64e15

/** When an epoch begins, in milliseconds since 1970. */
export function momentOf(epoch: bigint, { number, at }: { readonly number: bigint; readonly at: number }): number {
  return Math.min(at + Number(epoch - number) * EPOCH_MS, LAST_MOMENT)
}
