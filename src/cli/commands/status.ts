/** `perdure status [ROOT]` */
import type { Command } from 'commander'
import type { CatalogTotals, ObjectState } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { type ExitCode, exitCodeOf, worseOf } from '../exit-codes.ts'
import { columns, count, formatBytes, printable } from '../format.ts'
import { parseReference } from '../reference.ts'
import { paintState, type Style } from '../style.ts'
import { missingLines, objectLine, replicaLines, retainLines } from '../views.ts'

export function statusCommand(program: Command, run: Run): void {
  program
    .command('status')
    .description('what is known now, without asking any vault')
    .argument('[root]', 'one object; default the whole archive')
    .action(run((context, root: string | undefined) => (root === undefined ? archiveStatus(context) : objectStatus(context, root))))
}

async function objectStatus(context: CommandContext, text: string): Promise<ExitCode> {
  const report = await (await context.archive()).status(parseReference(text).root, { signal: context.signal })
  await context.reporter.result(report, {
    lines: (style) => [
      objectLine(report, style),
      ...replicaLines(report.replicas, style),
      ...retainLines(report.retain),
      ...missingLines(report.missing, style),
    ],
  })
  return exitCodeOf(report.state)
}

async function archiveStatus(context: CommandContext): Promise<ExitCode> {
  const archive = await context.archive()
  const totals = await archive.totals({ signal: context.signal })
  const state = worstOf(totals)
  const unopened = archive.unopened()
  const troubles = (style: Style) =>
    unopened.map(({ vault, reason }) => `  ${style.yellow('not open')}  ${printable(vault)}: ${printable(reason)}`)
  await context.reporter.result(
    { state, path: archive.path, ...totals, ...(unopened.length > 0 && { unopened }) },
    { lines: (style) => [...lines(totals, state, style), ...troubles(style)] },
  )
  return exitCodeOf(state)
}

/** The worst state that any object is in. */
export function worstOf(totals: Pick<CatalogTotals, 'states'>): ObjectState {
  let worst: ObjectState = 'satisfied'
  for (const [state, objects] of Object.entries(totals.states) as [ObjectState, number][]) if (objects > 0) worst = worseOf(worst, state)
  return worst
}

function lines(totals: CatalogTotals, state: ObjectState, style: Style): string[] {
  if (totals.objects === 0) return ['The archive is empty; `perdure put PATH` stores something.']
  const states = (Object.entries(totals.states) as [ObjectState, number][]).filter(([, objects]) => objects > 0)
  const rows = totals.vaults.map(({ vault, replicas, packBytes }) => [
    `  ${printable(vault)}`,
    count(replicas, 'replica'),
    formatBytes(packBytes),
  ])
  return [
    `${paintState(state, style)}  ${count(totals.objects, 'object')}, ${formatBytes(totals.byteLength)}, in ${count(totals.packs, 'pack')} of ${formatBytes(totals.packBytes)}`,
    ...(states.length > 1 ? [`  ${states.map(([each, objects]) => `${objects} ${paintState(each, style)}`).join(', ')}`] : []),
    ...columns(rows),
  ]
}
