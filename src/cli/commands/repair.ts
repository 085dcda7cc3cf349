/** `perdure repair [ROOT]` */
import type { Command } from 'commander'
import type { ObjectState, RepairAction, RepairEvent, RepairReport } from '../../contracts.ts'
import type { CommandContext, Run } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worseOf } from '../exit-codes.ts'
import { count, formatBytes, printable } from '../format.ts'
import { limitLine } from '../money.ts'
import type { Progress } from '../progress.ts'
import { parseReference } from '../reference.ts'
import { paintState, type Style } from '../style.ts'
import { missingLines, replicaLines, where } from '../views.ts'

interface Options {
  readonly plan?: boolean
}

export function repairCommand(program: Command, run: Run): void {
  program
    .command('repair')
    .description('restore what is damaged or missing, from bytes that were just verified')
    .argument('[root]', 'one object; default all of them')
    .option('--plan', 'show what would be done and why; change nothing')
    .action(run(repair))
}

async function repair(context: CommandContext, text: string | undefined, { plan = false }: Options): Promise<ExitCode> {
  const { reporter, signal } = context
  const archive = await context.archive()
  const options = { signal, plan, onProgress: onRepair(reporter.progress) }
  const single = text !== undefined
  const list = reporter.list<RepairReport>('objects', { plan }, { lines: (report, style) => lines(report, single, style) })
  const reports = single ? [await archive.repair(parseReference(text).root, options)] : archive.repairAll(options)
  let state: ObjectState = 'satisfied'
  let actions = 0
  for await (const report of reports) {
    state = worseOf(state, report.state)
    actions += report.actions.length
    await list.item(report)
  }
  await list.end({ state }, { lines: (style) => [summary(state, actions, plan, style)] })
  if (plan) return actions === 0 ? EXIT.ok : EXIT.degraded
  return exitCodeOf(state)
}

function summary(state: ObjectState, actions: number, plan: boolean, style: Style): string {
  if (actions === 0) return `${paintState(state, style)}  nothing to do`
  return `${paintState(state, style)}  ${count(actions, 'action')}${plan ? ' planned; run without --plan to carry them out' : ''}`
}

function lines(report: RepairReport, single: boolean, style: Style): string[] {
  if (!single && report.actions.length === 0 && report.state === 'satisfied') return []
  const was = report.before === report.state ? '' : style.dim(`  was ${report.before}`)
  const replicas = single ? replicaLines(report.replicas, style) : []
  return [
    `${paintState(report.state, style)}  ${report.root}${was}`,
    ...report.actions.map((action) => actionLine(action, style)),
    ...replicas,
    ...(report.exceeds ? [`  ${style.red('over the limit')}  ${limitLine(report.exceeds)}`] : []),
    ...missingLines(report.missing, style),
  ]
}

function actionLine({ outcome, action, pack, vault, byteLength, reason, detail }: RepairAction, style: Style): string {
  const paint = outcome === 'repaired' ? style.green : outcome === 'failed' ? style.red : style.cyan
  const why = detail === undefined ? reason : `${reason}; ${detail}`
  return `  ${paint(outcome)}  ${action} ${where({ pack, vault })} (${formatBytes(byteLength)}): ${printable(why)}`
}

function onRepair(progress: Progress): (event: RepairEvent) => void {
  let toSend = 0
  return (event) => {
    if (event.type === 'placing') {
      toSend += event.byteLength
      progress.phase('repairing', toSend)
    } else if (event.type === 'bytes-sent') progress.advance(event.byteLength)
    else if (event.type === 'placement-failed') progress.line(`${event.vault}: ${event.error.message}`)
  }
}
