/** The payer of a vault that is configured, for whoever asks for its money and not for its packs. */
import type { AbortOptions } from '../../contracts.ts'
import { type Balance, balanceOf } from './balance.ts'
import { connected } from './connect.ts'
import { type Funded, type Funding, type FundPlan, fund, fundPlan } from './fund.ts'
import { type FilecoinOptions, settingsOf } from './options.ts'
import type { ChainReader } from './port.ts'

/** No piece is ever hashed for that. */
async function purseOf(options: FilecoinOptions): Promise<Omit<Funding, 'chain'> & { readonly chain: ChainReader }> {
  const settings = settingsOf(options, () => Promise.reject(new TypeError('a purse hashes no piece')))
  const { reader: chain, writer } = await connected(settings)
  return { chain, writer, settings }
}

/** What the payer has, spends and lets the service do. */
export const filecoinBalance = async (options: FilecoinOptions, { signal }: AbortOptions = {}): Promise<Balance> =>
  balanceOf((await purseOf(options)).chain, { signal })

/** What `fundFilecoin` would send. */
export const planFilecoinFunding = async (options: FilecoinOptions, amount: string, { signal }: AbortOptions = {}): Promise<FundPlan> =>
  fundPlan(await purseOf(options), amount, { signal })

/**
 * Sees to it that `amount` USDFC are free in the deposit and that the service may spend them; resolves when that was mined. What is there already is not
 * sent again.
 */
export const fundFilecoin = async (options: FilecoinOptions, amount: string, { signal }: AbortOptions = {}): Promise<Funded> =>
  fund(await purseOf(options), amount, { signal })
