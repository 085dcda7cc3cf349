/** `perdure prune` */
import type { Command } from 'commander'
import type { PruneReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

interface Options {
  readonly plan?: boolean
}

export function pruneCommand(program: Command, run: Run): void {
  program
    .command('prune')
    .description('delete packs that no object needs any more')
    .option('--plan', 'show what would be deleted; change nothing')
    .action(run(prune))
}

async function prune(context: CommandContext, { plan = false }: Options): Promise<ExitCode> {
  const report = await (await context.archive()).prune({ plan, signal: context.signal })
  await context.reporter.result(report, { lines: (style) => lines(report, style) })
  return EXIT.ok
}

function lines({ planned, removed, kept }: PruneReport, style: Style): string[] {
  const bytes = removed.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const summary =
    removed.length === 0
      ? 'nothing to prune'
      : `${planned ? 'would delete' : 'deleted'} ${count(removed.length, 'replica')}, ${formatBytes(bytes)}`
  return [
    ...atMost(
      20,
      removed,
      (pack) => `  ${planned ? style.cyan('planned') : style.green('deleted')}  ${where(pack)}: ${printable(pack.reason)}`,
    ),
    ...atMost(20, kept, (pack) => `  ${style.yellow('kept')}  ${where(pack)}: ${printable(pack.reason)}`),
    summary,
  ]
}
