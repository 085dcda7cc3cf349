/** The payer of a vault that is configured, for whoever asks for its money and not for its packs. */
import type { AbortOptions } from '../../contracts.ts'
import { type Balance, balanceOf } from './balance.ts'
import { chainReader } from './chain/read.ts'
import { chainWriter } from './chain/write.ts'
import { type Funded, type Funding, type FundPlan, fund, fundPlan } from './fund.ts'
import { accountOf } from './key.ts'
import { type FilecoinOptions, settingsOf } from './options.ts'
import { packages } from './packages.ts'

interface Purse extends Funding {
  readonly chain: Awaited<ReturnType<typeof chainReader>>
}

/** Reads the key; asks the chain nothing yet. */
async function purseOf(options: FilecoinOptions): Promise<Purse> {
  // No piece is ever hashed for that.
  const settings = settingsOf(options, () => Promise.reject(new TypeError('a purse hashes no piece')))
  const { id, rpc, timeoutMs, maxLagMs, clock, fetch } = settings
  const { chains } = await packages(id)
  const chain = typeof settings.chain === 'string' ? chains[settings.chain] : settings.chain
  const account = await accountOf(settings.key, id)
  const node = { id, rpc, chain, timeoutMs, fetch }
  return {
    chain: await chainReader({ ...node, payer: account.address, maxLagMs, clock }),
    writer: () => chainWriter({ ...node, account }),
    settings,
  }
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
