/** Renewing terms before they end, and what happens to those that do. */
import { at, type Kept, type Known, type Life, placeIn, whenAwake } from './life.ts'
import { spend } from './money.ts'
import { DAY } from './scenario.ts'
import { answers, type Copy, type Place } from './world.ts'

/** A renewal costs this share of a put. */
export const RENEWAL_SHARE = 0.1

/** How many days before its end the term of a copy there is renewed. */
export function leadDaysOf({ rules, scenario }: Life, { profile }: Place): number {
  return rules.leadDays(profile.termDays ?? Number.POSITIVE_INFINITY, scenario.policy.evidence.maxAgeDays)
}

/** Plans the renewal of a copy that has just been placed or renewed. */
export function planRenewal(life: Life, object: Kept, known: Known): void {
  if (!Number.isFinite(known.expiresAt)) return
  const { expiresAt } = known
  const due = Math.max(life.now, expiresAt - leadDaysOf(life, placeIn(life, known.vault)) * DAY)
  const isOpen = () =>
    known.expiresAt === expiresAt && object.replicas.get(known.vault) === known && life.keeper.configured.has(known.vault)
  const attempt = () => {
    if (!isOpen() || renew(life, object, known)) return
    whenAwake(life, life.now + life.scenario.retryDays * DAY, attempt)
  }
  whenAwake(life, due, attempt)
}

/** The vault says until when a copy lasts whenever it is asked: what the catalog knows may be of a copy that is no more. */
export function learnTerm(life: Life, object: Kept, known: Known): void {
  const expiresAt = placeIn(life, known.vault).copies.get(object.id)?.expiresAt ?? Number.POSITIVE_INFINITY
  if (known.expiresAt === expiresAt) return
  known.expiresAt = expiresAt
  planRenewal(life, object, known)
}

/** True when there is nothing left to try. Whether it was really extended is asked for, not believed. */
function renew(life: Life, object: Kept, known: Known): boolean {
  const place = placeIn(life, known.vault)
  if (life.keeper.leaving.has(known.vault)) return false
  if (!answers(life.world, place, life.now)) return false
  const copy = place.copies.get(object.id)
  if (!copy) return true
  const cost = object.blocks * place.putPrice * RENEWAL_SHARE
  if (!spend(life, 'repairs', cost)) {
    life.checker.refused(object)
    return false
  }
  life.checker.billed(place, 'repairs', cost)
  if (place.renewalBrokenUntil > life.now) return false
  copy.expiresAt = life.now + (place.profile.termDays ?? 0) * DAY
  known.expiresAt = copy.expiresAt
  watchExpiry(life, object, place, copy)
  planRenewal(life, object, known)
  return true
}

/** In the world: a term that was not renewed ends, and the copy with it. */
export function watchExpiry(life: Life, object: Kept, place: Place, copy: Copy): void {
  const { expiresAt } = copy
  if (!Number.isFinite(expiresAt)) return
  at(life, expiresAt, () => {
    if (copy.expiresAt !== expiresAt || place.copies.get(object.id) !== copy) return
    life.checker.expired(place, object, copy)
    place.copies.delete(object.id)
    life.note(() => `the term of object ${object.id} in ${place.profile.id} ends`)
  })
}
