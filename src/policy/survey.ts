/**
 * Surveys: how many blocks of one vault are drawn, and what the answers state. The draw is uniform over all blocks of that vault, without replacement, and
 * fixed before the first answer; so the answers speak of the vault at that time, never of an object in it.
 */
import type { AuditGoal } from '../contracts/audit.ts'
import type { ProbeOutcome, SurveyProbe } from '../contracts/catalog-audit.ts'
import { confidenceOf, contain, draw, samplesFor } from './challenge.ts'

type Goal = Pick<AuditGoal, 'confidence' | 'loss'>

/** The numbers of the blocks that a survey asks for, ascending: all of them where the vault holds fewer than the goal draws. */
export function drawSurvey({ seed, goal, population }: { readonly seed: Uint8Array; readonly goal: Goal; readonly population: number }) {
  return draw({ seed, population, count: samplesFor(goal) })
}

/** Is it still to be asked? */
export const isOpen = ({ outcome }: Pick<SurveyProbe, 'outcome'>): boolean =>
  outcome === undefined || outcome === 'silent' || outcome === 'denied'

/** What came of asking some of the questions once. `dead`: not asked, because the vault answered nothing at all. */
export interface SurveyAnswer {
  readonly number: number
  readonly outcome: ProbeOutcome | 'dead'
}

/**
 * Settles answers: what is silent is contained by rule 4, a refusal never becomes absence. A clock that was set back does not make silence older than it is.
 */
export function settle({
  probes,
  answers,
  now,
  graceDays,
}: {
  readonly probes: readonly SurveyProbe[]
  readonly answers: readonly SurveyAnswer[]
  readonly now: number
  readonly graceDays: number
}): readonly Pick<SurveyProbe, 'number' | 'outcome' | 'since' | 'tries'>[] {
  const known = new Map(probes.map((probe) => [probe.number, probe]))
  const isSilence = ({ outcome }: SurveyAnswer) => outcome === 'silent' || outcome === 'dead'
  const quiet = answers.filter(isSilence)
  const before = quiet.flatMap(({ number }) => {
    const probe = known.get(number)
    return probe?.outcome === 'silent' || probe?.outcome === 'denied'
      ? [{ ordinal: number, since: Math.min(probe.since, now), tries: probe.tries }]
      : []
  })
  const { stillSilent, missing } = contain({
    unanswered: before,
    results: quiet.map(({ number }) => ({ ordinal: number, outcome: 'silent' as const })),
    othersAnswered: answers.some(({ outcome }) => outcome === 'intact' || outcome === 'damaged' || outcome === 'missing'),
    now,
    graceDays,
  })
  const settled = answers
    .filter((answer) => !isSilence(answer))
    .map(({ number, outcome }) => {
      const probe = known.get(number)
      const since = outcome === 'denied' && probe?.outcome !== undefined ? Math.min(probe.since, now) : now
      return { number, outcome: outcome as ProbeOutcome, since, tries: probe?.tries ?? 0 }
    })
  return [
    ...settled,
    ...stillSilent.map(({ ordinal, since, tries }) => ({ number: ordinal, outcome: 'silent' as const, since, tries })),
    ...missing.map(({ ordinal, since, tries }) => ({ number: ordinal, outcome: 'missing' as const, since, tries })),
  ]
}

/** A survey's answers, counted. */
export interface SurveyTally {
  readonly intact: number
  readonly damaged: number
  readonly missing: number
  readonly silent: number
  readonly unasked: number
  readonly gone: number
}

/** Counts the questions by what became of them; refused ones are unanswered like silent ones. */
export function tallyProbes(probes: readonly Pick<SurveyProbe, 'outcome'>[]): SurveyTally {
  const count = (...outcomes: readonly (ProbeOutcome | undefined)[]) => probes.filter(({ outcome }) => outcomes.includes(outcome)).length
  return {
    intact: count('intact'),
    damaged: count('damaged'),
    missing: count('missing'),
    silent: count('silent', 'denied'),
    unasked: count(undefined),
    gone: count('gone'),
  }
}

export interface Finding {
  readonly statement: string
  /** With this confidence fewer than `bound` of the vault's blocks were lost at that time. */
  readonly confidence?: number
  readonly bound?: number
}

/** What a settled survey states, and nothing more. An open one states nothing. */
export function findingOf(tally: SurveyTally, { goal, population }: { readonly goal: Goal; readonly population: number }): Finding {
  const { intact, damaged, missing, silent, unasked, gone } = tally
  const lost = damaged + missing
  const draws = intact + lost
  if (silent + unasked > 0) return { statement: unfinished(tally) }
  if (draws === 0) return { statement: 'Nothing is stated: every block that was drawn has left the vault since.' }
  // Blocks that left took an unknown number of others along, so the population is taken for endless, which claims less.
  const size = gone > 0 ? undefined : population
  if (lost === 0 && draws === size)
    return { statement: `All ${population} blocks of the vault were read and intact at that time.`, confidence: 1, bound: 1 / population }
  if (lost === 0) {
    const confidence = confidenceOf({ draws, loss: goal.loss, population: size })
    return {
      statement: `With ${percent(confidence)} confidence fewer than ${percent(goal.loss, 'up')} of the vault's blocks were lost at that time (${draws} of ${population} drawn, all intact).`,
      confidence,
      bound: goal.loss,
    }
  }
  const bound = lossBound({ draws, lost, confidence: goal.confidence, population: size })
  const found = [damaged > 0 && `${damaged} damaged`, missing > 0 && `${missing} missing`].filter(Boolean).join(', ')
  return {
    statement: `${found} of ${draws} blocks drawn: with ${percent(goal.confidence)} confidence fewer than ${percent(bound, 'up')} of the vault's blocks were lost at that time.`,
    confidence: goal.confidence,
    bound,
  }
}

function unfinished({ silent, unasked }: SurveyTally): string {
  const parts = [silent > 0 && `${silent} of its questions are unanswered`, unasked > 0 && `${unasked} have not been asked yet`].filter(
    Boolean,
  )
  return `Nothing is stated yet: ${parts.join(', ')}; the same ones are asked for again.`
}

/**
 * The smallest share that is ruled out with that confidence when `lost` of `draws` were lost: exact, hypergeometric where the population is known and binomial
 * otherwise. 1 when nothing is ruled out.
 */
export function lossBound({
  draws,
  lost,
  confidence,
  population,
}: {
  readonly draws: number
  readonly lost: number
  readonly confidence: number
  readonly population?: number | undefined
}): number {
  const excluded = (share: number, chance: number) => share > 0 && chance <= 1 - confidence
  if (population === undefined) {
    let [low, high] = [lost / draws, 1]
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2
      if (
        excluded(
          middle,
          atMost(lost, draws, (i) => (middle / (1 - middle)) * ((draws - i) / (i + 1)), draws * Math.log1p(-middle)),
        )
      )
        high = middle
      else low = middle
    }
    return high
  }
  let [low, high] = [lost, population + 1]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (middle <= population && !excluded(middle / population, hypergeometricAtMost(lost, { population, draws, gone: middle })))
      low = middle
    else high = middle
  }
  return Math.min(1, high / population)
}

function hypergeometricAtMost(lost: number, { population, draws, gone }: { population: number; draws: number; gone: number }): number {
  if (population - gone < draws - lost) return 0
  // From the fewest that can be met at all.
  const least = Math.max(0, draws - (population - gone))
  let log = 0
  if (least === 0) for (let i = 0; i < draws; i++) log += Math.log((population - gone - i) / (population - i))
  else log = Number.NEGATIVE_INFINITY
  if (log === Number.NEGATIVE_INFINITY) return fromScratch(lost, { population, draws, gone, least })
  return atMost(lost, draws, (i) => ((gone - i) / (i + 1)) * ((draws - i) / (population - gone - draws + i + 1)), log)
}

/** When some of the lost are certain to be met, the probabilities are summed relative to each other. */
function fromScratch(
  lost: number,
  { population, draws, gone, least }: { population: number; draws: number; gone: number; least: number },
): number {
  let [term, sum, below] = [1, 0, 0]
  for (let i = least; i <= Math.min(draws, gone); i++) {
    sum += term
    if (i <= lost) below += term
    term *= ((gone - i) / (i + 1)) * ((draws - i) / (population - gone - draws + i + 1))
    if (sum > 1e280) {
      sum /= 1e280
      below /= 1e280
      term /= 1e280
    }
  }
  return below / sum
}

/** Chance of at most `lost` hits, from the logarithm of the chance of none and the ratio of each to the next. */
function atMost(lost: number, draws: number, ratio: (index: number) => number, logOfNone: number): number {
  let log = logOfNone
  let sum = Math.exp(log)
  for (let i = 0; i < Math.min(lost, draws); i++) {
    log += Math.log(ratio(i))
    sum += Math.exp(log)
  }
  return Math.min(1, sum)
}

/** `99 %`, `99.408 %`, `0.05 %`. Rounded down for a confidence and up for a bound, so that no claim gets stronger by it. */
export function percent(share: number, towards: 'down' | 'up' = 'down'): string {
  const value = share * 100
  const scale = value >= 99 || value < 1 ? 1_000 : 100
  const rounded = towards === 'down' ? Math.floor(value * scale + 1e-6) : Math.ceil(value * scale - 1e-6)
  return `${rounded / scale} %`
}
