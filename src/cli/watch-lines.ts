/** What a watch tells, as calm lines for a person: nothing about what is as it was. Pure. */
import type { CycleReport, ObjectState, WatchEvent, WatchReport } from '../contracts.ts'
import { count, formatBytes, printable } from './format.ts'
import { paintState, type Style } from './style.ts'
import { where } from './views.ts'

const WORDS = { silent: 'does not answer', denied: 'refuses our credentials', limited: 'wants to be asked less' } as const

export function eventLines(event: WatchEvent, style: Style): string[] {
  switch (event.type) {
    case 'watch-waiting':
      return [`${printable(event.reason)}; waiting for it to end`]
    case 'object-audited':
      return event.before === event.state
        ? []
        : [`  ${paintState(event.state, style)}  ${printable(event.root)}${was(event.before, style)}`]
    case 'vault-paused': {
      const word = WORDS[event.reason as keyof typeof WORDS] ?? event.reason
      const detail = event.detail === undefined ? '' : style.dim(`: ${printable(event.detail)}`)
      return [`  ${style.yellow('paused')}  ${printable(event.vault)} ${word}; asked again after ${clockOf(event.until)}${detail}`]
    }
    case 'vault-resumed':
      return [`  ${style.green('answers')}  ${printable(event.vault)}`]
    case 'vault-surveyed':
      return [`  surveyed  ${printable(event.vault)}`]
    case 'object-repaired': {
      const failed = event.actions.filter(({ outcome }) => outcome === 'failed')
      const head = `  ${failed.length === 0 ? style.green('repaired') : style.red('not repaired')}  ${printable(event.root)}${was(event.before, style)}`
      return [head, ...failed.map(({ pack, vault, detail, reason }) => `    ${where({ pack, vault })}: ${printable(detail ?? reason)}`)]
    }
    case 'renewed':
      return [`  ${style.green('renewed')}  ${where(event.action)} to ${printable(event.action.until)}`]
    case 'renewal-missed':
      return [`  ${style.bold(style.red('not renewed'))}  ${where(event.action)}: ${printable(event.action.detail ?? 'no reason given')}`]
    case 'problem':
      return [`  ${style.red(`${event.problem.step} failed`)}  ${printable(event.problem.message)}`]
    case 'cycle-ended':
      return [`${clockOf(event.report.ended)}  ${summaryOf(event.report, style)}`]
    case 'sleeping':
      return [style.dim(`next look ${clockOf(event.until)}`)]
    case 'cycle-began':
      return []
  }
}

/** The last word of a watch. */
export function cycleLines({ cycles, aborted, last }: WatchReport, style: Style): string[] {
  // With one cycle its own line has said it.
  if (!aborted) return []
  if (!last) return ['stopped before the first cycle came to its end; what it found is kept']
  return [`stopped after ${count(cycles, 'cycle')}; ${paintState(last.state, style)} when last looked at, ${clockOf(last.ended)}`]
}

/** `satisfied  12 objects; 3 audited (1.2 MiB read), 1 repaired`. */
function summaryOf(report: CycleReport, style: Style): string {
  const { state, states, audited, bytesRead, repairs, renewed, missedRenewals, waiting, backlog, quiet, paused } = report
  const objects = Object.values(states).reduce((sum, each) => sum + each, 0)
  const bad = (Object.entries(states) as [ObjectState, number][]).filter(([each, number]) => number > 0 && each !== 'satisfied')
  const counts =
    bad.length === 0 ? count(objects, 'object') : bad.map(([each, number]) => `${number} ${paintState(each, style)}`).join(', ')
  const done = [
    audited > 0 && `${audited} audited (${formatBytes(bytesRead)} read)`,
    repairs.repaired > 0 && `${repairs.repaired} repaired (${formatBytes(repairs.byteLength)})`,
    repairs.failed > 0 && style.red(`${count(repairs.failed, 'repair')} failed`),
    waiting.cap > 0 && `${waiting.cap} waiting for the next cycle`,
    waiting.grace > 0 && `${waiting.grace} waiting for an answer`,
    waiting.source > 0 && `${waiting.source} without a copy to repair from`,
    renewed > 0 && `${renewed} renewed`,
    missedRenewals.replicas > 0 && style.red(`${missedRenewals.replicas} not renewed`),
    paused.length > 0 && `${count(paused.length, 'vault')} paused`,
    backlog && 'more is due',
    quiet && 'quiet hours',
  ].filter((part) => part !== false)
  return `${paintState(state, style)}  ${counts}${done.length === 0 ? '; nothing was due' : `; ${done.join(', ')}`}`
}

const was = (before: ObjectState, style: Style): string => style.dim(`  was ${before}`)

/** `2026-11-25 14:03` in UTC. */
const clockOf = (moment: string): string => `${printable(moment).slice(0, 16).replace('T', ' ')}Z`
