/** `perdure cat ROOT[/path]` */
import { type Command, InvalidArgumentError } from 'commander'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { identityOption, parseSize } from '../options.ts'
import { parseReference } from '../reference.ts'

interface Options {
  readonly offset?: number
  readonly length?: number
}

export function catCommand(program: Command, run: Run): void {
  program
    .command('cat')
    .description('write a file, or a range of it, to standard output; only the blocks of the range are read')
    .argument('<root[/path]>', 'a file')
    .option('--offset <bytes>', 'first byte', parsePosition)
    .option('--length <bytes>', 'how many bytes; default to the end', parsePosition)
    .addOption(identityOption())
    .action(run(cat))
}

async function cat(context: CommandContext, text: string, { offset, length }: Options): Promise<ExitCode> {
  const { root, path } = parseReference(text)
  const archive = await context.archive()
  const range = offset === undefined && length === undefined ? undefined : { offset: offset ?? 0, length }
  const head = { root, ...(path === undefined ? {} : { path }), offset: offset ?? 0 }
  await context.reporter.bytes(archive.get(root, { path, range, signal: context.signal }), head)
  return EXIT.ok
}

function parsePosition(text: string): number {
  if (text.startsWith('-')) throw new InvalidArgumentError('It cannot be negative.')
  return parseSize(text)
}
