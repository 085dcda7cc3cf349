/** `perdure rm ROOT…` */
import type { Command } from 'commander'
import type { RemoveReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { type ErrorView, viewError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable } from '../format.ts'
import { parseRoot } from '../reference.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

interface Failure {
  readonly root: string
  readonly error: Omit<ErrorView, 'causes'>
}

export function rmCommand(program: Command, run: Run): void {
  program
    .command('rm')
    .description('forget objects, delete what no other object needs where vaults can forget, and name what stays')
    .argument('<root...>', 'objects')
    .action(run(rm))
}

/** One object that cannot be removed does not keep the others. */
async function rm(context: CommandContext, roots: readonly string[]): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  const list = reporter.list<RemoveReport | Failure>('objects', {}, { lines: (report, style) => lines(report, style) })
  let code: ExitCode = EXIT.ok
  for (const text of roots) {
    const root = parseRoot(text)
    try {
      await list.item(await archive.rm(root, { signal }))
    } catch (error) {
      signal.throwIfAborted()
      const { causes: _, ...view } = viewError(error)
      await list.item({ root, error: view })
      code = EXIT.failed
    }
  }
  await list.end({})
  return code
}

function lines(report: RemoveReport | Failure, style: Style): string[] {
  if ('error' in report) return [`${style.red('failed')}  ${printable(report.root)}: ${printable(report.error.message)}`]
  const freed = report.removed.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return [
    `${style.green('removed')}  ${report.root}  ${style.dim(`${count(report.removed.length, 'replica')}, ${formatBytes(freed)}`)}`,
    ...atMost(20, report.kept, (pack) => `  ${style.yellow('kept')}  ${where(pack)}: ${printable(pack.reason)}`),
  ]
}
