/** `perdure thaw ROOT` */
import { type Command, Option } from 'commander'
import type { ThawReport, ThawTier } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { formatBytes, printable } from '../format.ts'
import { gather, parseCount } from '../options.ts'
import { parseReference } from '../reference.ts'
import type { Style } from '../style.ts'
import { where } from '../views.ts'

interface Options {
  readonly days?: number
  readonly tier?: ThawTier
  readonly vault?: readonly string[]
}

export function thawCommand(program: Command, run: Run): void {
  program
    .command('thaw')
    .description('ask cold vaults to make an object readable, and tell how far they are; a restore may cost money')
    .argument('<root>', 'the object')
    .option('--days <days>', 'how long the restored copies are wanted; default 7', parseCount)
    .addOption(
      new Option('--tier <tier>', 'how quick it is and what it costs; default standard').choices(['bulk', 'standard', 'expedited']),
    )
    .option('--vault <id>', 'in this vault (repeatable); default one of those that hold it', gather)
    .action(run(thaw))
}

async function thaw(context: CommandContext, text: string, { days, tier, vault: vaults }: Options): Promise<ExitCode> {
  const { root } = parseReference(text)
  const archive = await context.archive()
  const report = await archive.thaw(root, { signal: context.signal, days, tier, vaults })
  await context.reporter.result(report, { lines: (style) => lines(report, style) })
  return exitCodeOfThaw(report)
}

/** Readable is 0, a restore that failed 3; what is still thawing cannot be known yet, so 4: run it again later. */
export function exitCodeOfThaw({ readable, replicas }: ThawReport): ExitCode {
  if (readable) return EXIT.ok
  return replicas.some(({ state }) => state === 'failed') ? EXIT.degraded : EXIT.unknown
}

function lines({ readable, replicas }: ThawReport, style: Style): string[] {
  const all = replicas.map(({ vault, pack, byteLength, state, until, detail }) => {
    const paint = state === 'readable' ? style.green : state === 'failed' ? style.red : style.cyan
    const stay = until === undefined ? '' : ` until ${printable(until)}`
    return `  ${paint(state)}${stay}  ${where({ pack, vault })} (${formatBytes(byteLength)})${detail === undefined ? '' : `: ${printable(detail)}`}`
  })
  const thawing = replicas.some(({ state }) => state === 'thawing')
  const hint = readable
    ? 'It can be read now.'
    : thawing
      ? 'A restore takes minutes to days; the same command tells how far it is.'
      : undefined
  return [...all, ...(hint === undefined ? [] : [hint])]
}
