/** What a transaction costs, and whether the wallet has it, by the word of several nodes. Nothing is paid here. */
import type { AbortOptions, Quote } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { arOf, middle, winstonIn } from './amount.ts'
import { ask, askAll, type GatewayNode, type Network, textOf, worstOf } from './network.ts'
import type { Settings } from './options.ts'

/** The middle of what the nodes ask for so many bytes, in winston. */
export const priceOf = (network: Network, byteLength: number, options: AbortOptions): Promise<bigint> =>
  sumOf(network, { path: `/price/${byteLength}`, doing: `asking for the price of ${byteLength} bytes` }, options)

/** The middle of what the nodes believe a wallet to have, in winston. */
export const balanceOf = (network: Network, address: string, options: AbortOptions): Promise<bigint> =>
  sumOf(network, { path: `/wallet/${address}/balance`, doing: `asking for the balance of ${address}` }, options)

async function sumOf(
  network: Network,
  { path, doing }: { readonly path: string; readonly doing: string },
  { signal }: AbortOptions,
): Promise<bigint> {
  const sum = async (node: GatewayNode) => {
    const answer = await ask(node, { path, doing, signal })
    const winston = answer.status === 200 ? winstonIn(textOf(answer)) : undefined
    if (winston === undefined)
      throw new VaultError('unreachable', node.id, `${doing}: ${node.host} names no sum; try again later, or with another gateway`)
    return winston
  }
  const { heard, failed } = await askAll(network, sum, { signal })
  const found = middle(heard.map(({ value }) => value))
  if (found !== undefined) return found
  throw worstOf(failed) ?? new VaultError('unreachable', network.id, `${doing}: no gateway answered`)
}

/** With the margin. */
export async function quoteOf({ network, marginPercent }: Settings, byteLength: number, options: AbortOptions): Promise<Quote> {
  const amount = withMargin(await priceOf(network, byteLength, options), marginPercent)
  return { amount: arOf(amount), currency: 'AR', per: 'once' }
}

/** Rounded up. */
export const withMargin = (price: bigint, percent: number): bigint => {
  const share = BigInt(Math.round(percent * 100))
  return price + (price * share + 9_999n) / 10_000n
}

/** What will be offered for so many bytes: the price with its margin, within the limit. Throws `exhausted` beyond it. */
export async function rewardFor(settings: Settings, byteLength: number, options: AbortOptions): Promise<bigint> {
  const { id, network, marginPercent, maxPrice } = settings
  const price = await priceOf(network, byteLength, options)
  if (maxPrice !== undefined && price > maxPrice)
    throw new VaultError(
      'exhausted',
      id,
      `${byteLength} bytes cost ${arOf(price)} AR now, and maxPrice is ${arOf(maxPrice)} AR; wait for a lower price or raise it`,
    )
  const reward = withMargin(price, marginPercent)
  return maxPrice !== undefined && reward > maxPrice ? maxPrice : reward
}

/** Throws `exhausted` with what is missing. */
export async function assertFunds({ id, network }: Settings, address: string, reward: bigint, options: AbortOptions): Promise<void> {
  const balance = await balanceOf(network, address, options)
  if (balance >= reward) return
  throw new VaultError(
    'exhausted',
    id,
    `wallet ${address} has ${arOf(balance)} AR, this pack costs ${arOf(reward)} AR; send it ${arOf(reward - balance)} AR more`,
  )
}
