/** Asked before a put begins: is there money for it, may the service take it, and does the user's own limit allow it? */
import type { AbortOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { shownDown, shownUp, unitsOf } from './amount.ts'
import { advisedFor, freeFor, missingFor, monthlyWith, type Need, needOf, owed, type Refused, refusedFor } from './money.ts'
import type { ChainReader, Funds, Price, Rail } from './port.ts'

export interface Limits {
  readonly id: string
  /** Of all that is stored in the payer's name, for a month, in whole USDFC. */
  readonly maxPrice?: string | undefined
}

export interface AffordOptions extends AbortOptions {
  /** It costs the least price of a data set at least. */
  readonly isNewDataSet: boolean
  /** Of the data set that it goes to; without it the service's own lockup is taken, and that something is in it already. */
  readonly rail?: Pick<Rail, 'ratePerEpoch' | 'lockupPeriod'> | undefined
}

type Purse = Pick<ChainReader, 'payer' | 'funds' | 'price' | 'epoch'>

/** Resolves when a piece of so many bytes can be paid for. Throws `exhausted` or `denied` with what is missing and the call that mends it. */
export async function afford(chain: Purse, limits: Limits, byteLength: number, options: AffordOptions): Promise<void> {
  const { isNewDataSet, rail, signal } = options
  const [funds, price, epoch] = await Promise.all([chain.funds({ signal }), chain.price({ signal }), chain.epoch({ signal })])
  const need = needOf(price, byteLength, isNewDataSet ? 'new' : (rail ?? { ratePerEpoch: 1n, lockupPeriod: price.epochsPerMonth }))
  const piece = `a piece of ${byteLength} bytes${isNewDataSet ? ' in a new data set' : ''}`
  assertWithin(limits, funds, monthlyWith(funds, price, need), piece)
  const missing = missingFor(funds, need, epoch.number)
  const refused = refusedFor(funds, need)
  if (missing > 0n) throw new VaultError('exhausted', limits.id, shortOf(funds, { piece, need, debt: owed(funds, epoch.number), refused }))
  if (refused.length > 0) throw new VaultError('denied', limits.id, deniedOf(chain.payer, funds, price, need, refused, piece))
}

/** Throws `exhausted`, naming the limit, when a month would cost more. */
export function assertWithin({ id, maxPrice }: Limits, { symbol, decimals }: Funds, monthly: bigint, what: string): void {
  if (maxPrice === undefined || monthly <= unitsOf(id, 'maxPrice', maxPrice, decimals)) return
  throw new VaultError(
    'exhausted',
    id,
    `with ${what} a month costs ${shownUp(monthly, decimals)} ${symbol}, and maxPrice is ${maxPrice} ${symbol}; remove something or raise maxPrice`,
  )
}

interface Shortage {
  readonly piece: string
  readonly need: Need
  /** Of what was stored since the deposit was used up. */
  readonly debt: bigint
  readonly refused: readonly Refused[]
}

function shortOf(funds: Funds, { piece, need, debt, refused }: Shortage): string {
  const { symbol, decimals, available, wallet } = funds
  const up = (amount: bigint) => `${shownUp(amount, decimals)} ${symbol}`
  const what = debt > 0n ? `, ${up(debt)} of it owed` : ' to lock up'
  const lacks = advisedFor(funds, need) + debt - available - wallet
  const first = lacks > 0n ? `; the wallet has ${shownDown(wallet, decimals)} ${symbol}, send it ${up(lacks)} more, then run` : '; run'
  const also = refused.length > 0 ? ', which approves the service as well' : ''
  return `${piece} needs ${up(freeFor(funds, need) + debt)} of the deposit${what}, and ${shownDown(available, decimals)} ${symbol} are free${first} ${fundCall(funds, need)}${also}`
}

const fundCall = (funds: Funds, need: Need): string => `\`perdure filecoin fund ${shownUp(advisedFor(funds, need), funds.decimals)}\``

/** Asks for no deposit beyond the one that is there, which does. */
function approveCall(funds: Funds, need: Need): string {
  const advised = advisedFor(funds, need)
  return advised < funds.available ? fundCall(funds, need) : `\`perdure filecoin fund ${shownDown(funds.available, funds.decimals)}\``
}

function deniedOf(payer: string, funds: Funds, price: Price, need: Need, refused: readonly Refused[], piece: string): string {
  const { approval, symbol, decimals } = funds
  const month = (rate: bigint) => `${shownUp(rate * price.epochsPerMonth, decimals)} ${symbol} a month`
  const words: Readonly<Record<Refused, string>> = {
    operator: 'take anything',
    rate: `take ${month(approval.rateUsed + need.rate)} (it may ${month(approval.rateAllowance)})`,
    lockup: `lock up ${shownUp(approval.lockupUsed + need.lockup + need.fee, decimals)} ${symbol} (it may ${shownDown(approval.lockupAllowance, decimals)})`,
    period: `lock money up for ${need.lockupPeriod} epochs (it may ${approval.maxLockupPeriod})`,
  }
  const what = refused.map((reason) => words[reason]).join(', nor ')
  return `${piece}: ${payer} does not let the service ${what}; run ${approveCall(funds, need)}, which approves it`
}
