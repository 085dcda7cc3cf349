/** How far the reading of a vault's structure should be by now: all of it once a round, spread evenly over it. */
import type { StructureRow } from '../contracts/catalog-audit.ts'
import { DAY_MS, DUE_SHARE } from './cadence.ts'

export interface Pace {
  /** Packs that should have been read in this round by now. */
  readonly wanted: number
  /** The round is over and the next one begins. */
  readonly renew: boolean
  /** Between 0 and 1. */
  readonly elapsed: number
}

/**
 * Rounds last two thirds of the age limit, so that nothing is older than the limit when it is read again although a round is a little late. A clock that was
 * set back begins the round anew: nothing is read too late by it.
 */
export function paceOf(
  round: StructureRow | undefined,
  { packs, now, maxAgeDays }: { readonly packs: number; readonly now: number; readonly maxAgeDays: number },
): Pace {
  const lengthMs = maxAgeDays * DAY_MS * DUE_SHARE
  if (!round || round.begunAt > now) return { wanted: 0, renew: true, elapsed: 0 }
  const elapsed = Math.min(1, (now - round.begunAt) / lengthMs)
  if (elapsed >= 1 && round.endedAt !== undefined && round.endedAt >= round.begunAt) return { wanted: 0, renew: true, elapsed }
  return { wanted: Math.ceil(elapsed * packs), renew: false, elapsed }
}
