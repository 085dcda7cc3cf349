/** Asking a survey's open questions, some packs at a time; answers are durable before the next ones are asked. */
import type { AnswerTally, Locator, PackId, PackRow, ProbeOutcome, SurveyOptions, SurveyProbe, SurveyRow, Vault } from '../contracts.ts'
import { isOpen, type SurveyAnswer, settle } from '../policy/survey.ts'
import { addAnswers, counting, NO_ANSWERS } from './answers.ts'
import { askSpans, isDead, type Life, probesAt } from './challenge.ts'
import { type Context, eachOf, tell } from './context.ts'
import { mayRead } from './may-read.ts'
import type { Purse } from './purse.ts'
import { recordAnswers } from './scores.ts'
import { recordLoss } from './survey-loss.ts'

const PACKS_AT_ONCE = 4
/** Questions whose answers become durable together. */
const WAVE = 32

export interface Asking {
  readonly vault: Vault
  readonly survey: SurveyRow
  readonly purse: Purse
  readonly options: SurveyOptions
}

export interface Asked {
  readonly bytesRead: number
  /** Why it stopped before the end. */
  readonly refusal: string | undefined
  /** What went wrong, by number of the question. */
  readonly details: ReadonlyMap<number, string>
  readonly frozen: number
}

/** Asks what is open. Resolves when all was asked once, the vault turned out to be dead, or the budget was used up. */
export async function askSurvey(context: Context, { vault, survey, purse, options }: Asking): Promise<Asked> {
  const { catalog, clock, policy } = context
  const probes = await catalog.probesOf(survey.id)
  const before = probes.filter(isOpen)
  const run = { life: { silent: 0, alive: false }, details: new Map<number, string>(), bytesRead: 0, frozen: 0 }
  const quiet: SurveyAnswer[] = []
  const heard: AnswerTally[] = []
  let answered = await showsLife(context, probes, { vault, survey, purse, options, run })
  let refusal: string | undefined
  let left = before
  while (left.length > 0 && refusal === undefined && !isDead(run.life)) {
    options.signal?.throwIfAborted()
    const wave = await waveOf(context, vault, left)
    left = left.slice(wave.questions)
    refusal = purse.take(vault.profile.id, 'survey', wave.cost)
    if (refusal !== undefined) {
      await purse.tell()
      break
    }
    const found = await eachOf(wave.packs, PACKS_AT_ONCE, (pack) => askPack(context, pack, { vault, options, run }))
    const answers = found.flatMap((one) => one.answers)
    const bytes = found.reduce((sum, one) => sum + one.bytes, 0)
    run.bytesRead += bytes
    purse.settle(vault.profile.id, 'survey', { bytes: bytes - wave.cost.bytes, requests: 0 })
    const loud = answers.filter(({ outcome }) => outcome !== 'silent' && outcome !== 'dead')
    const silent = answers.filter(({ outcome }) => outcome === 'silent' || outcome === 'dead')
    quiet.push(...silent)
    answered ||= loud.some(({ outcome }) => outcome === 'intact' || outcome === 'damaged' || outcome === 'missing')
    // What is wrong becomes evidence first: killed in between, the same questions are asked again.
    for (const one of found) await recordLoss(context, { vault, survey, ...one, options })
    heard.push(addAnswers(found.map((one) => one.tally)))
    if (heard.some(({ damaged }) => damaged > 0)) await learn(context, vault, heard.splice(0))
    await catalog.answerProbes(survey.id, clock(), [
      ...settle({ probes: before, answers: loud, now: clock(), graceDays: policy.graceDays }),
      ...unheard(before, silent, clock()),
    ])
    await purse.flush()
  }
  await learn(context, vault, heard)
  const dead = isDead(run.life) ? left.map(({ number }): SurveyAnswer => ({ number, outcome: 'dead' })) : []
  await containSilence(context, { survey, vault, options, before, quiet: [...quiet, ...dead], answered })
  return { bytesRead: run.bytesRead, refusal, details: run.details, frozen: run.frozen }
}

/**
 * When nothing but silence is left to ask again, nothing else would show that the vault answers: one block that it has shown before is asked for as well. Its
 * answer is no part of the survey; wrong bytes are evidence all the same.
 */
async function showsLife(
  context: Context,
  probes: readonly SurveyProbe[],
  { vault, survey, purse, options, run }: Asking & { readonly run: Run },
): Promise<boolean> {
  const open = probes.filter(isOpen)
  if (open.length === 0 || open.some(({ outcome }) => outcome === undefined)) return false
  const shown = probes.filter(({ outcome }) => outcome === 'intact')
  const control = shown[survey.seed.reduce((sum, byte) => sum + byte, open.length) % Math.max(1, shown.length)]
  if (!control) return false
  const { packs, cost } = await waveOf(context, vault, [control])
  const [target] = packs
  if (!target || purse.take(vault.profile.id, 'survey', cost) !== undefined) return false
  const found = await askPack(context, target, { vault, options, run })
  await recordLoss(context, { vault, survey, ...found, options })
  await learn(context, vault, [found.tally])
  return found.answers.some(({ outcome }) => outcome === 'intact' || outcome === 'damaged' || outcome === 'missing')
}

async function learn(context: Context, vault: Vault, heard: readonly AnswerTally[]): Promise<void> {
  await recordAnswers(context, vault.profile.id, addAnswers(heard), 'a survey met wrong bytes')
}

/** Until the end of the run nobody knows whether others answer: silence is noted, and no try is used up yet. */
function unheard(before: readonly SurveyProbe[], silent: readonly SurveyAnswer[], now: number) {
  const known = new Map(before.map((probe) => [probe.number, probe]))
  return silent.map(({ number }) => {
    const probe = known.get(number)
    return {
      number,
      outcome: 'silent' as const,
      since: probe?.outcome === undefined ? now : Math.min(probe.since, now),
      tries: probe?.tries ?? 0,
    }
  })
}

interface Silence extends Pick<Asking, 'survey' | 'vault' | 'options'> {
  readonly before: readonly SurveyProbe[]
  readonly quiet: readonly SurveyAnswer[]
  /** Did the vault answer anything at all? */
  readonly answered: boolean
}

/** Silence is weighed once, when it is known whether others answered: it is contained, or it has lasted too long. */
async function containSilence(context: Context, { survey, vault, options, before, quiet, answered }: Silence): Promise<void> {
  if (quiet.length === 0) return
  const { catalog, clock, policy } = context
  // One sign of life stands for all of them.
  const signs: readonly SurveyAnswer[] = answered ? [{ number: -1, outcome: 'intact' }] : []
  const settled = settle({ probes: before, answers: [...quiet, ...signs], now: clock(), graceDays: policy.graceDays }).filter(
    ({ number }) => number >= 0,
  )
  // Of a vault that answers nothing, only the survey gives up: whether its replicas are lost is found by asking for each.
  const lost = new Set(answered ? settled.filter(({ outcome }) => outcome === 'missing').map(({ number }) => number) : [])
  for (const [pack, probes] of Map.groupBy(
    before.filter(({ number }) => lost.has(number)),
    (probe) => probe.pack,
  )) {
    const answers = probes.map(({ number }): SurveyAnswer => ({ number, outcome: 'missing' }))
    const detail = 'stayed silent while other spans answered; counted as lost'
    await recordLoss(context, { vault, survey, pack: await catalog.pack(pack), probes, answers, bytes: 0, detail, options })
  }
  await catalog.answerProbes(survey.id, clock(), settled)
}

interface Wave {
  readonly packs: readonly Target[]
  readonly questions: number
  readonly cost: { readonly bytes: number; readonly requests: number }
}

interface Target {
  readonly probes: readonly SurveyProbe[]
  /** Undefined: not in this vault any more. */
  readonly row: PackRow | undefined
  readonly at: Locator | undefined
  readonly spans: Awaited<ReturnType<typeof probesAt>>
}

/** The next questions, whole packs at a time, and what they cost. */
async function waveOf(context: Context, vault: Vault, left: readonly SurveyProbe[]): Promise<Wave> {
  const packs: Target[] = []
  let questions = 0
  const cost = { bytes: 0, requests: 0 }
  for (const [pack, probes] of Map.groupBy(left.slice(0, WAVE), (probe) => probe.pack)) {
    const target = await targetOf(context, vault, pack, probes)
    packs.push(target)
    questions += probes.length
    for (const { ordinal } of target.row ? probes : []) {
      cost.bytes += target.spans.find((one) => one.ordinal === ordinal)?.span.length ?? 0
      cost.requests++
    }
  }
  return { packs, questions, cost }
}

async function targetOf(context: Context, vault: Vault, pack: PackId, probes: readonly SurveyProbe[]): Promise<Target> {
  const { catalog } = context
  const row = await catalog.pack(pack)
  const replica = row && (await catalog.replicasOf([pack])).find((one) => one.vault === vault.profile.id && one.state === 'placed')
  if (!row || replica?.locator === undefined) return { probes, row: undefined, at: undefined, spans: [] }
  return {
    probes,
    row,
    at: replica.locator,
    spans: await probesAt(
      context,
      row,
      probes.map(({ ordinal }) => ordinal),
    ),
  }
}

export interface PackAnswers {
  readonly pack: PackRow | undefined
  readonly probes: readonly SurveyProbe[]
  readonly answers: readonly SurveyAnswer[]
  readonly bytes: number
  readonly tally: AnswerTally
  readonly detail: string | undefined
}

interface Run {
  readonly life: Life
  readonly details: Map<number, string>
  frozen: number
}

async function askPack(
  context: Context,
  { probes, row, at, spans }: Target,
  { vault, options, run }: Pick<Asking, 'vault' | 'options'> & { readonly run: Run },
): Promise<PackAnswers> {
  const all = (outcome: ProbeOutcome) => probes.map(({ number }): SurveyAnswer => ({ number, outcome }))
  const nothing = { pack: row, probes, bytes: 0, tally: NO_ANSWERS, detail: undefined }
  const { signal, onProgress } = options
  if (!row || at === undefined) return { ...nothing, answers: all('gone') }
  if (!(await mayRead({ vault, at, signal }, options))) {
    run.frozen += probes.length
    return { ...nothing, answers: all('denied') }
  }
  const heard = counting()
  const answers: SurveyAnswer[] = []
  let [bytes, detail]: [number, string | undefined] = [0, undefined]
  const byOrdinal = new Map(probes.map((probe) => [probe.ordinal, probe.number]))
  const { timeoutMs, scratch: pool } = context
  const shredded = row.erasable && (await context.catalog.isShredded(row.id))
  await askSpans(
    spans,
    { vault, at, signal, timeoutMs, pool },
    (answer) => {
      const number = byOrdinal.get(answer.ordinal)
      if (number === undefined) return
      const outcome = outcomeOf(answer, shredded)
      if (outcome !== 'gone') heard.count(answer)
      answers.push({ number, outcome })
      bytes += answer.byteLength
      if (answer.detail !== undefined) run.details.set(number, answer.detail)
      if (outcome === 'damaged' || outcome === 'missing') detail ??= answer.detail
      tell(onProgress, { type: 'probe-answered', vault: vault.profile.id, outcome, byteLength: answer.byteLength })
    },
    run.life,
  )
  return { pack: row, probes, answers, bytes, tally: heard.tally(), detail }
}

/** Headers of a shredded object are meant to be gone. */
function outcomeOf({ outcome, asked }: { readonly outcome: string; readonly asked: boolean }, shredded: boolean): SurveyAnswer['outcome'] {
  if (outcome === 'absent') return shredded ? 'gone' : 'missing'
  if (outcome === 'silent') return asked ? 'silent' : 'dead'
  return outcome as 'intact' | 'damaged' | 'denied'
}
