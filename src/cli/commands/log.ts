/** `perdure log`, `log verify`, `log export`, `log check` and `log publish` */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CheckedCheckpoint, HistoryReport, LogEntry, LoggedEntry, LogVerification, Receipt } from '../../contracts.ts'
import { FormatError } from '../../errors.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { atMost, count, formatBytes, printable, short } from '../format.ts'
import { gather, parseCount } from '../options.ts'
import type { Style } from '../style.ts'

/** A receipt of a million replicas is far below this. */
const MAX_FILE_BYTES = 256 * 1024 * 1024

export function logCommand(program: Command, run: Run): void {
  const log = program
    .command('log')
    .description('the archive’s log of writes, repairs, renewals, shreddings and audits; offline')
    .option('--last <n>', 'only so many of the newest entries', parseCount)
    .action(run(show))
  log
    .command('verify')
    .description('hash the whole log anew and check it against checkpoints and receipts held elsewhere; offline')
    .option('--checkpoint <file>', 'a checkpoint held outside (repeatable)', gather)
    .option('--receipt <file>', 'a receipt as put printed it with --json (repeatable)', gather)
    .action(run(verify))
  log
    .command('export')
    .description('write entries, checkpoint and key so that anybody can verify them without perdure; offline')
    .option('-o, --output <folder>', 'where to', 'perdure-log')
    .action(run(exportTo))
  log.command('check').description('compare the log with the signed checkpoints in the vaults: notices an old catalog').action(run(check))
  log.command('publish').description('bring checkpoint and entries to every vault that lists and lacks them').action(run(publish))
}

async function offline(context: CommandContext) {
  const { openLog } = await import('../../flow/seldom.ts')
  return openLog((await context.config()).archive.path ?? resolve(context.cwd, '.perdure'))
}

async function show(context: CommandContext, { last }: { readonly last?: number }): Promise<ExitCode> {
  await using log = await offline(context)
  const { logEntries } = await import('../../flow/seldom.ts')
  const after = last === undefined ? -1 : Math.max(0, (await log.catalog.logSize()) - last) - 1
  const list = context.reporter.list<LoggedEntry>('entries', {}, { lines: (entry, style) => [entryLine(entry, style)], asked: true })
  for await (const entry of logEntries(log, { after, signal: context.signal })) await list.item(entry)
  await list.end({ size: await log.catalog.logSize() })
  return EXIT.ok
}

interface VerifyOptions {
  readonly checkpoint?: readonly string[]
  readonly receipt?: readonly string[]
}

async function verify(context: CommandContext, { checkpoint = [], receipt = [] }: VerifyOptions): Promise<ExitCode> {
  await using log = await offline(context)
  const { verifyLog } = await import('../../flow/seldom.ts')
  const checkpoints = await Promise.all(checkpoint.map((file) => readText(resolve(context.cwd, file))))
  const receipts = await Promise.all(receipt.map(async (file) => parseReceipt(await readText(resolve(context.cwd, file)), file)))
  const report = await verifyLog({ catalog: log.catalog, publicKey: log.key.publicKey }, { checkpoints, receipts, signal: context.signal })
  await context.reporter.result(report, { lines: (style) => verdictLines(report, style) })
  return report.valid ? EXIT.ok : EXIT.failed
}

async function exportTo(context: CommandContext, { output }: { readonly output: string }): Promise<ExitCode> {
  await using log = await offline(context)
  const { exportLog } = await import('../../flow/seldom.ts')
  const done = await exportLog(log, resolve(context.cwd, output), { signal: context.signal })
  const lines = [
    `log of ${done.size} in ${printable(done.entries)}`,
    `signed in ${printable(done.checkpoint)}, key in ${printable(done.key)}`,
  ]
  await context.reporter.result(done, { lines: () => lines })
  return EXIT.ok
}

async function check(context: CommandContext): Promise<ExitCode> {
  const report = await (await context.archive()).checkHistory({ signal: context.signal })
  await context.reporter.result(report, { lines: (style) => historyLines(report, style) })
  if (report.verdict === 'consistent') return EXIT.ok
  return report.verdict === 'unknown' ? EXIT.unknown : EXIT.failed
}

async function publish(context: CommandContext): Promise<ExitCode> {
  const report = await (await context.archive()).publishLog({ signal: context.signal })
  const where = report.published.length === 0 ? 'nothing was lacking' : `brought to ${report.published.map(printable).join(', ')}`
  const lines = (style: Style) => [
    `log of ${report.size}  ${where}`,
    ...report.failed.map((vault) => `  ${style.yellow('failed')}  ${printable(vault)} lacks some of it; publish again when it answers`),
  ]
  await context.reporter.result(report, { lines })
  return report.failed.length === 0 ? EXIT.ok : EXIT.unknown
}

function entryLine({ index, entry }: LoggedEntry, style: Style): string {
  return `${String(index).padStart(6)}  ${style.dim(printable(entry.at))}  ${printable(entry.kind)}  ${printable(said(entry))}`.trimEnd()
}

function said(entry: LogEntry): string {
  switch (entry.kind) {
    case 'write':
      return `${entry.root}  ${formatBytes(entry.byteLength)} ${entry.state}, ${count(entry.packCount, 'pack')} in ${entry.vaults.join(', ') || 'no vault yet'}`
    case 'repair':
      return `${entry.root}  ${entry.before} → ${entry.state}, ${count(entry.actionCount, 'action')}`
    case 'renew':
      return count(entry.renewals.length, 'replica')
    case 'shred':
      return `${entry.root}  ${entry.state}`
    case 'remove':
      return entry.root
    case 'recipients':
      return `${entry.root}  before: ${entry.previous}`
    case 'evacuate':
      return `${entry.vault}  ${count(entry.packs, 'pack')} to ${entry.to.join(', ')}`
    case 'recover':
      return `from ${entry.from.join(', ')}  ${count(entry.objects, 'object')}, freshness ${entry.freshness}`
    case 'audit':
      return `${count(entry.checks, 'check')}, ${count(entry.surveys.length, 'survey')}`
    default:
      return ''
  }
}

function verdictLines(report: LogVerification, style: Style): string[] {
  const word = report.valid ? style.green('valid') : style.red('not valid')
  return [
    `${word}  log of ${report.size}, root ${printable(report.root)}`,
    ...report.faults.map((fault) => `  ${style.red('fault')}  ${printable(fault)}`),
    ...report.checkpoints.map((one) => checkpointLine(one, style)),
    ...report.receipts.map(
      ({ root, valid, index, detail }) =>
        `  ${valid ? style.green('receipt holds') : style.red('receipt does not hold')}  ${printable(short(root))}${index === undefined ? '' : `, entry ${index}`}${detail === undefined ? '' : `: ${printable(detail)}`}`,
    ),
  ]
}

function checkpointLine({ verdict, size, detail }: CheckedCheckpoint, style: Style): string {
  const paint = verdict === 'consistent' ? style.green : style.red
  return `  ${paint(verdict)}  checkpoint${size === undefined ? '' : ` of ${size}`}${detail === undefined ? '' : `: ${printable(detail)}`}`
}

function historyLines(report: HistoryReport, style: Style): string[] {
  const paint = report.verdict === 'consistent' ? style.green : report.verdict === 'unknown' ? style.yellow : style.red
  return [
    `${paint(report.verdict)}  log of ${report.size}`,
    ...report.vaults.map(
      ({ vault, verdict, listed, unknown, detail }) =>
        `  ${printable(vault)}  ${verdict}, ${count(listed, 'index pack')}, ${unknown} unknown here${detail === undefined ? '' : `: ${printable(detail)}`}`,
    ),
    ...atMost(5, report.evidence, (one) => checkpointLine(one, style)),
    ...(report.verdict === 'rolled-back' || report.verdict === 'forked'
      ? ['  Nothing is entered or published from now on. `perdure recover` rebuilds the catalog; or put the newest one back.']
      : []),
  ]
}

async function readText(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_FILE_BYTES) throw new FormatError('limit', `${path} is too large to be a checkpoint or a receipt`)
  return readFile(path, 'utf8')
}

function parseReceipt(text: string, file: string): Receipt {
  try {
    return JSON.parse(text) as Receipt
  } catch (cause) {
    throw new FormatError('malformed', `${file} is not a receipt: it is not JSON`, { cause })
  }
}
