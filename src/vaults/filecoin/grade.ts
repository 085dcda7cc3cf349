/** What the proofs of a data set say of one piece in it, graded. The block decides what is overdue, never silence. */
import type { CID } from 'multiformats/cid'
import type { Attestation } from '../../contracts.ts'
import type { ProofState } from './port.ts'

export interface Expected {
  readonly pieceId: bigint
  /** Piece CID v2. */
  readonly cid: CID
  /** Storage is to be paid for that long ahead, in epochs. */
  readonly horizon: bigint
}

type Verdict = Omit<Attestation, 'at'>

/**
 * `refuted`: the piece is not there, or its data set is no more. `proven`: it was among what is challenged, the period that was closed last is proven, the one
 * under way is not overdue, and all of it is paid for beyond the horizon. Everything between is `unproven`, with all the reasons. Where the node forgot what
 * the last proof was drawn from, it is believed to have been drawn from the piece too, and the detail says so.
 */
export function grade(state: ProofState, expected: Expected): Verdict {
  const at = `at block ${state.epoch.number}`
  const gone = goneOf(state, expected)
  if (gone !== undefined) return { verdict: 'refuted', detail: `${gone}, ${at}` }
  const doubts = doubtsOf(state, expected)
  if (doubts.length > 0) return { verdict: 'unproven', detail: `${doubts.join('; ')}, ${at}` }
  const { deadline, dataSetId, rail, isProvenNow } = state
  const isForgotten = !isProvenNow && state.pieces.get(expected.pieceId)?.wasChallenged === undefined
  const forgotten = isForgotten ? ' (the node does not remember whether of this piece)' : ''
  const now = isProvenNow ? 'and the one under way' : `and the one under way is due by block ${deadline}`
  const paid = rail.fundedUntil === undefined ? 'nothing is being spent' : `paid for until block ${rail.fundedUntil}`
  return {
    verdict: 'proven',
    detail: `data set ${dataSetId}, piece ${expected.pieceId}: the last closed proving period is proven${forgotten} ${now}; ${paid}, ${at}`,
  }
}

function goneOf({ dataSetId, isLive, endEpoch, epoch, pieces }: ProofState, { pieceId, cid }: Expected): string | undefined {
  const piece = pieces.get(pieceId)
  if (!isLive) return `data set ${dataSetId} is no more`
  if (endEpoch !== 0n && endEpoch <= epoch.number) return `the service of data set ${dataSetId} ended at block ${endEpoch}`
  if (!piece?.cid) return `data set ${dataSetId} has no piece ${pieceId}`
  if (!piece.cid.equals(cid)) return `piece ${pieceId} of data set ${dataSetId} is another one, ${piece.cid}`
  if (!piece.isActive) return `piece ${pieceId} of data set ${dataSetId} was removed`
  return undefined
}

/** In words, the gravest first. */
function doubtsOf(state: ProofState, { pieceId, horizon }: Expected): readonly string[] {
  const { isServed, endEpoch, epoch, scheduledRemovals, pieces, activationEpoch, deadline, isProvenNow, wasProven, rail } = state
  const isOverdue = activationEpoch !== 0n && epoch.number > deadline && !isProvenNow
  const isLate = activationEpoch !== 0n && epoch.number > deadline && isProvenNow
  const doubts: (string | false)[] = [
    isOverdue && `the proof is overdue: its deadline was block ${deadline}`,
    wasProven === false && 'the proving period that was closed last was not proven',
    !isServed && 'the service does not hear of its proofs',
    endEpoch !== 0n && `the service ends at block ${endEpoch}`,
    scheduledRemovals.has(pieceId) && 'the piece is to be removed',
    activationEpoch === 0n && 'the data set is new, and no proof was asked for yet',
    activationEpoch !== 0n && wasProven === undefined && 'no proving period was closed yet',
    isLate && `the period under way was proven, and none was begun after its end at block ${deadline}`,
    pieces.get(pieceId)?.isChallengeable !== true && 'the piece is not yet among what is challenged',
    !isProvenNow && pieces.get(pieceId)?.wasChallenged === false && 'no proof was made since the piece is among what is challenged',
    rail.endEpoch !== 0n && `its payment ends at block ${rail.endEpoch}`,
    rail.fundedUntil !== undefined &&
      rail.fundedUntil < epoch.number + horizon &&
      `it is paid for until block ${rail.fundedUntil} only, and ${epoch.number + horizon} is wanted; renew tops it up`,
  ]
  return doubts.filter((doubt) => doubt !== false)
}
