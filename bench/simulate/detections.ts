/**
 * How soon a silent loss is noticed, by experiment: blocks of a copy are gone at a random moment, and audits go on as they would have. Draws, rotation and
 * cadence are the library's own.
 */
import { dueAt } from '../../src/policy/cadence.ts'
import { draw } from '../../src/policy/challenge.ts'
import { rotate } from '../../src/policy/rotation.ts'
import { chanceOf } from './random.ts'
import { DAY } from './scenario.ts'

const SEED_BYTES = 32

export interface DetectionModel {
  readonly blocks: number
  readonly lost: number
  /** Blocks read per audit. */
  readonly sample: number
}

interface Trials {
  readonly trials: number
  readonly seed: number
}

/** Share of trials in which `audits` audits from fresh seeds, each drawn anew, meet at least one of the lost blocks. */
export function foundByDraws({ blocks, lost, sample }: DetectionModel, audits: number, { trials, seed }: Trials): number {
  const chance = chanceOf(seed)
  let found = 0
  for (let trial = 0; trial < trials; trial++) {
    for (let audit = 0; audit < audits; audit++) {
      const asked = draw({ seed: chance.bytes(SEED_BYTES), population: blocks, count: sample })
      // Draws are uniform, so which blocks are lost is of no matter: the first ones.
      if (!asked.some((ordinal) => ordinal < lost)) continue
      found++
      break
    }
  }
  return found / trials
}

/** The same for a rotation that begins a round with the first of these audits. */
export function foundByRotation({ blocks, lost, sample }: DetectionModel, audits: number, { trials, seed }: Trials): number {
  const chance = chanceOf(seed)
  const random = () => chance.bytes(SEED_BYTES)
  let found = 0
  for (let trial = 0; trial < trials; trial++) {
    let state: ReturnType<typeof rotate>['next'] | undefined
    for (let audit = 0; audit < audits; audit++) {
      const { indexes, next } = rotate(state, { population: blocks, count: sample, random })
      state = next
      if (!indexes.some((ordinal) => ordinal < lost)) continue
      found++
      break
    }
  }
  return found / trials
}

/** Mean days from the loss of a whole copy, at a random moment, to the audit that notices it, under that age limit. */
export function daysToNotice(maxAgeDays: number, { trials, seed }: Trials): number {
  const chance = chanceOf(seed)
  let days = 0
  for (let trial = 0; trial < trials; trial++) {
    const lostAt = chance.unit() * 10 * maxAgeDays * DAY
    let at = -chance.unit() * maxAgeDays * DAY
    while (at < lostAt) at = dueAt({ name: `${trial} ${at}`, lastAt: at, maxAgeDays })
    days += (at - lostAt) / DAY
  }
  return days / trials
}
