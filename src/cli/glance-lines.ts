/** The archive at a glance, for a person: what is safe, what is not and why, and what is known of each vault. Pure. */
import type { CatalogTotals, Glance, ObjectState, VaultGlance } from '../contracts.ts'
import { columns, count, formatBytes, fromNow, printable, roughly } from './format.ts'
import { paintState, type Style } from './style.ts'
import { nameOf } from './views.ts'

type VaultRow = VaultGlance & { readonly packBytes: number }

export interface GlanceView {
  readonly totals: CatalogTotals
  readonly state: ObjectState
  readonly glance: Omit<Glance, 'vaults'> & { readonly vaults: readonly VaultRow[] }
  readonly unopened: readonly { readonly vault: string; readonly reason: string }[]
  readonly now: number
}

export function glanceLines({ totals, state, glance, unopened, now }: GlanceView, style: Style): string[] {
  const troubles = unopened.map(({ vault, reason }) => `  ${style.yellow('not open')}  ${printable(vault)}: ${printable(reason)}`)
  if (totals.objects === 0) return ['The archive is empty; `perdure put PATH` stores something.', ...troubles]
  const states = (Object.entries(totals.states) as [ObjectState, number][]).filter(([, objects]) => objects > 0)
  return [
    `${paintState(state, style)}  ${count(totals.objects, 'object')}, ${formatBytes(totals.byteLength)}, in ${count(totals.packs, 'pack')} of ${formatBytes(totals.packBytes)}`,
    ...(states.length > 1 ? [`  ${states.map(([each, objects]) => `${objects} ${paintState(each, style)}`).join(', ')}`] : []),
    ...columns(glance.vaults.map((row) => vaultRow(row, now, style))),
    ...troubles,
    ...glance.troubles.flatMap((trouble) => troubleLines(trouble, totals, style)),
    ...(glance.lastCycle?.problems ?? []).map(({ step, message }) => `  ${style.red(`${step} failed`)}  ${printable(message)}`),
    style.dim(`  ${whenLine(glance, now)}`),
  ]
}

function vaultRow(row: VaultRow, now: number, style: Style): string[] {
  const { intact, lost, silent, unproven, replicas } = row
  const parts = [
    intact > 0 && intact === replicas ? style.green('intact') : intact > 0 && `${intact} ${style.green('intact')}`,
    lost > 0 && `${lost} ${style.red('lost')}`,
    silent > 0 && `${silent} ${style.yellow('silent')}`,
    unproven > 0 && `${unproven} unproven`,
  ].filter((part) => part !== false)
  const shown = row.lastEvidence === undefined ? 'no evidence' : `shown ${fromNow(row.lastEvidence, now)}`
  const spread = Date.parse(row.lastEvidence ?? '') - Date.parse(row.oldestEvidence ?? '')
  const oldest = row.oldestEvidence !== undefined && spread > 3_600_000 ? `, the oldest ${fromNow(row.oldestEvidence, now)}` : ''
  const pause = row.paused ? ` · ${style.yellow(pausedWords(row.paused, now))}` : ''
  const leaving = row.leaving === undefined ? '' : ` · ${style.yellow(row.leaving === 'left' ? 'left: counts for nothing' : 'being left')}`
  return [
    `  ${printable(row.vault)}`,
    count(replicas, 'replica'),
    formatBytes(row.packBytes),
    parts.join(', '),
    replicas === 0 ? `${pause}${leaving}`.slice(3) : `${style.dim(`${shown}${oldest}`)}${pause}${leaving}`,
  ]
}

function pausedWords({ reason, since, until }: NonNullable<VaultGlance['paused']>, now: number): string {
  const words = reason === 'denied' ? 'refuses our credentials' : reason === 'limited' ? 'wants to be asked less' : 'does not answer'
  const again = Date.parse(until) > now ? `, asked again ${fromNow(until, now)}` : ''
  return `${words}, for ${roughly(Math.max(0, now - Date.parse(since)))}${again}`
}

/** One object and the reasons; the others of its state are counted above. */
function troubleLines(trouble: Glance['troubles'][number], { states }: CatalogTotals, style: Style): string[] {
  // A state that only time has changed is told by its number: every object would be listed otherwise.
  if (states[trouble.state] === 0) return []
  const name = nameOf(trouble)
  return [
    `  ${paintState(trouble.state, style)}  ${printable(trouble.root)}${name === '' ? '' : `  ${name}`}`,
    ...trouble.reasons.map((reason) => `    ${printable(reason)}`),
  ]
}

function whenLine({ nextAudit, oldestEvidence, lastCycle, lastDrill }: GlanceView['glance'], now: number): string {
  const isDue = nextAudit !== undefined && Date.parse(nextAudit) <= now
  const parts = [
    nextAudit !== undefined && (isDue ? `an audit is due` : `next audit ${fromNow(nextAudit, now)}`),
    oldestEvidence !== undefined && `oldest evidence ${fromNow(oldestEvidence, now)}`,
    lastCycle ? `watched ${fromNow(lastCycle.ended, now)}` : 'nobody watches yet: `perdure watch`, or `perdure watch --once` from cron',
    lastDrill &&
      `drilled ${fromNow(lastDrill.at, now)}: ${lastDrill.restored} restored${lastDrill.failed > 0 ? `, ${lastDrill.failed} failed` : ''}`,
  ].filter((part) => part !== false && part !== undefined)
  return parts.join(' · ')
}
