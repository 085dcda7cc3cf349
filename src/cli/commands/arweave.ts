/** `perdure arweave balance` */
import type { Command } from 'commander'
import { ConfigError } from '../../errors.ts'
import type { ArweaveOptions, WalletBalance } from '../../vaults/arweave.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns } from '../format.ts'

export function arweaveCommand(program: Command, run: Run): void {
  program
    .command('arweave')
    .description('what only Arweave has')
    .command('balance')
    .description('what the wallets of the Arweave vaults have to spend, by what their gateways say')
    .argument('[vault]', 'one vault; default all of them')
    .action(run(balance))
}

async function balance(context: CommandContext, id?: string): Promise<ExitCode> {
  const { reporter, signal } = context
  const { vaults = [] } = await context.config()
  const specs = vaults.filter(({ type, options }) => type === 'arweave' && (id === undefined || (options.id ?? 'arweave') === id))
  if (specs.length === 0) {
    const which = id === undefined ? 'the configuration has no vault of type arweave' : `no vault of type arweave is called ${id}`
    throw new ConfigError('not-found', `${which}; add one to "vaults"`)
  }
  const { balanceOfWallet } = await import('../../vaults/arweave.ts')
  const wallets: WalletBalance[] = []
  for (const { options } of specs) wallets.push(await balanceOfWallet(options as unknown as ArweaveOptions, { signal }))
  await reporter.result(
    { wallets },
    {
      lines: () => columns(wallets.map(({ vault, address, balance: sum }) => [vault, address, `${sum} AR`])),
      quiet: () => wallets.map(({ balance: sum }) => sum),
    },
  )
  return EXIT.ok
}
