/** `perdure metrics` */
import { type Command, Option } from 'commander'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { printable } from '../format.ts'
import { writeTextfile } from '../textfile.ts'

interface Options {
  readonly textfile?: string
  readonly format: 'prometheus' | 'openmetrics'
}

export function metricsCommand(program: Command, run: Run): void {
  program
    .command('metrics')
    .description('what monitoring wants to know, without asking any vault')
    .option(
      '--textfile <path>',
      'write it there whole or not at all, for the textfile collector of node_exporter; the name must end in .prom',
    )
    .addOption(new Option('--format <format>', 'text format').choices(['prometheus', 'openmetrics']).default('prometheus'))
    .action(run(metrics))
}

async function metrics(context: CommandContext, { textfile, format }: Options): Promise<ExitCode> {
  const text = await (await context.archive()).metrics({ format })
  if (textfile !== undefined) {
    const path = await writeTextfile(context.cwd, textfile, text)
    await context.reporter.result({ path }, { lines: () => [`wrote ${printable(path)}`] })
    return EXIT.ok
  }
  const lines = () => text.trimEnd().split('\n')
  await context.reporter.result({ format, metrics: text }, { lines, quiet: lines })
  return EXIT.ok
}
