/**
 * What to ask, how many times, and what silence means: seed and sizes in, probes and verdicts out.
 * Draws are fixed by the seed before the first answer, so that nobody can choose the questions afterwards.
 */
import type { Unanswered } from '../contracts/policy.ts'
import { PolicyError } from '../errors.ts'
import { DAY_MS } from './cadence.ts'
import { derived, uniform } from './keystream.ts'

/** Number of draws that catch a loss of that share with that confidence, whatever the population: `ceil(ln(1-p) / ln(1-f))`. */
export function samplesFor({ confidence, loss }: { readonly confidence: number; readonly loss: number }): number {
  share('confidence', confidence)
  share('loss', loss)
  const exact = Math.log1p(-confidence) / Math.log1p(-loss)
  return Math.max(1, Math.ceil(exact - 1e-9 * exact))
}

/** Chance that draws without replacement meet at least one of the lost: exact, hypergeometric. */
export function detection({
  population,
  lost,
  draws,
}: {
  readonly population: number
  readonly lost: number
  readonly draws: number
}): number {
  const n = whole('population', population)
  const gone = Math.min(whole('lost', lost), n)
  const drawn = Math.min(whole('draws', draws), n)
  // Symmetric in lost and drawn: the shorter product gives the same number.
  const [factors, other] = gone < drawn ? [gone, drawn] : [drawn, gone]
  let missed = 1
  for (let i = 0; i < factors && missed > 0; i++) missed *= (n - other - i) / (n - i)
  return 1 - missed
}

/** Confidence that less than `loss` was lost when all draws were intact; with a population exact, without one as for an endless one. */
export function confidenceOf({
  draws,
  loss,
  population,
}: {
  readonly draws: number
  readonly loss: number
  readonly population?: number | undefined
}): number {
  share('loss', loss)
  if (population === undefined) return -Math.expm1(whole('draws', draws) * Math.log1p(-loss))
  return detection({ population, lost: Math.ceil(loss * whole('population', population)), draws })
}

/**
 * Uniform draw without replacement from `[0, population)`, ascending; the same seed gives the same draw.
 * Time and memory grow with `count` alone. A count above the population means all of it.
 */
export function draw({
  seed,
  population,
  count,
}: {
  readonly seed: Uint8Array
  readonly population: number
  readonly count: number
}): readonly number[] {
  const size = whole('population', population)
  const below = uniform(seed)
  const drawn = new Set<number>()
  // Floyd's algorithm: every subset of that size is equally likely.
  for (let top = size - Math.min(whole('count', count), size); top < size; top++) {
    const pick = below(top + 1)
    drawn.add(drawn.has(pick) ? top : pick)
  }
  return [...drawn].sort((a, b) => a - b)
}

/** The part of an object that lies in one pack. */
export interface ProbedPack {
  readonly id: number
  /** Blocks of the object in that pack. */
  readonly blocks: number
  /** Time of the newest evidence, 0 when there is none. */
  readonly lastAt: number
}

/**
 * Spreads a fixed number of probes over an object: one for every pack first, the rest uniform over all blocks. With fewer probes than packs, the packs
 * whose evidence is oldest get one each. Maps pack ids to ascending indexes within the object's blocks of that pack; packs without a probe are left out.
 */
export function planProbes({
  seed,
  count,
  packs,
}: {
  readonly seed: Uint8Array
  readonly count: number
  readonly packs: readonly ProbedPack[]
}): ReadonlyMap<number, readonly number[]> {
  const asked = packs.filter(({ blocks }) => whole('blocks', blocks) > 0).sort((a, b) => a.lastAt - b.lastAt || a.id - b.id)
  const budget = whole('count', count)
  const below = uniform(derived(seed, 'first'))
  const plan = new Map(asked.slice(0, budget).map(({ id, blocks }) => [id, [below(blocks)]]))
  if (budget <= asked.length) return plan
  const left = asked.reduce((sum, { blocks }) => sum + blocks - 1, 0)
  const rest = draw({ seed: derived(seed, 'rest'), population: left, count: budget - asked.length })
  let start = 0
  let next = 0
  for (const { id, blocks } of asked) {
    const probes = plan.get(id) ?? []
    const [first = 0] = probes
    const end = start + blocks - 1
    for (let at = rest[next]; at !== undefined && at < end; at = rest[++next]) {
      // The block already drawn is not in this population: skip over it.
      const index = at - start
      probes.push(index < first ? index : index + 1)
    }
    probes.sort((a, b) => a - b)
    start = end
  }
  return plan
}

export interface ProbeResult {
  /** Position of the block in its pack. */
  readonly ordinal: number
  readonly outcome: 'intact' | 'damaged' | 'silent'
}

export interface Contained {
  /** To be asked again, the very same spans. */
  readonly stillSilent: readonly Unanswered[]
  /** Silent past the grace, or in `maxTries` audits in which other spans answered. Ask these again too, lest a later draw miss them. */
  readonly missing: readonly Unanswered[]
}

/**
 * Contains unanswered probes: silence is neither loss nor health until patience runs out (rule 4). Spans that answered, rightly or wrongly, leave the
 * list; spans that were not asked this time stay as they were. An audit in which nothing answered uses up no try, only time.
 */
export function contain({
  unanswered,
  results,
  othersAnswered,
  now,
  graceDays,
  maxTries = 3,
}: {
  readonly unanswered: readonly Unanswered[]
  readonly results: readonly ProbeResult[]
  readonly othersAnswered: boolean
  readonly now: number
  readonly graceDays: number
  readonly maxTries?: number | undefined
}): Contained {
  const open = new Map(unanswered.map((probe) => [probe.ordinal, probe]))
  const stillSilent: Unanswered[] = []
  const missing: Unanswered[] = []
  for (const { ordinal, outcome } of results) {
    const before = open.get(ordinal)
    open.delete(ordinal)
    if (outcome !== 'silent') continue
    const since = before?.since ?? now
    const tries = (before?.tries ?? 0) + (othersAnswered ? 1 : 0)
    const overdue = before !== undefined && now - since >= graceDays * DAY_MS
    const list = overdue || tries >= maxTries ? missing : stillSilent
    list.push({ ordinal, since, tries })
  }
  return { stillSilent: [...stillSilent, ...open.values()].sort((a, b) => a.ordinal - b.ordinal), missing }
}

function share(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new PolicyError('invalid', `${name} is ${value} and must lie between 0 and 1, both excluded`)
}

function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new PolicyError('invalid', `${name} is ${value} and must be a whole number, not negative`)
  return value
}
