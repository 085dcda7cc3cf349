/** What goes wrong in the world: each kind of fault comes by itself, at its own rate, until the calm. */
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { evacuate } from './leave.ts'
import { at, type Life, whenAwake } from './life.ts'
import { consider } from './repair.ts'
import { DAY, HOUR, YEAR } from './scenario.ts'
import { isHeard } from './silence.ts'
import { GONE, type Place, placeOf, spoil, WRONG } from './world.ts'

/** Starts every kind of fault. */
export function unleash(life: Life): void {
  const { faults } = life.scenario
  for (const place of [...life.world.places.values()]) unleashOn(life, place)
  recur(life, faults.correlated, () => together(life))
  recur(life, faults.isolation, () => cutOff(life))
  recur(life, faults.sleep, () => sleep(life))
}

/** The machine is off for days. Often the network is bad before and after: who was silent then may have answered in between, and nobody asked. */
function sleep(life: Life): void {
  const { world } = life.chance
  const days = world.between(0.5, 20)
  const isBad = world.chance(0.7)
  // Less than half the grace is seen of it: with what the sleep may count for, still less than the grace.
  const before = 0.45 * life.scenario.policy.graceDays
  const places = [...life.world.places.values()].filter(({ dead }) => !dead)
  if (isBad) for (const place of places) if (world.chance(0.5)) goOut(life, place, life.now + (before + 0.3) * DAY)
  at(life, life.now + before * DAY, () => {
    if (life.now >= life.calmAt) return
    if (life.keeper.asleepUntil < life.now) life.keeper.asleepFrom = life.now
    life.keeper.asleepUntil = Math.max(life.keeper.asleepUntil, life.now + days * DAY)
    // Every vault is asked whether it answers before anything else is done, as flow/watch-vaults.ts does after a long time.
    whenAwake(life, life.keeper.asleepUntil, () => {
      for (const id of life.keeper.configured.keys()) isHeard(life, id)
    })
    life.note(() => `the machine sleeps for ${days.toFixed(1)} days`)
  })
  if (!isBad || life.now + (before + days) * DAY >= life.calmAt) return
  at(life, life.now + (before + days - 0.1) * DAY, () => {
    for (const place of places) if (!place.dead && world.chance(0.5)) goOut(life, place, life.now + world.between(0.2, 1) * DAY)
  })
}

function unleashOn(life: Life, place: Place): void {
  const { faults } = life.scenario
  const { id } = place.profile
  const living = (act: () => void) => () => {
    if (!place.dead) act()
  }
  recur(
    life,
    faults.death,
    living(() => die(life, place)),
  )
  recur(
    life,
    faults.lie,
    living(() => lie(life, place)),
  )
  recur(
    life,
    faults.rot,
    living(() => rot(life, place)),
  )
  recur(
    life,
    faults.shareLoss,
    living(() => loseShare(life, place, life.chance.world.spread(0.02, 1))),
  )
  recur(
    life,
    faults.outage,
    living(() => goOut(life, place, life.now + outageDays(life) * DAY)),
  )
  recur(
    life,
    faults.stall,
    living(() => stall(life, place)),
  )
  recur(life, faults.renewalFails, () => {
    place.renewalBrokenUntil = life.now + life.chance.world.between(1, 20) * DAY
  })
  recur(life, faults.priceRise, () => raisePrices(life, id))
}

function recur(life: Life, meanYears: number, act: () => void): void {
  if (!Number.isFinite(meanYears)) return
  const next = () => {
    const when = life.now + life.chance.world.exponential(meanYears * YEAR)
    if (when >= life.calmAt) return
    at(life, when, () => {
      life.counts.faults++
      act()
      next()
    })
  }
  next()
}

const outageDays = ({ chance }: Life): number => chance.world.pick([HOUR / DAY, 0.3, 1, 3, 10, 40]) * chance.world.between(0.3, 1.5)

export function die(life: Life, place: Place): void {
  life.note(() => `${place.profile.id} dies`)
  place.dead = true
  place.copies.clear()
  place.ghosts.clear()
  replacedByPerson(life, place)
}

/** From now on it says that it has what it had. What it is given is there for a few days, as from a cache. */
function lie(life: Life, place: Place): void {
  if (place.lying) return
  life.note(() => `${place.profile.id} drops everything and says nothing`)
  place.lying = true
  for (const object of place.copies.keys()) place.ghosts.add(object)
  place.copies.clear()
  replacedByPerson(life, place)
}

export function dropLater(life: Life, place: Place, object: number): void {
  const copy = place.copies.get(object)
  at(life, life.now + life.chance.world.between(0.5, 8) * DAY, () => {
    if (place.copies.get(object) !== copy) return
    place.copies.delete(object)
    place.ghosts.add(object)
    life.note(() => `${place.profile.id} drops object ${object}`)
  })
}

function rot(life: Life, place: Place): void {
  const { world } = life.chance
  const copies = [...place.copies]
  if (copies.length === 0) return
  const [object, copy] = world.pick(copies)
  const count = 1 + world.below(3)
  for (let n = 0; n < count; n++) spoil(copy, world.below(copy.blocks.length), WRONG)
  life.note(() => `object ${object} rots in ${place.profile.id}`)
}

function loseShare(life: Life, place: Place, share: number): void {
  const { world } = life.chance
  for (const copy of place.copies.values()) {
    for (let ordinal = 0; ordinal < copy.blocks.length; ordinal++) if (world.chance(share)) spoil(copy, ordinal, GONE)
  }
  life.note(() => `${place.profile.id} loses ${(share * 100).toFixed(0)} % of its blocks`)
}

function stall(life: Life, place: Place): void {
  const { world } = life.chance
  const copies = [...place.copies.values()]
  if (copies.length === 0) return
  const copy = world.pick(copies)
  copy.stalled = new Set([...copy.blocks.keys()].filter(() => world.chance(0.3)))
  copy.stalledUntil = life.now + world.between(0.2, 15) * DAY
  life.note(() => `${place.profile.id} stalls`)
}

/**
 * An outage that follows another before anybody could notice its end is one outage. While the loop was off nobody could notice: then what it saw before
 * counts, and of the time it was off half the grace at most, as the library counts it.
 */
export function goOut(life: Life, place: Place, until: number): void {
  const { world, keeper, now, scenario } = life
  const grace = scenario.policy.graceDays * DAY
  const back = Math.max(place.outUntil, world.isolatedUntil)
  const [from, to] = [Math.max(back, Math.min(now, keeper.asleepFrom)), Math.min(now, keeper.asleepUntil)]
  const awake = now - back - Math.max(0, to - from)
  if (awake >= scenario.retryDays * 2 * DAY) {
    if (back - place.outSince >= grace) place.backAt = back
    place.outSince = now
  } else if (to > from) {
    const ms = Math.max(0, Math.min(back, keeper.asleepFrom) - place.outSince)
    if (place.seen.from !== keeper.asleepFrom) place.seen = { from: keeper.asleepFrom, ms }
    place.outSince = now - place.seen.ms - Math.min(now - keeper.asleepFrom, grace / 2) - awake
  }
  place.outUntil = Math.max(place.outUntil, until)
  if (until > now) life.note(() => `${place.profile.id} is out for ${((place.outUntil - now) / DAY).toFixed(1)} days`)
}

function cutOff(life: Life): void {
  const until = life.now + outageDays(life) * DAY
  life.note(() => `nothing is reachable for ${((until - life.now) / DAY).toFixed(1)} days`)
  for (const place of life.world.places.values()) goOut(life, place, place.outUntil)
  life.world.isolatedUntil = Math.max(life.world.isolatedUntil, until)
}

/** One operator or one region has a bad day. */
function together(life: Life): void {
  const { world } = life.chance
  const places = [...life.world.places.values()].filter(({ dead, profile }) => !dead && life.keeper.configured.has(profile.id))
  if (places.length === 0) return
  const { region, operator } = world.pick(places).profile
  const hit = world.chance(0.5)
    ? places.filter(({ profile }) => profile.region === region)
    : places.filter(({ profile }) => profile.operator === operator)
  const kind = world.pick(['out', 'out', 'share', 'rot'] as const)
  const until = life.now + outageDays(life) * DAY
  for (const place of hit) {
    if (kind === 'out') goOut(life, place, until)
    else if (kind === 'share') loseShare(life, place, 0.1)
    else rot(life, place)
  }
}

function raisePrices(life: Life, vault: string): void {
  const place = life.world.places.get(vault)
  if (!place || place.dead || !life.keeper.configured.has(vault)) return
  const factor = life.chance.world.between(1.2, 8)
  place.putPrice *= factor
  place.readPrice *= factor
  life.note(() => `${vault} is ${factor.toFixed(1)} times as dear`)
  if (factor > 3 && place.profile.paid) whenAwake(life, life.now + DAY, () => evacuate(life, vault))
}

function replacedByPerson(life: Life, place: Place): void {
  const { personDays } = life.scenario
  if (Number.isFinite(personDays)) whenAwake(life, life.now + personDays * DAY, () => replaceVault(life, place))
}

/** A person takes a vault out of the configuration and puts another in. */
export function replaceVault(life: Life, place: Place): void {
  const { world, keeper, scenario } = life
  const { id } = place.profile
  if (!keeper.configured.delete(id)) return
  keeper.profiles = undefined
  keeper.leaving.delete(id)
  keeper.silences.delete(id)
  keeper.scores.delete(id)
  const name = `v${world.places.size}`
  const profile: VaultProfile = { ...place.profile, id: name, operator: place.profile.operator === 'o0' ? 'o0' : `o${world.places.size}` }
  const setting = scenario.vaults.find((one) => one.profile.id === id) ?? { putPrice: place.putPrice, readPrice: place.readPrice }
  const fresh = placeOf({ ...setting, profile })
  world.places.set(name, fresh)
  keeper.configured.set(name, life.rules.seen(profile))
  keeper.profiles = undefined
  life.note(() => `${name} takes the place of ${id}`)
  if (life.now < life.calmAt) unleashOn(life, fresh)
  for (const object of keeper.objects) consider(life, object)
}

/** Every fault ends, but a machine that sleeps wakes when it would have: what it had planned waits for that. What lies or is dead is replaced, or, where nobody does that, simply gone. */
export function calm(life: Life): void {
  life.note(() => 'no more faults')
  life.world.isolatedUntil = Math.min(life.world.isolatedUntil, life.now)
  for (const place of [...life.world.places.values()]) {
    place.outUntil = Math.min(place.outUntil, life.now)
    place.renewalBrokenUntil = Math.min(place.renewalBrokenUntil, life.now)
    for (const copy of place.copies.values()) copy.stalledUntil = Math.min(copy.stalledUntil, life.now)
    if (!place.dead && !place.lying) continue
    if (Number.isFinite(life.scenario.personDays)) whenAwake(life, life.now, () => replaceVault(life, place))
    else if (place.lying) Object.assign(place, { lying: false, dead: true, copies: new Map(), ghosts: new Set() })
  }
}
