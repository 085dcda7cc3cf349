/** `perdure status [ROOT]` */
import type { Command } from 'commander'
import type { CatalogTotals, ObjectState } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { type ExitCode, exitCodeOf, worseOf } from '../exit-codes.ts'
import { glanceLines } from '../glance-lines.ts'
import { parseReference } from '../reference.ts'
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
  const { vaults, ...glance } = await archive.glance({ signal: context.signal })
  const state = worstOf(totals)
  const unopened = archive.unopened()
  const sizes = new Map(totals.vaults.map((row) => [row.vault, row]))
  const rows = vaults.map(({ vault, ...seen }) => ({ vault, ...seen, ...(sizes.get(vault) ?? { replicas: 0, packBytes: 0 }) }))
  const document = { ...glance, state, path: archive.path, ...totals, vaults: rows, ...(unopened.length > 0 && { unopened }) }
  await context.reporter.result(document, {
    lines: (style) => glanceLines({ totals, state, glance: { ...glance, vaults: rows }, unopened, now: Date.now() }, style),
  })
  return exitCodeOf(state)
}

/** The worst state that any object is in. */
export function worstOf(totals: Pick<CatalogTotals, 'states'>): ObjectState {
  let worst: ObjectState = 'satisfied'
  for (const [state, objects] of Object.entries(totals.states) as [ObjectState, number][]) if (objects > 0) worst = worseOf(worst, state)
  return worst
}
