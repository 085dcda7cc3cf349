/** How rows of evidence add up: the sum over replaced ones, and the verdict that decides whether a replica's blocks may be reused. */
import type { EvidenceRow, EvidenceTotals, Verdict } from '../contracts.ts'

export type Tally = Omit<EvidenceTotals, 'pack' | 'vault'>

export const tallyNothing: Tally = { checks: 0, intact: 0, damaged: 0, missing: 0, silent: 0, firstAt: Number.MAX_SAFE_INTEGER, lastAt: 0 }

const SILENT: ReadonlySet<Verdict> = new Set<Verdict>(['unreachable', 'denied', 'incomplete'])

/** Adds one row. `pending` and `unproven` count as checks only. */
export function tally(sum: Tally, { verdict, at }: Pick<EvidenceRow, 'verdict' | 'at'>): Tally {
  return {
    checks: sum.checks + 1,
    intact: sum.intact + (verdict === 'intact' ? 1 : 0),
    damaged: sum.damaged + (verdict === 'damaged' ? 1 : 0),
    missing: sum.missing + (verdict === 'missing' ? 1 : 0),
    silent: sum.silent + (SILENT.has(verdict) ? 1 : 0),
    firstAt: Math.min(sum.firstAt, at),
    lastAt: Math.max(sum.lastAt, at),
  }
}

/** The verdict a replica stands under; `object` is whose blocks it speaks of, 0 for all. */
export interface Review {
  readonly verdict: Verdict | undefined
  readonly at: number
  readonly object: number
}

/**
 * The newest row decides, with two exceptions. Only `intact` takes back a bad verdict, since silence and claims refute nothing; and a bad verdict about
 * one object's blocks is taken back only by evidence of those blocks or of the whole pack.
 */
export function review(standing: Review, { verdict, at, object }: Pick<EvidenceRow, 'verdict' | 'at' | 'object'>): Review {
  if (at < standing.at) return standing
  const acquits = verdict === 'intact' && (object === 0 || object === standing.object)
  return isBad(standing.verdict) && !isBad(verdict) && !acquits ? standing : { verdict, at, object }
}

function isBad(verdict: Verdict | undefined): boolean {
  return verdict === 'damaged' || verdict === 'missing'
}
