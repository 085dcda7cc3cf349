/** A payer's money put in order: so much free in the deposit, and a service that may take what it carries. */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import type { Limits } from './afford.ts'
import { shownDown, shownUp, unitsOf } from './amount.ts'
import { mined, type Waiting } from './mined.ts'
import { owed } from './money.ts'
import type { Approval, ChainReader, ChainWriter, Funds, Hex, Price } from './port.ts'

type Allowances = Pick<Approval, 'rateAllowance' | 'lockupAllowance' | 'maxLockupPeriod'>

/** What is to be sent; undefined: that much is there already. */
export interface FundPlan {
  readonly deposit: bigint | undefined
  readonly approve: Allowances | undefined
  /** For a person, a line for each. */
  readonly text: readonly string[]
}

export interface Funded extends FundPlan {
  readonly depositHash: Hex | undefined
  readonly approveHash: Hex | undefined
}

export interface Funding {
  readonly chain: Pick<ChainReader, 'payer' | 'funds' | 'price' | 'epoch' | 'transaction'>
  readonly writer: () => Promise<Pick<ChainWriter, 'deposit' | 'approve'>>
  readonly settings: Limits & Waiting
}

/** So many fees for new data sets fit into what may be locked up. */
const DATA_SETS = 10n

/**
 * What it takes for `amount` USDFC to be free in the deposit and for the service to be allowed to spend them. Sends nothing. Throws `invalid` for what is
 * no sum above zero, `exhausted` when the wallet has not as much.
 */
export async function fundPlan(
  { chain, settings }: Pick<Funding, 'chain' | 'settings'>,
  amount: string,
  { signal }: AbortOptions = {},
): Promise<FundPlan> {
  const { id, maxPrice } = settings
  const [funds, price, { number }] = await Promise.all([chain.funds({ signal }), chain.price({ signal }), chain.epoch({ signal })])
  const { symbol, decimals, wallet, available } = funds
  const wanted = unitsOf(id, 'the amount', amount, decimals)
  if (wanted === 0n) throw new VaultError('invalid', id, 'the amount is nothing; name a sum above zero')
  const missing = wanted + owed(funds, number) - available
  if (missing > wallet)
    throw new VaultError(
      'exhausted',
      id,
      `a deposit of ${shownUp(missing, decimals)} ${symbol} is missing, and wallet ${chain.payer} has ${shownDown(wallet, decimals)} ${symbol}; send it ${shownUp(missing - wallet, decimals)} ${symbol} more`,
    )
  const deposit = missing > 0n ? missing : undefined
  const used = funds.approval.rateUsed * price.epochsPerMonth
  const approve = allowancesFor(funds, price, maxPrice === undefined ? used + wanted : unitsOf(id, 'maxPrice', maxPrice, decimals))
  return { deposit, approve, text: [depositLine(funds, wanted, deposit), approveLine(funds, price, approve)] }
}

/** Sends what is missing and waits until it was mined; a second call sends nothing. */
export async function fund(funding: Funding, amount: string, { signal }: AbortOptions = {}): Promise<Funded> {
  const { chain, writer, settings } = funding
  const plan = await fundPlan(funding, amount, { signal })
  if (plan.deposit === undefined && plan.approve === undefined) return { ...plan, depositHash: undefined, approveHash: undefined }
  const { deposit, approve } = await writer()
  const depositHash = plan.deposit === undefined ? undefined : await deposit(plan.deposit, { signal })
  const approveHash = plan.approve && (await approve(plan.approve, { signal }))
  if (depositHash) await mined(chain, 'deposit', depositHash, settings, { signal })
  if (approveHash) await mined(chain, 'approval', approveHash, settings, { signal })
  return { ...plan, depositHash, approveHash }
}

/** To spend `monthly` in all, and to lock up what it locks up for that; undefined: it may. What it may already is never lessened. */
function allowancesFor({ approval }: Funds, { epochsPerMonth, perDataSet = 0n }: Price, monthly: bigint): Allowances | undefined {
  const { isApproved, rateUsed, lockupUsed } = approval
  const most = (a: bigint, b: bigint) => (a > b ? a : b)
  const rate = most((monthly + epochsPerMonth - 1n) / epochsPerMonth, rateUsed)
  const lockup = lockupUsed + (rate - rateUsed) * epochsPerMonth + DATA_SETS * perDataSet
  const allowances = {
    rateAllowance: most(rate, approval.rateAllowance),
    lockupAllowance: most(lockup, approval.lockupAllowance),
    maxLockupPeriod: most(epochsPerMonth, approval.maxLockupPeriod),
  }
  const isEnough =
    allowances.rateAllowance === approval.rateAllowance &&
    allowances.lockupAllowance === approval.lockupAllowance &&
    allowances.maxLockupPeriod === approval.maxLockupPeriod
  return isApproved && isEnough ? undefined : allowances
}

function depositLine({ symbol, decimals, available }: Funds, wanted: bigint, deposit: bigint | undefined): string {
  if (deposit === undefined) return `deposit: ${shownDown(available, decimals)} ${symbol} are free, nothing is missing`
  return `deposit: ${shownUp(deposit, decimals)} ${symbol} from the wallet, so that ${shownUp(wanted, decimals)} are free`
}

function approveLine({ symbol, decimals }: Funds, { epochsPerMonth }: Price, approve: Allowances | undefined): string {
  if (!approve) return 'approval: the service may take enough'
  const monthly = limitText(approve.rateAllowance * epochsPerMonth, symbol, decimals)
  return `approval: the service may take ${monthly} a month and lock up ${limitText(approve.lockupAllowance, symbol, decimals)}, at most a month ahead`
}

/** More than anybody has is no limit. */
export const limitText = (amount: bigint, symbol: string, decimals: number): string =>
  amount > 10n ** BigInt(decimals + 15) ? 'any sum' : `${shownUp(amount, decimals)} ${symbol}`
