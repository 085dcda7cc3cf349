/** One seed, lived from its first put to the calm after its last fault. The same seed is the same life, event by event. */
import { type Checker, checkerOf, type Violation } from './checker.ts'
import { calm, unleash } from './faults.ts'
import { at, type Counts, type Kept, type Life } from './life.ts'
import { queue } from './queue.ts'
import { chanceOf } from './random.ts'
import { firstPlacement } from './repair.ts'
import { type Rules, realRules } from './rules.ts'
import { DAY, type Scenario, scenarioOf, YEAR } from './scenario.ts'
import { GOOD, placeOf } from './world.ts'

const START = Date.UTC(2026, 0, 1)
/** What a life may take at most; beyond, something schedules itself for ever. */
const MOST_EVENTS = 5_000_000

export interface RunOptions {
  readonly years: number
  readonly rules?: Rules | undefined
  readonly scenario?: Scenario | undefined
  /** Gets a line for all that happens. */
  readonly trace?: ((line: string) => void) | undefined
  /** Looks at the life after every event. */
  readonly observe?: ((life: Life) => void) | undefined
}

export interface Outcome {
  readonly seed: number
  /** All that was lived, the calm at the end included. */
  readonly years: number
  readonly violations: readonly Violation[]
  readonly counts: Counts
  readonly dips: number
}

/** Lives the life of a seed and says what did not hold. */
export function run(seed: number, { years, rules = realRules, scenario = scenarioOf(seed, years), trace, observe }: RunOptions): Outcome {
  const life = lifeOf(scenario, rules, trace)
  for (const object of life.keeper.objects) firstPlacement(life, object)
  unleash(life)
  at(life, life.calmAt, () => calm(life))
  for (;;) {
    const next = life.queue.next(life.endAt)
    if (!next || life.counts.events > MOST_EVENTS) break
    life.now = next.at
    life.counts.events++
    next.event()
    life.checker.afterEvent()
    observe?.(life)
  }
  life.now = life.endAt
  life.checker.atEnd()
  return { seed, years: (life.endAt - START) / YEAR, violations: life.checker.violations, counts: life.counts, dips: life.checker.dips }
}

function lifeOf(scenario: Scenario, rules: Rules, trace: RunOptions['trace']): Life {
  const calmAt = START + scenario.years * YEAR
  const life: Life = {
    scenario,
    rules,
    world: { places: new Map(scenario.vaults.map((setting) => [setting.profile.id, placeOf(setting)])), isolatedUntil: 0 },
    keeper: {
      objects: scenario.objects.map(objectOf),
      configured: new Map(scenario.vaults.map(({ profile }) => [profile.id, profile])),
      profiles: undefined,
      leaving: new Set(),
      scores: new Map(),
      silences: new Map(),
      ledger: { window: -1, audits: 0, repairs: 0 },
      asleepUntil: 0,
      asleepFrom: 0,
    },
    queue: queue(),
    checker: checkerOf((): Life => life),
    chance: { world: chanceOf(scenario.seed, 1), keeper: chanceOf(scenario.seed, 2) },
    now: START,
    calmAt,
    endAt: calmAt + settleDays(scenario) * DAY,
    counts: { events: 0, audits: 0, repairs: 0, blocksRead: 0, faults: 0 },
    note: trace ? (text) => trace(`day ${((life.now - START) / DAY).toFixed(2).padStart(8)}  ${text()}`) : () => undefined,
  }
  return life
}

const objectOf = (blocks: number, index: number): Kept => ({
  id: index + 1,
  blocks,
  replicas: new Map(),
  spooled: new Uint8Array(blocks).fill(GOOD),
  repairing: false,
  looking: false,
  tries: 0,
  state: 'unknown',
})

/** Long enough for the slowest rotation to meet the last rotten block, and for what it starts. */
function settleDays({ policy, objects, sample, repairDays, retryDays }: Scenario): number {
  const rounds = Math.max(...objects.map((blocks) => Math.ceil(blocks / Math.min(sample, blocks))))
  return 2 * rounds * policy.evidence.maxAgeDays + 2 * policy.graceDays + 4 * repairDays + 20 * retryDays + 60
}

export type { Checker }
