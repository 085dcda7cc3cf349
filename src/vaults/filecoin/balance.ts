/** What a payer has, spends and lets the service do, in numbers and in lines for a person. */
import type { AbortOptions } from '../../contracts.ts'
import { DECIMALS, decimalOf, shownDown, shownUp } from './amount.ts'
import { limitText } from './fund.ts'
import { EPOCHS_PER_DAY, momentOf, owed, runwayDays } from './money.ts'
import type { ChainReader, Epoch, Funds, Hex, Price } from './port.ts'

const CENTURY_DAYS = 36_525n

/** Sums are decimal numbers of the token, exact. */
export interface Balance {
  readonly payer: Hex
  readonly chainId: number
  readonly symbol: string
  readonly wallet: string
  /** FIL. */
  readonly gas: string
  readonly deposited: string
  /** Of it not locked up. */
  readonly free: string
  /** What was stored since the deposit was used up. */
  readonly owed: string
  readonly perMonth: string
  /** Absent: nothing is spent. */
  readonly paidUntil?: Date
  readonly days?: number
  readonly approval: {
    readonly isApproved: boolean
    readonly perMonth: string
    readonly perMonthUsed: string
    readonly lockup: string
    readonly lockupUsed: string
  }
  readonly text: readonly string[]
}

export async function balanceOf(
  chain: Pick<ChainReader, 'payer' | 'chainId' | 'funds' | 'price' | 'epoch'>,
  { signal }: AbortOptions = {},
): Promise<Balance> {
  const [funds, price, epoch] = await Promise.all([chain.funds({ signal }), chain.price({ signal }), chain.epoch({ signal })])
  const { symbol, decimals, approval, fundedUntil, ratePerEpoch } = funds
  const sum = (amount: bigint) => decimalOf(amount, decimals)
  const month = (rate: bigint) => sum(rate * price.epochsPerMonth)
  const days = runwayDays(funds, epoch.number)
  return {
    payer: chain.payer,
    chainId: chain.chainId,
    symbol,
    wallet: sum(funds.wallet),
    gas: decimalOf(funds.gas, DECIMALS),
    deposited: sum(funds.deposited),
    free: sum(funds.available),
    owed: sum(owed(funds, epoch.number)),
    perMonth: month(ratePerEpoch),
    ...(fundedUntil !== undefined && { paidUntil: new Date(momentOf(fundedUntil, epoch)) }),
    ...(days !== undefined && { days }),
    approval: {
      isApproved: approval.isApproved,
      perMonth: month(approval.rateAllowance),
      perMonthUsed: month(approval.rateUsed),
      lockup: sum(approval.lockupAllowance),
      lockupUsed: sum(approval.lockupUsed),
    },
    text: [`payer ${chain.payer} on chain ${chain.chainId}`, ...linesOf(funds, price, epoch)],
  }
}

function linesOf(funds: Funds, price: Price, epoch: Epoch): readonly string[] {
  const { symbol, decimals, wallet, gas, deposited, available, ratePerEpoch, approval } = funds
  const down = (amount: bigint) => `${shownDown(amount, decimals)} ${symbol}`
  const month = (rate: bigint) => rate * price.epochsPerMonth
  const may = `${limitText(month(approval.rateAllowance), symbol, decimals)} a month and lock up ${limitText(approval.lockupAllowance, symbol, decimals)}`
  return [
    `wallet: ${down(wallet)}, and ${shownDown(gas, DECIMALS)} FIL for gas${gas === 0n ? ': send it some, without any it can do nothing' : ''}`,
    `deposit: ${down(deposited)}, ${shownDown(available, decimals)} of it free`,
    `spent: ${shownUp(month(ratePerEpoch), decimals)} ${symbol} a month${lastsText(funds, epoch)}`,
    approval.isApproved
      ? `approval: the service may take ${may}; ${shownUp(month(approval.rateUsed), decimals)} and ${shownUp(approval.lockupUsed, decimals)} are in use`
      : 'approval: none, so nothing can be stored; run `perdure filecoin fund AMOUNT`',
  ]
}

function lastsText(funds: Funds, epoch: Epoch): string {
  const { fundedUntil, ratePerEpoch, symbol, decimals } = funds
  if (fundedUntil === undefined || ratePerEpoch === 0n) return ''
  const debt = owed(funds, epoch.number)
  const day = new Date(momentOf(fundedUntil, epoch)).toISOString().slice(0, 10)
  const days = (fundedUntil - epoch.number) / EPOCHS_PER_DAY
  if (debt > 0n)
    return `, used up since ${day}, ${shownUp(debt, decimals)} ${symbol} owed; run \`perdure filecoin fund AMOUNT\` before what is stored is dropped`
  return days > CENTURY_DAYS ? ', which lasts for more than a century' : `, which lasts until ${day}, ${days} days`
}
