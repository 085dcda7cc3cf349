/** `perdure filecoin balance` and `perdure filecoin fund` */
import type { Command } from 'commander'
import { ConfigError } from '../../errors.ts'
import type { Balance, FilecoinOptions, Funded, FundPlan } from '../../vaults/filecoin.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'

export function filecoinCommand(program: Command, run: Run): void {
  const filecoin = program.command('filecoin').description('what only Filecoin has')
  filecoin
    .command('balance')
    .description('what the payers of the Filecoin vaults have, what they spend, and how long it lasts')
    .argument('[vault]', 'one vault; default all of them')
    .action(run(balance))
  filecoin
    .command('fund')
    .description('have so much USDFC free in the deposit, and let the storage service take it')
    .argument('<amount>', "in USDFC, e.g. '5' or '2.5'")
    .argument('[vault]', 'which vault; needed where there are several')
    .option('--plan', 'show what would be sent, and send nothing')
    .action(run(fund))
}

async function optionsOf({ config }: CommandContext, id: string | undefined): Promise<readonly FilecoinOptions[]> {
  const { vaults = [] } = await config()
  const specs = vaults.filter(({ type, options }) => type === 'filecoin' && (id === undefined || (options.id ?? 'filecoin') === id))
  if (specs.length > 0) return specs.map(({ options }) => options as unknown as FilecoinOptions)
  const which = id === undefined ? 'the configuration has no vault of type filecoin' : `no vault of type filecoin is called ${id}`
  throw new ConfigError('not-found', `${which}; add one to "vaults"`)
}

async function balance(context: CommandContext, id?: string): Promise<ExitCode> {
  const { reporter, signal } = context
  const { filecoinBalance } = await import('../../vaults/filecoin.ts')
  const payers: (Balance & { readonly vault: string })[] = []
  for (const options of await optionsOf(context, id))
    payers.push({ vault: options.id ?? 'filecoin', ...(await filecoinBalance(options, { signal })) })
  await reporter.result(
    { payers },
    {
      lines: () => payers.flatMap(({ vault, text: [payer = '', ...lines] }) => [`${vault}: ${payer}`, ...lines.map((line) => `  ${line}`)]),
      quiet: () => payers.map(({ free }) => free),
    },
  )
  return EXIT.ok
}

async function fund(
  context: CommandContext,
  amount: string,
  id: string | undefined,
  { plan = false }: { readonly plan?: boolean },
): Promise<ExitCode> {
  const { reporter, signal } = context
  const [options, ...others] = await optionsOf(context, id)
  if (!options || others.length > 0)
    throw new ConfigError('invalid', 'there are several vaults of type filecoin; name the one whose payer is to be funded')
  const { fundFilecoin, planFilecoinFunding } = await import('../../vaults/filecoin.ts')
  const done: FundPlan & Partial<Funded> = plan
    ? await planFilecoinFunding(options, amount, { signal })
    : await fundFilecoin(options, amount, { signal })
  const { deposit, approve, text } = done
  await reporter.result(
    {
      planned: plan,
      deposits: deposit !== undefined,
      approves: approve !== undefined,
      depositHash: done.depositHash,
      approveHash: done.approveHash,
      text,
    },
    { lines: () => [...text, ...(plan ? ['nothing was sent'] : [])], quiet: () => [] },
  )
  return EXIT.ok
}
