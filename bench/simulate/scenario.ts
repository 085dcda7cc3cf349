/** A seed as a life to be lived: vaults, objects, policy, budget, and how often what goes wrong. */
import type { Policy } from '../../src/contracts/policy.ts'
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { resolvePolicy } from '../../src/policy/policy.ts'
import { type Chance, chanceOf } from './random.ts'

export const DAY = 86_400_000
export const YEAR = 365 * DAY
export const HOUR = DAY / 24

/** Mean years between two events of a kind, per vault or, where it says so, for the whole archive. Infinity: never. */
export interface FaultRates {
  /** Gone for ever. */
  readonly death: number
  /** Says that it holds everything and drops it; takes new packs and drops them after a few days. */
  readonly lie: number
  /** A few blocks of one copy turn wrong. */
  readonly rot: number
  /** A share of the blocks of every copy is gone, without a word. */
  readonly shareLoss: number
  /** Unreachable for hours, days or weeks. */
  readonly outage: number
  /** Some blocks are not answered for days, while others are. */
  readonly stall: number
  readonly priceRise: number
  /** Archive: all vaults of one operator, or of one region, are out or rot at once. */
  readonly correlated: number
  /** Archive: nothing at all is reachable. */
  readonly isolation: number
  /** Archive: the machine that runs the loop is off. */
  readonly sleep: number
  /** Renewable vaults: a renewal is taken and not done. */
  readonly renewalFails: number
  /** Chance that the loop dies between a put being taken and the catalog knowing it. */
  readonly crash: number
}

export interface VaultSetting {
  readonly profile: VaultProfile
  /** Per block stored and per block read, in units of money. */
  readonly putPrice: number
  readonly readPrice: number
}

export interface Scenario {
  readonly seed: number
  readonly years: number
  readonly policy: Policy
  readonly vaults: readonly VaultSetting[]
  /** Blocks of each object. */
  readonly objects: readonly number[]
  /** Blocks read per replica and audit. */
  readonly sample: number
  /** Longest time from the start of a repair to the new copy. */
  readonly repairDays: number
  /** How soon silence, or a repair that failed, is tried again. */
  readonly retryDays: number
  /** How long it takes a person to replace a vault that is gone; Infinity: nobody does. */
  readonly personDays: number
  /** Money per window of 30 days: for audits, and for repairs and renewals. */
  readonly budget: { readonly audits: number; readonly repairs: number }
  readonly faults: FaultRates
}

export const WINDOW = 30 * DAY

/** The same seed is the same scenario, whatever the number of years. */
export function scenarioOf(seed: number, years: number): Scenario {
  const chance = chanceOf(seed)
  const floor = chance.pick([1, 2, 2, 2, 3])
  const copies = floor + chance.pick([0, 1, 1, 2])
  const trusted = Math.max(floor, copies) + chance.pick([0, 1, 1, 2])
  const vaults = Array.from({ length: trusted }, (_, index) => settingOf(chance, index, 's3'))
  if (chance.chance(0.4)) vaults.push(settingOf(chance, trusted, 'ipfs'))
  const maxAgeDays = chance.pick([7, 14, 30, 30, 60])
  const policy = resolvePolicy({
    copies,
    floor,
    distinct: chance.chance(0.3) ? { region: Math.min(2, floor) } : {},
    evidence: { accept: ['sampled', 'whole'], maxAgeDays },
    graceDays: chance.pick([1, 3, 7, 14]),
  })
  const objects = Array.from({ length: 1 + chance.below(3) }, () => 1 + chance.below(chance.pick([4, 24, 64])))
  const blocks = objects.reduce((sum, count) => sum + count, 0)
  const poor = chance.chance(0.2)
  return {
    seed,
    years,
    policy,
    vaults,
    objects,
    // A rotation has at most eight steps: a life would be spent waiting for it otherwise.
    sample: Math.max(chance.pick([1, 4, 8, 29]), Math.ceil(Math.max(...objects) / 8)),
    repairDays: chance.spread(0.05, 5),
    retryDays: 1,
    personDays: chance.chance(0.9) ? chance.between(2, 60) : Number.POSITIVE_INFINITY,
    budget: poor
      ? { audits: chance.below(blocks * 20), repairs: chance.below(blocks * 4) }
      : { audits: blocks * 1_000, repairs: blocks * 200 },
    faults: ratesOf(chance),
  }
}

function settingOf(chance: Chance, index: number, network: string): VaultSetting {
  const renewable = network !== 'ipfs' && chance.chance(0.25)
  const profile: VaultProfile = {
    id: `v${index}`,
    network,
    // Now and then two vaults belong to one operator: then they are one for the floor.
    operator: index > 2 && chance.chance(0.2) ? 'o0' : `o${index}`,
    region: chance.pick(['north', 'south', 'east']),
    term: renewable ? 'renewable' : 'standing',
    ...(renewable && { termDays: chance.pick([120, 200, 365]) }),
    canForget: true,
    paid: chance.chance(0.5),
    cold: false,
    addressing: network === 'ipfs' ? 'cid' : 'offset',
  }
  return { profile, putPrice: profile.paid ? 1 + chance.below(3) : 0, readPrice: profile.paid ? chance.below(2) : 0 }
}

/** Each kind of fault is switched on in most lives, at a rate of its own order of magnitude: so that every mix comes up. */
function ratesOf(chance: Chance): FaultRates {
  const some = (low: number, high: number, share = 0.6) => (chance.chance(share) ? chance.spread(low, high) : Number.POSITIVE_INFINITY)
  return {
    death: some(2, 40),
    lie: some(4, 60, 0.4),
    rot: some(0.3, 20),
    shareLoss: some(1, 20),
    outage: some(0.03, 3, 0.8),
    stall: some(0.3, 10),
    priceRise: some(4, 40, 0.3),
    correlated: some(1, 10),
    isolation: some(0.5, 10, 0.5),
    sleep: some(0.1, 4, 0.6),
    renewalFails: some(1, 10, 0.5),
    crash: chance.pick([0, 0.02, 0.2]),
  }
}
