/**
 * What must hold in every life, looked at from outside: the checker knows the truth of the world and what the loop did, and nothing of what the loop
 * believes. Safety after every event; liveness once, some time after the last fault.
 */
import { isTrusted } from '../../src/policy/demands.ts'
import { place as realPlace } from '../../src/policy/placement.ts'
import { LOST } from './audit.ts'
import type { Kept, Known, Life } from './life.ts'
import type { Purpose } from './money.ts'
import { leadDaysOf } from './renew.ts'
import type { Step } from './repair.ts'
import { DAY, WINDOW } from './scenario.ts'
import { answers, type Copy, GOOD, isWhole, type Place } from './world.ts'

export const INVARIANTS = [
  'floor',
  'paid-twice',
  'unverified-source',
  'needless-repair',
  'last-copy',
  'let-go',
  'cut-off',
  'budget',
  'renewal-missed',
  'liveness',
] as const
export type Invariant = (typeof INVARIANTS)[number]

export interface Violation {
  readonly invariant: Invariant
  readonly at: number
  readonly detail: string
}

export interface Checker {
  readonly violations: readonly Violation[]
  /** Times that an object was below its floor while repair was possible, however short: shows that the floor was put to the test. */
  readonly dips: number
  /** The loop put something off for want of money. */
  refused(object: Kept): void
  billed(place: Place, purpose: Purpose, cost: number): void
  /** A put is about to be paid for, as part of a repair that was decided at `begun`. */
  paid(place: Place, object: Kept, begun: number): void
  written(place: Place, object: Kept, blocks: Uint8Array): void
  /** `lost` are replicas that the loop holds to be lost. */
  repairBegins(object: Kept, repair: { readonly steps: readonly Step[]; readonly lost: readonly string[] }): void
  removed(place: Place, object: Kept): void
  expired(place: Place, object: Kept, copy: Copy): void
  afterEvent(): void
  atEnd(): void
}

interface Watch {
  /** Below the floor, with repair possible, without a break since then. */
  since: number | undefined
  /** The longest time that finding out and repairing may take for what is wrong now. */
  allowedDays: number
  refusedAt: number
  /** Before everything fell silent. */
  wasLost: boolean
}

export function checkerOf(lifeNow: () => Life): Checker {
  const violations: Violation[] = []
  const watches = new Map<number, Watch>()
  const bills = { window: -1, audits: 0, repairs: 0 }
  const complaints = new Set<string>()
  let dips = 0

  const watchOf = (object: Kept): Watch => {
    const watch = watches.get(object.id) ?? { since: undefined, allowedDays: 0, refusedAt: Number.NEGATIVE_INFINITY, wasLost: false }
    watches.set(object.id, watch)
    return watch
  }
  /** Once per invariant and object: what follows from a violation is not another one. */
  const complain = (invariant: Invariant, object: Kept | undefined, detail: string) => {
    const life = lifeNow()
    const key = `${invariant} ${object?.id}`
    if (complaints.has(key)) return
    complaints.add(key)
    life.note(() => `VIOLATION ${invariant}: ${detail}`)
    violations.push({ invariant, at: life.now, detail })
  }

  function watchFloor(life: Life, object: Kept): void {
    const watch = watchOf(object)
    if (!isBelowFloor(life, object) || !isRepairPossible(life, object)) {
      watch.since = undefined
      return
    }
    if (watch.since === undefined) {
      dips++
      Object.assign(watch, { since: life.now, allowedDays: 0 })
    }
    watch.allowedDays = Math.max(watch.allowedDays, allowedDaysOf(life, object))
    const since = Math.max(watch.since ?? 0, watch.refusedAt + WINDOW * 1.1)
    if (life.now - since <= watch.allowedDays * DAY) return
    const days = Math.round((life.now - since) / DAY)
    complain(
      'floor',
      object,
      `object ${object.id} was below its floor for ${days} days although it could have been repaired within ${Math.ceil(watch.allowedDays)}`,
    )
  }

  return {
    violations,
    get dips() {
      return dips
    },
    refused: (object) => {
      watchOf(object).refusedAt = lifeNow().now
    },
    billed: (_, purpose, cost) => {
      const { now, scenario } = lifeNow()
      const window = Math.floor(now / WINDOW)
      if (bills.window !== window) Object.assign(bills, { window, audits: 0, repairs: 0 })
      bills[purpose] += cost
      const limit = scenario.budget[purpose]
      if (bills[purpose] > limit + 1e-6)
        complain('budget', undefined, `${bills[purpose]} was spent on ${purpose} in one window, the limit is ${limit}`)
    },
    paid: (place, object, begun) => {
      const copy = place.copies.get(object.id)
      if (!isWhole(place, object.id) || (copy && copy.stalledUntil >= begun)) return
      complain('paid-twice', object, `object ${object.id} was paid for in ${place.profile.id}, which has it whole`)
    },
    written: (place, object, blocks) => {
      if (blocks.some((block) => block !== GOOD))
        complain('unverified-source', object, `object ${object.id} was stored in ${place.profile.id} from bytes that are not right`)
    },
    repairBegins: (object, { steps, lost }) => {
      const life = lifeNow()
      if (![...life.keeper.configured.keys()].some((id) => reachable(life, id)))
        complain('cut-off', object, `a repair of object ${object.id} began while nothing answered`)
      const needless = needlessIn(life, object, { steps, lost, refusedAt: watchOf(object).refusedAt })
      if (needless !== undefined) complain('needless-repair', object, needless)
    },
    removed: (place, object) => {
      const life = lifeNow()
      const { id } = place.profile
      if (!isWhole(place, object.id)) return
      const others = [...life.world.places.values()].filter((other) => other !== place && isWhole(other, object.id))
      if (others.length === 0) complain('last-copy', object, `the last intact copy of object ${object.id} was removed from ${id}`)
      const staying = others.filter(({ profile }) => life.keeper.configured.has(profile.id) && isTrusted(profile))
      if (!isBelowFloor(life, object) && operatorsOf(staying) < life.scenario.policy.floor)
        complain('let-go', object, `object ${object.id} fell below its floor because it was removed from ${id}`)
    },
    expired: (place, object) => {
      const life = lifeNow()
      const { id } = place.profile
      const known = object.replicas.get(id)
      const patience = life.scenario.retryDays * 3 * DAY
      const trouble = Math.max(
        place.outUntil,
        place.renewalBrokenUntil,
        life.world.isolatedUntil,
        life.keeper.asleepUntil,
        watchOf(object).refusedAt + WINDOW,
      )
      const excused = !known?.located || place.lying || place.dead || !life.keeper.configured.has(id) || life.keeper.leaving.has(id)
      if (excused || life.now - trouble < patience || leadDaysOf(life, place) < 0) return
      complain('renewal-missed', object, `the term of object ${object.id} in ${id} ended unrenewed`)
    },
    afterEvent: () => {
      const life = lifeNow()
      const isCutOff = ![...life.keeper.configured.keys()].some((id) => reachable(life, id))
      for (const object of life.keeper.objects) {
        watchFloor(life, object)
        const watch = watchOf(object)
        if (!isCutOff) watch.wasLost = object.state === 'lost'
        if (isCutOff && !watch.wasLost && object.state === 'lost' && honest(life).some((place) => isWhole(place, object.id)))
          complain('cut-off', object, `object ${object.id} was called lost while nothing answered`)
      }
    },
    atEnd: () => {
      const life = lifeNow()
      for (const object of life.keeper.objects) {
        const failing = isUnsettled(life, object, (other) => watchOf(other).refusedAt >= life.calmAt)
        if (failing !== undefined) complain('liveness', object, failing)
      }
    },
  }
}

const reachable = (life: Life, id: string): boolean => {
  const place = life.world.places.get(id)
  return place !== undefined && answers(life.world, place, life.now)
}

/** Configured places that are neither dead nor lying. */
const honest = (life: Life): readonly Place[] =>
  [...life.keeper.configured.keys()].flatMap((id) => {
    const place = life.world.places.get(id)
    return place && !place.dead && !place.lying ? [place] : []
  })

const operatorsOf = (places: readonly Place[]): number => new Set(places.map(({ profile }) => profile.operator)).size

/** By the truth: distinct operators outside IPFS that have every block, reachable or not. */
function isBelowFloor(life: Life, object: Kept): boolean {
  const { floor } = life.scenario.policy
  const operators: string[] = []
  for (const id of life.keeper.configured.keys()) {
    const place = life.world.places.get(id)
    if (!place || !isTrusted(place.profile) || !isWhole(place, object.id) || operators.includes(place.profile.operator)) continue
    operators.push(place.profile.operator)
    if (operators.length >= floor) return false
  }
  return operators.length < floor
}

const honestOrLying = (life: Life): readonly Place[] =>
  [...life.keeper.configured.keys()].flatMap((id) => {
    const place = life.world.places.get(id)
    return place ? [place] : []
  })

/** The loop runs, every block can be read somewhere, and enough places for the floor answer. */
function isRepairPossible(life: Life, object: Kept): boolean {
  const { keeper, now, scenario } = life
  if (keeper.asleepUntil > now) return false
  const places = honest(life).filter((place) => answers(life.world, place, now))
  const targets = places.filter(({ profile }) => isTrusted(profile) && !keeper.leaving.has(profile.id))
  if (operatorsOf(targets) < scenario.policy.floor) return false
  // One that lies is chosen as readily as one that does not; with one around, every try may be in vain.
  if (honestOrLying(life).some(({ lying }) => lying)) return false
  return object.spooled !== undefined || hasSources(life, object, places)
}

function hasSources(life: Life, object: Kept, places: readonly Place[]): boolean {
  const copies = places.flatMap(({ profile, copies: all }) => {
    const copy = all.get(object.id)
    return copy && object.replicas.get(profile.id)?.state === 'placed' ? [copy] : []
  })
  if (copies.some(({ bad, stalledUntil }) => bad === 0 && stalledUntil <= life.now)) return true
  for (let ordinal = 0; ordinal < object.blocks; ordinal++) {
    const has = copies.some(
      ({ blocks, stalled, stalledUntil }) => blocks[ordinal] === GOOD && !(stalledUntil > life.now && stalled.has(ordinal)),
    )
    if (!has) return false
  }
  return true
}

/**
 * One age limit until a copy that is gone is asked for, and as many as two rounds of the rotation take until each block of a copy that is gone in part has
 * been; the grace; the repair, once more for a target that fails; and some retries.
 */
function allowedDaysOf(life: Life, object: Kept): number {
  const { policy, sample, repairDays, retryDays } = life.scenario
  const partial = honestOrLying(life).some((place) => {
    const copy = place.copies.get(object.id)
    return !place.dead && copy !== undefined && copy.bad > 0 && copy.bad < object.blocks
  })
  const rounds = partial ? 2 * Math.ceil(object.blocks / Math.min(sample, object.blocks)) : 1
  return rounds * policy.evidence.maxAgeDays + policy.graceDays + 2 * repairDays + 10 * retryDays
}

/** Is it right that the loop takes this replica for lost? */
function isRightlyLost(life: Life, object: Kept, known: Known, refusedAt: number): boolean {
  const { scenario, world, now } = life
  const place = world.places.get(known.vault)
  if (!place || !isWhole(place, object.id)) return true
  const copy = place.copies.get(object.id)
  // A stall that leads over into an outage is one silence.
  if (copy && copy.stalledUntil >= Math.min(now, place.outSince - scenario.retryDays * 2 * DAY)) return true
  // What was silent for longer than the grace is lost until it is asked again, which takes some days, or money.
  const { asleepFrom, asleepUntil } = life.keeper
  const back = place.backAt >= asleepFrom ? Math.max(place.backAt, asleepUntil) : place.backAt
  if (now - Math.max(back, refusedAt + WINDOW) < scenario.retryDays * 10 * DAY) return true
  // That it came back is known when it is asked again, within a day.
  const end = Math.max(place.outUntil, world.isolatedUntil)
  const isSilent = !answers(world, place, now) || now - end < scenario.retryDays * DAY
  return isSilent && Math.min(now, end) - place.outSince >= scenario.policy.graceDays * DAY
}

/** Distinct operators outside IPFS of which fresh evidence says that they have it. */
function provenOperators(life: Life, object: Kept): number {
  const oldest = life.now - life.scenario.policy.evidence.maxAgeDays * DAY
  const proven = [...object.replicas.values()].filter(({ vault, rows }) => {
    const shown = Math.max(0, ...rows.filter(({ verdict }) => verdict === 'intact').map(({ at }) => at))
    return (
      life.keeper.configured.has(vault) &&
      shown > oldest &&
      !rows.some(({ verdict, at }) => (verdict === 'damaged' || verdict === 'missing') && at >= shown)
    )
  })
  return operatorsOf(proven.flatMap(({ vault }) => life.world.places.get(vault) ?? []).filter(({ profile }) => isTrusted(profile)))
}

/** Why a repair should not have begun, or undefined. */
function needlessIn(
  life: Life,
  object: Kept,
  { steps, lost, refusedAt }: { steps: readonly Step[]; lost: readonly string[]; refusedAt: number },
): string | undefined {
  const { keeper, scenario } = life
  const wrongly = lost.filter((id) => {
    const known = object.replicas.get(id)
    return known && !isRightlyLost(life, object, known, refusedAt)
  })
  const replaced = steps.find(({ action, vault }) => action === 'replace' && wrongly.includes(vault))
  if (replaced) return `object ${object.id} is replaced in ${replaced.vault}, which has it whole`
  // A copy that is really damaged is replaced where it is at once, whatever becomes of the others.
  if (!steps.some(({ action }) => action === 'place')) return undefined
  // Below the floor, as far as the evidence goes, nobody waits.
  if (wrongly.length === 0 || provenOperators(life, object) <= scenario.policy.floor) return undefined
  const held = new Set(
    [...object.replicas.values()]
      .filter(({ vault, located }) => located && (!lost.includes(vault) || wrongly.includes(vault)))
      .map(({ vault }) => vault),
  )
  const excluded = new Map([...keeper.leaving].map((id) => [id, 'it is to be let go']))
  const vaults = [...keeper.configured.values()]
  if (realPlace({ policy: scenario.policy, vaults, packBytes: 1, held, excluded }).add.length > 0) return undefined
  return `object ${object.id} is placed anew although ${wrongly.join(', ')} has it whole and was silent for less than the grace`
}

/** Why an object that could be as the policy wants it is not, some time after the last fault. */
function isUnsettled(life: Life, object: Kept, isRefused: (object: Kept) => boolean): string | undefined {
  const { keeper, scenario } = life
  if (isRefused(object)) return undefined
  const places = honest(life).filter(({ profile }) => !keeper.leaving.has(profile.id))
  if (object.spooled === undefined && !hasSources(life, object, honest(life))) return undefined
  const usable = places.filter((place) => isWhole(place, object.id) || !isShut(life, place.profile.id, isRefused))
  const vaults = usable.map(({ profile }) => profile)
  if (realPlace({ policy: scenario.policy, vaults, packBytes: 1, held: new Set() }).unmet.length > 0) return undefined
  const whole = places.filter((place) => isWhole(place, object.id)).length
  // What is lost in a vault that is gone and still configured is said to be damaged, needed or not.
  const gone = honestOrLying(life).some(({ dead }) => dead)
  if ((object.state === 'satisfied' || (gone && object.state === 'damaged')) && whole >= scenario.policy.copies) return undefined
  return `object ${object.id} is ${object.state} with ${whole} whole copies of ${scenario.policy.copies}, long after the last fault`
}

/** In quarantine, with damage that there is no money to repair: until then no survey of it is clean, and it gets nothing new. */
const isShut = ({ keeper }: Life, vault: string, isRefused: (object: Kept) => boolean): boolean =>
  keeper.scores.get(vault)?.quarantinedAt !== undefined &&
  keeper.objects.some((object) => isRefused(object) && object.replicas.get(vault)?.rows.some(({ verdict }) => LOST.has(verdict)))
