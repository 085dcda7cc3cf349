/** The same faults, three ways to keep an archive: under the loop, put and forgotten, and put on IPFS alone. How many objects are left, year by year. */
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { resolvePolicy } from '../../src/policy/policy.ts'
import type { Life } from './life.ts'
import { type Rules, realRules } from './rules.ts'
import { run } from './run.ts'
import { DAY, type FaultRates, type Scenario, YEAR } from './scenario.ts'
import { GOOD } from './world.ts'

export interface Way {
  readonly name: string
  readonly rules: Rules
  readonly scenario: (seed: number) => Scenario
}

export interface Survival {
  readonly name: string
  readonly objects: number
  /** Objects of which every block was still to be had somewhere, at the end of each year; the first is the year 0. */
  readonly left: readonly number[]
}

export const YEARS = 10
const OBJECTS = [32]
const COPIES = 3

/** One event in so many years, per vault; what a vault's own redundancy cannot help: accounts, operators, mistakes, money. */
export const ASSUMED: FaultRates = {
  death: 10,
  lie: Number.POSITIVE_INFINITY,
  rot: 5,
  shareLoss: 10,
  outage: 0.5,
  stall: 2,
  priceRise: Number.POSITIVE_INFINITY,
  correlated: Number.POSITIVE_INFINITY,
  isolation: 2,
  sleep: 1,
  renewalFails: Number.POSITIVE_INFINITY,
  crash: 0.01,
}
/** Pins that nobody renews or looks at: a service ends, an account lapses, a cache is collected. */
export const ASSUMED_IPFS: FaultRates = { ...ASSUMED, death: 4 }
export const ASSUMED_PERSON_DAYS = 30
export const ASSUMED_AGE_DAYS = 30
export const ASSUMED_GRACE_DAYS = 7
export const ASSUMED_SAMPLE = 8

const never: Rules = { ...realRules, dueAt: () => Number.MAX_SAFE_INTEGER, leadDays: () => 0 }

export const WAYS: readonly Way[] = [
  { name: 'three vaults, with the loop', rules: realRules, scenario: (seed) => scenarioWith(seed, 's3', ASSUMED, ASSUMED_PERSON_DAYS) },
  {
    name: 'three vaults, put and forgotten',
    rules: never,
    scenario: (seed) => scenarioWith(seed, 's3', ASSUMED, Number.POSITIVE_INFINITY),
  },
  {
    name: 'IPFS alone, three pins, forgotten',
    rules: never,
    scenario: (seed) => scenarioWith(seed, 'ipfs', ASSUMED_IPFS, Number.POSITIVE_INFINITY),
  },
]

function scenarioWith(seed: number, network: string, faults: FaultRates, personDays: number): Scenario {
  const vaults = Array.from({ length: COPIES }, (_, index) => ({ profile: profileOf(index, network), putPrice: 0, readPrice: 0 }))
  const policy = resolvePolicy({
    copies: COPIES,
    floor: network === 'ipfs' ? 0 : 2,
    evidence: { maxAgeDays: ASSUMED_AGE_DAYS },
    graceDays: ASSUMED_GRACE_DAYS,
  })
  const budget = { audits: Number.MAX_SAFE_INTEGER, repairs: Number.MAX_SAFE_INTEGER }
  return {
    seed,
    years: YEARS,
    policy,
    vaults,
    objects: OBJECTS,
    sample: ASSUMED_SAMPLE,
    repairDays: 2,
    retryDays: 1,
    personDays,
    budget,
    faults,
  }
}

const profileOf = (index: number, network: string): VaultProfile => ({
  id: `v${index}`,
  network,
  operator: `o${index}`,
  region: `r${index}`,
  term: 'standing',
  canForget: true,
  paid: false,
  cold: false,
  addressing: 'offset',
})

/** Lives so many archives that way and counts what is left of them. */
export function survivalOf(way: Way, archives: number, onArchive: () => void = () => undefined): Survival {
  const left = new Array<number>(YEARS + 1).fill(0)
  for (let seed = 1; seed <= archives; seed++) {
    const lostAt = new Map<number, number>()
    let began: number | undefined
    run(seed, {
      years: YEARS,
      rules: way.rules,
      scenario: way.scenario(seed),
      observe: (life) => {
        began ??= life.now
        for (const { id } of life.keeper.objects) if (!lostAt.has(id) && !isLeft(life, id)) lostAt.set(id, life.now - (began ?? 0))
      },
    })
    for (let object = 1; object <= OBJECTS.length; object++) {
      const years = (lostAt.get(object) ?? Number.POSITIVE_INFINITY) / YEAR
      for (let year = 0; year <= YEARS; year++) if (years > year + DAY / YEAR) left[year] = (left[year] ?? 0) + 1
    }
    onArchive()
  }
  return { name: way.name, objects: archives * OBJECTS.length, left }
}

/** Is every block still somewhere, whole copy or not? */
function isLeft({ world, keeper }: Life, object: number): boolean {
  const kept = keeper.objects.find(({ id }) => id === object)
  if (!kept || kept.spooled !== undefined) return true
  const copies = [...world.places.values()].flatMap(({ copies: all }) => all.get(object) ?? [])
  if (copies.some(({ bad }) => bad === 0)) return true
  for (let ordinal = 0; ordinal < kept.blocks; ordinal++) if (!copies.some(({ blocks }) => blocks[ordinal] === GOOD)) return false
  return true
}
