/** The vaults as they really are. The loop never looks in here: it asks, and is answered, rightly or wrongly or not at all. */
import type { VaultSetting } from './scenario.ts'

/** What a block really is. */
export const GOOD = 0
export const WRONG = 1
export const GONE = 2

export interface Copy {
  /** GOOD, WRONG or GONE, by position. */
  readonly blocks: Uint8Array
  /** Blocks that are not good. */
  bad: number
  /** Positions that are not answered until then. */
  stalled: ReadonlySet<number>
  stalledUntil: number
  /** When its term ends, unless it is renewed. */
  expiresAt: number
}

export interface Place extends Omit<VaultSetting, 'putPrice' | 'readPrice'> {
  putPrice: number
  readPrice: number
  readonly copies: Map<number, Copy>
  dead: boolean
  lying: boolean
  /** Objects that it says it has, while it lies. */
  readonly ghosts: Set<number>
  outUntil: number
  /** Since when it has not been back for long enough to be noticed; meaningful while it is out. */
  outSince: number
  /** When it came back from an outage that was longer than the grace. */
  backAt: number
  /** Renewals are taken and not done until then. */
  renewalBrokenUntil: number
}

export type Answer = 'intact' | 'wrong' | 'absent' | 'silent'

export interface World {
  readonly places: Map<string, Place>
  /** Nothing at all is reachable until then. */
  isolatedUntil: number
}

export const placeOf = ({ profile, putPrice, readPrice }: VaultSetting): Place => ({
  profile,
  putPrice,
  readPrice,
  copies: new Map(),
  dead: false,
  lying: false,
  ghosts: new Set(),
  outUntil: 0,
  outSince: 0,
  backAt: Number.NEGATIVE_INFINITY,
  renewalBrokenUntil: 0,
})

export const answers = (world: World, place: Place, now: number): boolean =>
  !place.dead && place.outUntil <= now && world.isolatedUntil <= now

/** One block, asked for and hashed. */
export function ask(world: World, place: Place, { object, ordinal, now }: { object: number; ordinal: number; now: number }): Answer {
  if (!answers(world, place, now)) return 'silent'
  const copy = place.copies.get(object)
  if (!copy) return place.ghosts.has(object) ? 'wrong' : 'absent'
  if (copy.stalledUntil > now && copy.stalled.has(ordinal)) return 'silent'
  const block = copy.blocks[ordinal]
  return block === GOOD ? 'intact' : block === WRONG ? 'wrong' : 'absent'
}

/** The vault's own word. Only for vaults that answer. */
export const claims = (place: Place, object: number): boolean => place.copies.has(object) || place.ghosts.has(object)

export function store(place: Place, object: number, { blocks, expiresAt }: { blocks: Uint8Array; expiresAt: number }): Copy {
  let bad = 0
  for (const block of blocks) if (block !== GOOD) bad++
  place.ghosts.delete(object)
  const copy: Copy = { blocks: blocks.slice(), bad, stalled: new Set(), stalledUntil: 0, expiresAt }
  place.copies.set(object, copy)
  return copy
}

export function spoil(copy: Copy, ordinal: number, to: typeof WRONG | typeof GONE): void {
  if (copy.blocks[ordinal] === GOOD) copy.bad++
  copy.blocks[ordinal] = to
}

/** Is every block of it there and right? Whether anybody can reach it now is another question. */
export function isWhole(place: Place, object: number): boolean {
  return !place.dead && place.copies.get(object)?.bad === 0
}
