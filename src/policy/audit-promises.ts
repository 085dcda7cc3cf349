/** A plan of audits in sentences: what holds, what does not, and what the numbers rest on. */
import type { AuditPlan, AuditPurpose } from '../contracts/audit.ts'
import type { Money } from '../contracts/prices.ts'
import { isBarren } from './audit.ts'
import { DUE_SHARE } from './cadence.ts'
import { samplesFor } from './challenge.ts'
import type { PlanAuditInput } from './plan-audit.ts'
import { MONTH_DAYS, sumOf } from './planned-reads.ts'
import { percent } from './survey.ts'

type Sums = Omit<AuditPlan, 'promises' | 'shortfalls' | 'notes'>

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function promisesOf(plan: Sums, input: PlanAuditInput): Pick<AuditPlan, 'promises' | 'shortfalls' | 'notes'> {
  const promises: string[] = []
  const shortfalls: string[] = []
  const audited = [...new Set(plan.reads.map(({ vault }) => vault))]
  if (audited.length === 0) promises.push('No vault holds packs that could be read: there is nothing to plan.')
  else if (isBarren(plan.budget))
    shortfalls.push(
      `Nothing is read: the budget is 0. Evidence lapses after ${plan.maxAgeDays} days and its objects become unknown; no survey states anything.`,
    )
  else {
    for (const [sentence, holds] of [surveySentence(plan, audited.length), structureSentence(plan), rotationSentence(plan, input)])
      (holds ? promises : shortfalls).push(sentence)
    const round = roundSentence(plan, input)
    if (round !== undefined) promises.push(round)
  }
  return { promises, shortfalls, notes: notesOf(plan, input) }
}

type Sentence = readonly [text: string, holds: boolean]

const needOf = ({ reads }: Sums, purpose: AuditPurpose) => sumOf(reads.filter((one) => one.purpose === purpose))

function surveySentence(plan: Sums, vaults: number): Sentence {
  const { confidence, loss, withinDays } = plan.goal
  const draws = samplesFor(plan.goal)
  const need = needOf(plan, 'survey')
  const goal = `a loss of ${percent(loss)} of one vault's blocks is noticed with ${percent(confidence)} confidence within ${days(withinDays)}`
  const covered = plan.covered.survey
  if (covered === 1)
    return [
      `Surveys: ${goal}, for each of ${vaults} vaults (${draws} draws every ${days(withinDays * DUE_SHARE)}; ${costOf(need)} a month).`,
      true,
    ]
  if (covered === 0) return [`Surveys: none; ${goal} would take ${costOf(need)} a month.`, false]
  const fewer = Math.floor(draws * covered)
  const other =
    fewer > 0
      ? `, or a loss of ${percent(-Math.expm1(Math.log1p(-confidence) / fewer), 'up')} within ${days(withinDays)} with ${fewer} draws`
      : ''
  return [
    `Surveys: that ${goal} takes ${costOf(need)} a month, and the budget covers ${percent(covered)} of it: it promises the same within ${days(withinDays / covered)}${other}.`,
    false,
  ]
}

function structureSentence(plan: Sums): Sentence {
  const need = needOf(plan, 'structure')
  const covered = plan.covered.structure
  const what = `headers, inner nodes, TOCs and records are read whole at least once in ${days(plan.maxAgeDays)}`
  if (covered === 1) return [`Structure: ${what} (${costOf(need)} a month).`, true]
  if (covered === 0) return [`Structure: not read; that ${what} would take ${costOf(need)} a month.`, false]
  return [`Structure: that ${what} takes ${costOf(need)} a month; the budget makes it once in ${days(plan.maxAgeDays / covered)}.`, false]
}

function rotationSentence(plan: Sums, { counts }: PlanAuditInput): Sentence {
  const need = needOf(plan, 'rotation')
  const covered = plan.covered.rotation
  const what = `evidence of each of ${counts.objects} objects is renewed in every vault before it is ${days(plan.maxAgeDays)} old`
  if (covered === 1) return [`Rotation: ${what} (${costOf(need)} a month).`, true]
  const lapse = `the other objects become unknown when theirs lapses`
  if (covered === 0) return [`Rotation: none, ${lapse}; that ${what} would take ${costOf(need)} a month.`, false]
  return [
    `Rotation: that ${what} takes ${costOf(need)} a month; the budget keeps it up for ${percent(covered)} of them, ${lapse}, ` +
      `or for all of them with an evidence age of ${days(plan.maxAgeDays / covered)}.`,
    false,
  ]
}

/** How long until rotation has met every block, which is what finds a single rotten one. */
function roundSentence(plan: Sums, { counts }: PlanAuditInput): string | undefined {
  const reads = needOf(plan, 'rotation').reads * plan.covered.rotation
  const audited = new Set(plan.reads.map(({ vault }) => vault))
  const blocks = counts.vaults.filter(({ vault }) => audited.has(vault)).reduce((sum, volume) => sum + volume.blocks, 0)
  if (reads === 0 || blocks === 0) return undefined
  return `Every block: at that pace rotation has read each of ${blocks} blocks once in about ${days((blocks / reads) * MONTH_DAYS)}; until then a single rotten block may go unnoticed.`
}

function notesOf(plan: Sums, { vaults, structure, counts }: PlanAuditInput): readonly string[] {
  const notes: string[] = []
  const cold = vaults.filter((vault) => vault.cold).map(({ id }) => id)
  if (cold.length > 0)
    notes.push(`${cold.join(', ')}: cold, so no bytes are read there unless they were restored; its own word or proof is all there is.`)
  const unpriced = vaults.filter(({ prices, cold: frozen }) => !prices && !frozen).map(({ id }) => id)
  if (unpriced.length > 0 && plan.budget.money) notes.push(`${unpriced.join(', ')}: states no prices, so its reads cost nothing here.`)
  if (!structure.exact) notes.push(`How much is structure was estimated from ${structure.packs} packs.`)
  if (counts.vaults.length > 0)
    notes.push(
      'Objects are taken to lie in each vault in proportion to its blocks; months have 30 days, budgets are per calendar month (UTC).',
    )
  notes.push(
    'A survey speaks of one vault at one time, never of an object. Losses that strike several vaults together are not in these numbers.',
  )
  return notes
}

function costOf({ reads, bytes, money }: AuditPlan['total']): string {
  return [`${reads} reads`, bytesOf(bytes), ...money.filter(({ amount }) => amount > 0).map(moneyShown)].join(', ')
}

const moneyShown = ({ amount, currency }: Money): string => `${amount < 0.01 ? amount.toPrecision(2) : amount.toFixed(2)} ${currency}`

function bytesOf(byteLength: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, byteLength)) / 10)))
  return unit === 0 ? `${byteLength} B` : `${(byteLength / 1024 ** unit).toFixed(1)} ${UNITS[unit]}`
}

function days(count: number): string {
  if (count >= 730) return `${(count / 365).toFixed(1)} years`
  const shown = count >= 10 ? Math.round(count) : Math.round(count * 10) / 10
  return `${shown} ${shown === 1 ? 'day' : 'days'}`
}
