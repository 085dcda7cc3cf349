/** `perdure drill` */
import type { Command } from 'commander'
import type { DrillEvent, DrillReport, DrillResult } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { count, formatBytes, formatDuration, printable } from '../format.ts'
import { gather, identityOption, parseCount, parseSize } from '../options.ts'
import type { Progress } from '../progress.ts'
import type { Style } from '../style.ts'

interface Options {
  readonly count?: number
  readonly bytes?: number
  readonly weighted?: boolean
  readonly seed?: string
  readonly vault?: readonly string[]
}

export function drillCommand(program: Command, run: Run): void {
  program
    .command('drill')
    .description('really restore objects drawn at random, compare what came with their roots, and clean up')
    .option('--count <objects>', 'how many, default 3', parseCount)
    .option('--bytes <size>', 'stop when so much was restored, e.g. 2GiB', parseSize)
    .option('--weighted', 'draw by size: each byte is as likely as any other, instead of each object')
    .option('--seed <hex>', 'draw as an earlier drill did')
    .option('--vault <id>', 'only from this vault, which must be enough by itself (repeatable: each for itself)', gather)
    .addOption(identityOption())
    .action(run(drill))
}

async function drill(context: CommandContext, { vault: vaults, ...options }: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  const report = await archive.drill({ ...options, vaults, signal, onProgress: onDrill(reporter.progress) })
  await reporter.result(report, { lines: (style) => lines(report, style) })
  return exitCodeOfDrill(report)
}

const UNKNOWN: ReadonlySet<string> = new Set(['unreachable', 'denied'])

/** 5 when something came back wrong or not at all, 4 when all that failed did not answer. */
export function exitCodeOfDrill({ results, failed }: Pick<DrillReport, 'results' | 'failed'>): ExitCode {
  if (failed === 0) return EXIT.ok
  return results.every(({ outcome, code }) => outcome !== 'failed' || UNKNOWN.has(code ?? '')) ? EXIT.unknown : EXIT.damaged
}

function lines(report: DrillReport, style: Style): string[] {
  const { results, restored, failed, skipped, byteLength, ms, bytesPerSecond, seed } = report
  if (results.length === 0) return ['There was nothing to restore.']
  const summary = [
    `${restored} restored and as their roots say`,
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ]
  return [
    ...results.map((result) => resultLine(result, style)),
    `${summary.join(', ')}: ${formatBytes(byteLength)} in ${formatDuration(ms)}, ${formatBytes(bytesPerSecond)} per second`,
    style.dim(`seed ${seed}`),
  ]
}

function resultLine({ root, vault, outcome, form, files, byteLength, ms, detail }: DrillResult, style: Style): string {
  const paint = outcome === 'restored' ? style.green : outcome === 'failed' ? style.red : style.yellow
  const from = vault === undefined ? '' : ` from ${printable(vault)} alone`
  const facts =
    outcome === 'restored' ? `${count(files, 'file')}, ${formatBytes(byteLength)} in ${formatDuration(ms)}` : printable(detail ?? '')
  return `  ${paint(outcome)}  ${root}${from}: ${facts}${form === 'ciphertext' ? style.dim(' · as ciphertext, no identity was given') : ''}`
}

function onDrill(progress: Progress): (event: DrillEvent) => void {
  return (event) => {
    if (event.type !== 'bytes-restored') return
    progress.phase('restoring')
    progress.advance(event.byteLength)
  }
}
