/** `perdure costs` and `perdure estimate PATH` */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CostEstimate, CostsReport, VaultEstimate } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { UsageError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, count, formatBytes, printable } from '../format.ts'
import { formatMoney, formatMoneys, limitLine } from '../money.ts'
import { gather } from '../options.ts'
import type { Style } from '../style.ts'
import { missingLines } from '../views.ts'

interface CostsFlags {
  readonly since?: string
  readonly until?: string
  readonly vault?: readonly string[]
}

export function costsCommand(program: Command, run: Run): void {
  program
    .command('costs')
    .description('what was spent, by vault and month, as it was measured and as vaults reported it; asks no vault')
    .option('--since <month>', 'from this month on, e.g. 2026-01')
    .option('--until <month>', 'up to this month')
    .option('--vault <id>', 'only this vault (repeatable)', gather)
    .action(run(costs))
}

async function costs(context: CommandContext, { since, until, vault: vaults }: CostsFlags): Promise<ExitCode> {
  const report = await (await context.archive()).costs({ since, until, vaults, signal: context.signal })
  await context.reporter.result(report, { lines: (style) => costsLines(report, style) })
  return EXIT.ok
}

function costsLines({ rows, months, storage, storagePerMonth, total, unpriced }: CostsReport, style: Style): string[] {
  const table = rows.map((row) => [
    `  ${row.month}`,
    printable(row.vault),
    row.activity,
    `${formatBytes(Math.max(0, row.storedBytes))} stored`,
    `${formatBytes(row.readBytes)} read`,
    count(row.writes + row.reads, 'request'),
    row.measured.length + row.reported.length === 0
      ? style.dim('no prices')
      : [...row.measured.map(formatMoney), ...row.reported.map((money) => `${formatMoney(money)} (reported)`)].join(' + '),
  ])
  return [
    ...(rows.length === 0 ? ['Nothing was spent yet.'] : columns(table)),
    ...months.map((month) => `${month.month}  ${formatMoneys(month.total)}`),
    ...(months.length > 1 ? [`in all   ${formatMoneys(total)}`] : []),
    ...storage.map(
      ({ vault, byteLength, perMonth }) =>
        `  ${printable(vault)} holds ${formatBytes(byteLength)}${perMonth ? `: ${formatMoney(perMonth)} a month` : ''}`,
    ),
    ...(storagePerMonth.length > 0 ? [`storage  ${formatMoneys(storagePerMonth)} a month from now on`] : []),
    ...(unpriced.length > 0
      ? [`${style.yellow('note')}  no prices are stated for ${unpriced.map(printable).join(', ')}: what they ask is not in these sums`]
      : []),
  ]
}

interface EstimateFlags {
  readonly quick?: boolean
  readonly public?: boolean
  readonly exclude?: readonly string[]
}

export function estimateCommand(program: Command, run: Run): void {
  program
    .command('estimate')
    .description('what a put would cost, up front and by the month, vault by vault; stores nothing')
    .argument('<path>', 'file or directory; - reads standard input')
    .option('--quick', 'look at sizes only, and read nothing: an upper bound')
    .option('--public', 'as it would be stored in clear')
    .option('--exclude <glob>', 'leave out what matches, by path or by name (repeatable)', gather)
    .action(run(estimate))
}

/** 0 also where nothing is priced; 3 when the policy cannot be met, or a limit would forbid the put. */
async function estimate(context: CommandContext, path: string, options: EstimateFlags): Promise<ExitCode> {
  const { reporter, signal } = context
  if (path === '') throw new UsageError('the path is empty; use - for standard input')
  const archive = await context.archive()
  const source = path === '-' ? context.stdin : resolve(context.cwd, path)
  const onProgress = ({ byteLength, total }: { readonly byteLength: number; readonly total?: number }) => {
    reporter.progress.phase('reading', total)
    reporter.progress.advance(byteLength)
  }
  const found = await archive.estimate(source, { ...options, signal, onProgress })
  await reporter.result(found, { lines: (style) => estimateLines(found, style) })
  return found.unmet.length > 0 || found.exceeds ? EXIT.degraded : EXIT.ok
}

function estimateLines(found: CostEstimate, style: Style): string[] {
  const { files, byteLength, newBytes, packs, exact, vaults, upFront, perMonth, unmet, exceeds, notes } = found
  return [
    `${count(files, 'file')}, ${formatBytes(byteLength)}; to store: ${exact ? '' : 'at most '}${formatBytes(newBytes)} in ${count(packs, 'pack')} per vault`,
    ...vaults.flatMap((vault) => vaultLines(vault, style)),
    `${style.green('up front')}   ${formatMoneys(upFront)}`,
    `${style.green('per month')}  ${formatMoneys(perMonth)}`,
    ...(exceeds ? [`${style.red('over the limit')}  ${limitLine(exceeds)}`] : []),
    ...missingLines(unmet, style),
    ...notes.map((note) => `${style.yellow('note')}  ${printable(note)}`),
  ]
}

function vaultLines({ vault, currency, upFront, perMonth, notes }: VaultEstimate, style: Style): string[] {
  const shown = notes.map((note) => `    ${style.dim(printable(note))}`)
  if (currency === undefined) return [`  ${printable(vault)}  ${style.dim('no prices')}`, ...shown]
  const parts = (lines: Readonly<Record<string, number>>) =>
    Object.entries(lines)
      .filter(([name, amount]) => name !== 'total' && amount > 0)
      .map(([name, amount]) => `${name === 'readBack' ? 'read back' : name} ${formatMoney({ amount, currency })}`)
      .join(', ')
  const of = ({ total, ...lines }: VaultEstimate['upFront'] | VaultEstimate['perMonth']) =>
    total === 0 ? 'nothing' : `${formatMoney({ amount: total, currency })} (${parts(lines)})`
  return [`  ${printable(vault)}`, `    up front   ${of(upFront)}`, `    per month  ${of(perMonth)}`, ...shown]
}
