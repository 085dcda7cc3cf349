/** `perdure renew [ROOT]` */
import type { Command } from 'commander'
import type { RenewAction, RenewReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { count, printable } from '../format.ts'
import { gather, parseCount, parseMoment } from '../options.ts'
import { parseReference } from '../reference.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

interface Options {
  readonly plan?: boolean
  readonly lead?: number
  readonly until?: Date
  readonly vault?: readonly string[]
}

export function renewCommand(program: Command, run: Run): void {
  program
    .command('renew')
    .description('extend locks and terms before they lapse; never shortens one')
    .argument('[root]', 'one object; default everything that is in use')
    .option('--lead <days>', 'renew what lapses within so many days; default a third of the term, at most 30', parseCount)
    .option('--until <date>', 'renew to this date, e.g. 2030-01-01; default one term of the vault from now', parseMoment)
    .option('--vault <id>', 'only in this vault (repeatable)', gather)
    .option('--plan', 'show what would be renewed; change nothing')
    .action(run(renew))
}

async function renew(context: CommandContext, text: string | undefined, options: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const root = text === undefined ? undefined : parseReference(text).root
  const archive = await context.archive()
  const { plan, lead: leadDays, until, vault: vaults } = options
  const report = await archive.renew(root, { signal, plan, leadDays, until, vaults })
  await reporter.result(report, { lines: (style) => lines(report, style) })
  return exitCodeOfRenewal(report)
}

/** Work found by `--plan` and what failed is degraded; unknown when all that failed did not answer. */
export function exitCodeOfRenewal({ planned, actions }: RenewReport): ExitCode {
  const failed = actions.filter(({ outcome }) => outcome === 'failed')
  if (failed.length > 0) return failed.every(({ code }) => code === 'unreachable') ? EXIT.unknown : EXIT.degraded
  return planned && actions.length > 0 ? EXIT.degraded : EXIT.ok
}

function lines({ planned, actions, lasting }: RenewReport, style: Style): string[] {
  const lasts = lasting === 0 ? [] : [`${count(lasting, 'replica')} ${lasting === 1 ? 'lasts' : 'last'} long enough`]
  if (actions.length === 0) return lasts.length > 0 ? lasts : ['Nothing here has a term or a lock.']
  const hint = planned ? ['Run without --plan to renew them.'] : []
  return [...actions.map((action) => actionLine(action, style)), ...lasts, ...hint]
}

function actionLine({ outcome, vault, pack, from, until, detail }: RenewAction, style: Style): string {
  const paint = outcome === 'renewed' ? style.green : outcome === 'failed' ? style.red : style.cyan
  const span = from === undefined ? `to ${until}` : `from ${from} to ${until}`
  return `  ${paint(outcome)}  ${where({ pack, vault })} ${printable(span)}${detail === undefined ? '' : `: ${printable(detail)}`}`
}
