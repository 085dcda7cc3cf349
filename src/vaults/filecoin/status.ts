/** What the chain says of whether a piece is kept for us: a claim, as its provider makes it there. */
import type { AbortOptions, Standing } from '../../contracts.ts'
import type { At } from './locator.ts'
import type { ChainReader, ProofState } from './port.ts'

/** Held as soon as it is committed: whether it is challenged yet, `attest` tells. One that is to be removed, and one that nobody pays for any more, is absent already. */
export async function status(
  reader: ChainReader,
  at: Pick<At, 'dataSetId' | 'pieceId' | 'cid'>,
  { signal }: AbortOptions = {},
): Promise<Standing> {
  return standingIn(await reader.proofState(at.dataSetId, [at.pieceId], { signal }), at)
}

export function standingIn(state: ProofState, at: Pick<At, 'pieceId' | 'cid'>): Standing {
  const { isLive, isServed, endEpoch, epoch, scheduledRemovals, pieces } = state
  const piece = pieces.get(at.pieceId)
  const isOver = endEpoch !== 0n && endEpoch <= epoch.number
  // After a reorganisation another piece may have got the number.
  if (!isLive || !isServed || isOver || !piece?.isActive || !piece.cid?.equals(at.cid)) return 'absent'
  return scheduledRemovals.has(at.pieceId) ? 'absent' : 'held'
}
