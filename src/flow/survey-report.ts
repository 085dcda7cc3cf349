/** What came of a survey: the statement, the losses, and what follows for the vault. */
import type { SurveyLoss, SurveyOptions, SurveyProbe, SurveyReport, SurveyRow, SurveyState, Vault } from '../contracts.ts'
import { samplesFor } from '../policy/challenge.ts'
import { findingOf, isOpen, tallyProbes } from '../policy/survey.ts'
import { addAnswers, NO_ANSWERS } from './answers.ts'
import type { Context } from './context.ts'
import { recordEvidence } from './events.ts'
import { prove } from './prove.ts'
import { endQuarantine, recordAnswers, scoresOf } from './scores.ts'
import type { Asked } from './survey-ask.ts'
import { lossOf } from './survey-loss.ts'

type Goal = SurveyReport['goal']

/** Packs whose possession a vault is asked to prove, where it can. */
const ATTESTED = 32
/** Losses that a report lists; all of them are evidence. */
const LISTED = 100

/** A report of nothing that was read. */
export function unread(
  vault: string,
  { confidence, loss }: Goal,
  { state, statement }: Pick<SurveyReport, 'state' | 'statement'>,
): SurveyReport {
  const nothing = { population: 0, draws: 0, intact: 0, damaged: 0, missing: 0, silent: 0, unasked: 0, gone: 0, bytesRead: 0 }
  return { vault, state, goal: { confidence, loss }, ...nothing, statement, losses: [], notes: [] }
}

interface Concluding {
  readonly vault: Vault
  readonly survey: SurveyRow
  readonly asked: Asked
  readonly options: SurveyOptions
}

/** Closes the survey when every question is settled, and ends a quarantine that a clean one may end. */
export async function concludeSurvey(context: Context, known: Concluding): Promise<SurveyReport> {
  const { vault, survey, asked } = known
  const { catalog, clock } = context
  const probes = await catalog.probesOf(survey.id)
  const open = probes.some(isOpen)
  const goal: Goal = { confidence: survey.confidence, loss: survey.loss }
  const tally = tallyProbes(probes)
  const attested = open ? undefined : await attest(context, known, probes)
  const losses = await lossesOf(context, probes, asked)
  const lost = tally.damaged + tally.missing + (attested?.refuted ?? 0) > 0
  const state: SurveyState = open ? (asked.refusal === undefined ? 'incomplete' : 'budget') : lost ? 'losses' : 'clean'
  const notes = notesOf({ ...tally, ...asked })
  if (!open) {
    const ended = state === 'clean' && (await mayEnd(context, survey)) && (await endQuarantine(context, vault.profile.id, survey.drawnAt))
    if (ended) notes.push('the quarantine has ended: everything drawn was intact, and nothing there is known to be damaged')
    else notes.push(...(await quarantineNotes(context, vault.profile.id, state)))
  }
  const at = clock()
  const report: SurveyReport = {
    vault: vault.profile.id,
    state,
    drawn: new Date(survey.drawnAt).toISOString(),
    ...(!open && { closed: new Date(at).toISOString() }),
    goal,
    population: survey.population,
    draws: survey.draws,
    ...tally,
    bytesRead: asked.bytesRead,
    ...findingOf(tally, { goal, population: survey.population }),
    ...(attested && { attested }),
    losses,
    notes,
  }
  if (!open) await announceSurvey(context, report, survey)
  if (!open) await catalog.closeSurvey(survey.id, { at, report: JSON.stringify(report) })
  return report
}

/** Before it is closed: a run that died in between concludes again, and the same survey is announced once. */
async function announceSurvey({ events }: Context, report: SurveyReport, { drawnAt }: SurveyRow): Promise<void> {
  const { vault, state, draws, damaged, missing } = report
  const outcome = state === 'clean' ? 'intact' : 'losses'
  const lost = damaged + missing
  await events.emit({ type: 'survey-finished', vault, survey: new Date(drawnAt).toISOString(), outcome, asked: draws, lost })
}

function notesOf({
  gone,
  frozen,
  refusal,
}: {
  readonly gone: number
  readonly frozen: number
  readonly refusal: string | undefined
}): string[] {
  const notes: string[] = []
  if (gone > 0)
    notes.push(
      `${gone} of the blocks drawn have left the vault since, with their packs; they say nothing, and no others were drawn for them`,
    )
  if (frozen > 0) notes.push(`${frozen} of the blocks drawn are frozen; \`perdure thaw\` makes them readable`)
  if (refusal !== undefined) notes.push(refusal)
  return notes
}

/** A survey of fewer draws than the archive's goal asks for ends nothing. */
async function mayEnd(context: Context, survey: SurveyRow): Promise<boolean> {
  const enough = survey.draws >= Math.min(samplesFor(context.audit.goal), survey.population)
  return enough && !(await context.catalog.hasBadReplicas(survey.vault))
}

async function quarantineNotes(context: Context, vault: string, state: SurveyState): Promise<readonly string[]> {
  const quarantine = (await scoresOf(context)).get(vault)?.quarantine
  if (!quarantine) return []
  const why =
    state === 'clean'
      ? 'this survey began too early, drew too few blocks, or something there is still known to be damaged'
      : 'blocks were lost'
  return [
    `the vault is quarantined (${quarantine.reason}): ${why}; repair, then survey it again, or run \`perdure vault release ${vault}\``,
  ]
}

/** Also those of a run that died: they are told from the answers. */
async function lossesOf(context: Context, probes: readonly SurveyProbe[], { details }: Asked): Promise<readonly SurveyLoss[]> {
  const losses: SurveyLoss[] = []
  for (const probe of probes) {
    if (probe.outcome !== 'damaged' && probe.outcome !== 'missing') continue
    const pack = await context.catalog.pack(probe.pack)
    if (pack && losses.length < LISTED)
      losses.push(await lossOf(context, pack, probe, { outcome: probe.outcome, detail: details.get(probe.number) }))
  }
  return losses
}

/** A proof of possession counts as such, and is no answer to a read. It is no evidence where blocks are known to be lost. */
async function attest(
  context: Context,
  { vault, survey, options }: Concluding,
  probes: readonly SurveyProbe[],
): Promise<SurveyReport['attested']> {
  if (!vault.attest) return undefined
  const { catalog } = context
  const { id } = vault.profile
  const counts = { proven: 0, unproven: 0, refuted: 0 }
  const drawn = new Set(probes.map(({ pack }) => pack))
  for (const packId of [...drawn].slice(0, ATTESTED)) {
    const pack = await catalog.pack(packId)
    const replica = (await catalog.replicasOf([packId])).find((one) => one.vault === id && one.state === 'placed')
    if (!pack || replica?.locator === undefined) continue
    const proof = await prove(context, vault, { pack, at: replica.locator, seed: survey.seed, signal: options.signal })
    if (!proof) continue
    counts[proof.verdict]++
    if (proof.row) await recordEvidence(context, [proof.row])
  }
  await recordAnswers(context, id, addAnswers([{ ...NO_ANSWERS, absent: counts.refuted }]))
  return counts
}
