/** What the chain says of the proofs of one data set: everything at one block, since half of it from another block would be a lie. */
import type { Chain } from '@filoz/synapse-core/chains'
import { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import type { Epoch, PieceState, ProofState, Rail } from '../port.ts'
import { lastChallenged } from './challenged.ts'
import type { Pinned, Question } from './pinned.ts'

const OF_SET = ['dataSetLive', 'getDataSetListener', 'getDataSetLastProvenEpoch', 'getScheduledRemovals']
const OF_SERVICE = ['getDataSet', 'provingActivationEpoch', 'provingDeadline', 'provenThisPeriod']
const OF_PIECE = ['pieceLive', 'pieceChallengable', 'getPieceCid']

/** Of which data set, read where. */
interface Reading extends AbortOptions {
  readonly chain: Chain
  readonly pinned: Pinned
  readonly dataSetId: bigint
}

export async function proofStateOf(reading: Reading, pieceIds: readonly bigint[]): Promise<ProofState> {
  const { chain, pinned, dataSetId, signal } = reading
  const { pdp, fwss, fwssView } = chain.contracts
  const epoch = await pinned.epoch({ signal })
  const answers = await pinned.many(
    [
      ...OF_SET.map((functionName): Question => ({ ...pdp, functionName, args: [dataSetId] })),
      ...OF_SERVICE.map((functionName): Question => ({ ...fwssView, functionName, args: [dataSetId] })),
      { ...fwssView, functionName: 'getPDPConfig' },
      ...pieceIds.flatMap((id) => OF_PIECE.map((functionName): Question => ({ ...pdp, functionName, args: [dataSetId, id] }))),
    ],
    { signal, at: epoch },
  )
  const [isLive, listener, lastProven, removals, set, activation, deadline, provenNow, config, ...ofPieces] = answers
  const [provingPeriod = 0n] = (config ?? []) as readonly bigint[]
  const service = (set ?? {}) as Partial<ServiceFacts>
  const times = { activationEpoch: bigintOf(activation), deadline: bigintOf(deadline), provingPeriod }
  const lastProvenEpoch = bigintOf(lastProven)
  const { rail, isMarked } = await moreOf(reading, { service, period: closedBefore(times), epoch })
  const wasProven = isMarked && lastProvenEpoch > beginningOf(times)
  const isProvenNow = provenNow === true
  const isOld = wasProven === true && !isProvenNow && pieceIds.length > 0
  const last = isOld ? await lastChallenged(pinned, pdp, { dataSetId, block: lastProvenEpoch - 1n }, { signal }) : undefined
  const pieces = pieceIds.map((pieceId, place): [bigint, PieceState] => {
    const piece = pieceOf(ofPieces.slice(place * OF_PIECE.length, (place + 1) * OF_PIECE.length))
    return [pieceId, { ...piece, ...(last !== undefined && { wasChallenged: pieceId <= last }) }]
  })
  return {
    epoch,
    dataSetId,
    isLive: isLive === true,
    isServed: `${listener}`.toLowerCase() === fwss.address.toLowerCase() && service.dataSetId === dataSetId,
    endEpoch: service.pdpEndEpoch ?? 0n,
    ...times,
    isProvenNow,
    wasProven,
    lastProvenEpoch,
    scheduledRemovals: new Set((removals ?? []) as readonly bigint[]),
    rail,
    pieces: new Map(pieces),
  }
}

interface Further {
  readonly service: Partial<ServiceFacts>
  readonly period: bigint | undefined
  readonly epoch: Epoch
}

/** What can be asked only once the data set is known: how it is paid for, and whether the period that was closed last is marked as proven. */
async function moreOf({ chain, pinned, dataSetId, signal }: Reading, { service, period, epoch }: Further) {
  const { filecoinPay, fwssView, usdfc } = chain.contracts
  const [isMarked, rail, account] = await pinned.many(
    [
      // Of no period it is asked as well, and not believed: the answers keep their places.
      { ...fwssView, functionName: 'provenPeriods', args: [dataSetId, period ?? 0n] },
      { ...filecoinPay, functionName: 'getRail', args: [service.pdpRailId ?? 0n] },
      { ...filecoinPay, functionName: 'accounts', args: [usdfc.address, service.payer ?? fwssView.address] },
    ],
    { signal, at: epoch },
  )
  return {
    rail: railOf(rail as RailFacts | undefined, account as readonly bigint[] | undefined, epoch),
    isMarked: period === undefined ? undefined : isMarked === true,
  }
}

interface ServiceFacts {
  readonly dataSetId: bigint
  readonly pdpRailId: bigint
  readonly payer: string
  readonly pdpEndEpoch: bigint
}

interface RailFacts {
  readonly paymentRate: bigint
  readonly lockupPeriod: bigint
  readonly endEpoch: bigint
}

const bigintOf = (value: unknown): bigint => (typeof value === 'bigint' ? value : 0n)

/** The number of the period before the one that the deadline ends; undefined: there is none. */
function closedBefore({
  activationEpoch,
  deadline,
  provingPeriod,
}: Pick<ProofState, 'activationEpoch' | 'deadline' | 'provingPeriod'>): bigint | undefined {
  if (activationEpoch === 0n || provingPeriod === 0n || deadline <= activationEpoch) return undefined
  const current = (deadline - activationEpoch) / provingPeriod - 1n
  return current > 0n ? current - 1n : undefined
}

/**
 * Of the period that was closed last. A data set that was emptied and filled again counts its periods anew and keeps the marks of its earlier life: only a
 * proof that was made since then is one of what is in it now.
 */
const beginningOf = ({ deadline, provingPeriod }: Pick<ProofState, 'deadline' | 'provingPeriod'>): bigint => deadline - 2n * provingPeriod

/** A rail that is not there was settled and forgotten: it has ended. */
function railOf(rail: RailFacts | undefined, account: readonly bigint[] | undefined, { number }: Epoch): Rail {
  if (!rail) return { ratePerEpoch: 0n, lockupPeriod: 0n, endEpoch: 1n, fundedUntil: number }
  const { paymentRate: ratePerEpoch, lockupPeriod, endEpoch } = rail
  return { ratePerEpoch, lockupPeriod, endEpoch, fundedUntil: fundedUntil(account) }
}

/** Of an account of the payments contract: funds, locked up, rate of that, and when it was last counted. Undefined: nothing is being spent. */
export function fundedUntil(account: readonly bigint[] | undefined): bigint | undefined {
  const [funds = 0n, locked = 0n, rate = 0n, countedAt = 0n] = account ?? []
  if (rate === 0n) return undefined
  return funds <= locked ? countedAt : countedAt + (funds - locked) / rate
}

const pieceOf = ([isActive, isChallengeable, cid]: readonly unknown[]): PieceState => ({
  isActive: isActive === true,
  isChallengeable: isChallengeable === true,
  cid: cidIn(cid),
})

/** Of the struct that the contracts keep CIDs in. */
export function cidIn(struct: unknown): CID | undefined {
  const { data } = (struct ?? {}) as { readonly data?: string }
  if (data === undefined || data === '0x') return undefined
  try {
    return CID.decode(Buffer.from(data.slice(2), 'hex'))
  } catch {
    return undefined
  }
}
