/** `perdure plan` */
import type { Command } from 'commander'
import type { AuditPlan, AuditPurpose, Money, PlannedReads } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { columns, formatBytes, printable } from '../format.ts'
import type { Style } from '../style.ts'

export function planCommand(program: Command, run: Run): void {
  program
    .command('plan')
    .description('what audits need a month in reads, bytes and money, what the budget covers, and what follows; asks no vault')
    .action(run(plan))
}

async function plan(context: CommandContext): Promise<ExitCode> {
  const planned = await (await context.archive()).planAudit({ signal: context.signal })
  const show = (style: Style) => lines(planned, style)
  await context.reporter.result(planned, { lines: show, quiet: show })
  return planned.enough ? EXIT.ok : EXIT.degraded
}

const NAMES: Readonly<Record<AuditPurpose, string>> = { survey: 'surveys', structure: 'structure', rotation: 'rotation' }

function lines(planned: AuditPlan, style: Style): string[] {
  const { goal, maxAgeDays, reads, total, promises, shortfalls, notes } = planned
  const head = ['', 'purpose', 'reads', 'requests', 'bytes', 'money', ''].map((cell) => style.dim(cell))
  const rows = reads.map((one) => rowOf(one, planned.covered[one.purpose]))
  const sum = ['total', '', String(total.reads), String(total.requests), formatBytes(total.bytes), moneyOf(total.money), '']
  return [
    `goal: a loss of ${100 * goal.loss} % with ${100 * goal.confidence} % confidence within ${goal.withinDays} days; evidence at most ${maxAgeDays} days old`,
    ...columns(reads.length > 0 ? [head, ...rows, sum] : []),
    budgetLine(planned),
    ...promises.map((promise) => `  ${style.green('holds')}  ${printable(promise)}`),
    ...shortfalls.map((shortfall) => `  ${style.yellow('short')}  ${printable(shortfall)}`),
    ...notes.map((note) => `  ${style.dim('·')} ${printable(note)}`),
  ]
}

function rowOf({ vault, purpose, reads, requests, bytes, money }: PlannedReads, covered: number): string[] {
  const share = covered === 1 ? '' : `${Math.floor(100 * covered)} % covered`
  return [printable(vault), NAMES[purpose], String(reads), String(requests), formatBytes(bytes), moneyOf(money ? [money] : []), share]
}

function budgetLine({ budget, spent, month }: AuditPlan): string {
  const limits = [budget.bytes !== undefined && formatBytes(budget.bytes), budget.money && moneyOf([budget.money])].filter(Boolean)
  const paid = moneyOf(spent.money)
  const used = `${formatBytes(spent.bytes)}${paid === '' ? '' : ` and ${paid}`} read in ${month}`
  return limits.length === 0 ? `budget: no limit; ${used}` : `budget: ${limits.join(' and ')} a month; ${used}`
}

const moneyOf = (money: readonly Money[]): string =>
  money.map(({ amount, currency }) => `${amount > 0 && amount < 0.01 ? '<0.01' : amount.toFixed(2)} ${printable(currency)}`).join(' + ')
