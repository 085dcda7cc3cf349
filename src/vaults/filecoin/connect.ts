/** The chain for one payer, as it is read and as it is written to. */
import { chainReader } from './chain/read.ts'
import { chainWriter, type WriterOptions } from './chain/write.ts'
import { accountOf } from './key.ts'
import type { Settings } from './options.ts'
import { packages } from './packages.ts'
import type { ChainReader, ChainWriter } from './port.ts'

export interface Connected {
  readonly reader: ChainReader
  readonly writer: (options?: Pick<WriterOptions, 'onSigned'>) => Promise<ChainWriter>
}

/** Loads the packages and reads the key; asks the chain nothing yet. */
export async function connected(settings: Settings): Promise<Connected> {
  const { id, rpc, timeoutMs, maxLagMs, clock, fetch } = settings
  const { chains } = await packages(id)
  const chain = typeof settings.chain === 'string' ? chains[settings.chain] : settings.chain
  const account = await accountOf(settings.key, id)
  const node = { id, rpc, chain, timeoutMs, fetch }
  return {
    reader: await chainReader({ ...node, payer: account.address, maxLagMs, clock }),
    writer: (options = {}) => chainWriter({ ...node, account, ...options }),
  }
}
