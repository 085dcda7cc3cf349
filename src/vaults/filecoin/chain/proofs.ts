/** What the chain says of the proofs of one data set: everything at one block, since half of it from another block would be a lie. */

import type { Chain } from '@filoz/synapse-core/chains'
import { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import type { Epoch, PieceState, ProofState, Rail } from '../port.ts'
import { lastChallenged } from './challenged.ts'
import type { Pinned, Question } from './pinned.ts'

const PER_PIECE = 4

export async function proofStateOf(
  chain: Chain,
  pinned: Pinned,
  dataSetId: bigint,
  pieceIds: readonly bigint[],
  options: AbortOptions,
): Promise<ProofState> {
  const { pdp, fwss, fwssView } = chain.contracts
  const epoch = await pinned.epoch(options)
  const of = (contract: typeof pdp | typeof fwssView, functionName: string, ...args: readonly unknown[]): Question => ({
    ...contract,
    functionName,
    args,
  })
  const inSet = [
    'dataSetLive',
    'getDataSetListener',
    'getChallengeRange',
    'getNextChallengeEpoch',
    'getDataSetLastProvenEpoch',
    'getScheduledRemovals',
  ]
  const inService = ['getDataSet', 'provingActivationEpoch', 'provingDeadline', 'provenThisPeriod']
  const answers = await pinned.many(
    [
      ...inSet.map((name) => of(pdp, name, dataSetId)),
      ...inService.map((name) => of(fwssView, name, dataSetId)),
      of(fwssView, 'getPDPConfig'),
      ...pieceIds.flatMap((pieceId) => [
        of(pdp, 'pieceLive', dataSetId, pieceId),
        of(pdp, 'pieceChallengable', dataSetId, pieceId),
        of(pdp, 'getPieceLeafCount', dataSetId, pieceId),
        of(pdp, 'getPieceCid', dataSetId, pieceId),
      ]),
    ],
    { ...options, at: epoch },
  )
  const [isLive, listener, range, nextChallenge, lastProven, removals, set, activation, deadline, isProvenNow, config, ...rest] = answers
  const [provingPeriod = 0n, challengeWindow = 0n] = (config ?? []) as readonly bigint[]
  const service = (set ?? {}) as Partial<ServiceFacts>
  const times = { activationEpoch: bigintOf(activation), deadline: bigintOf(deadline), provingPeriod }
  const period = closedBefore(times)
  const more = await pinned.many(
    [
      ...(service.pdpRailId === undefined
        ? []
        : [
            { ...chain.contracts.filecoinPay, functionName: 'getRail', args: [service.pdpRailId] },
            { ...chain.contracts.filecoinPay, functionName: 'accounts', args: [chain.contracts.usdfc.address, service.payer] },
          ]),
      ...(period === undefined ? [] : [of(fwssView, 'provenPeriods', dataSetId, period)]),
    ],
    { ...options, at: epoch },
  )
  const [rail, account] = service.pdpRailId === undefined ? [] : more
  const wasProven = period === undefined ? undefined : more.at(-1) === true && bigintOf(lastProven) > beginningOf(times)
  const last =
    wasProven && isProvenNow !== true
      ? await lastChallenged(pinned, pdp, { dataSetId, block: bigintOf(lastProven) - 1n }, options)
      : undefined
  const challenged = (pieceId: bigint) => (last === undefined ? {} : { wasChallenged: pieceId <= last })
  return {
    epoch,
    dataSetId,
    isLive: isLive === true,
    isServed: `${listener}`.toLowerCase() === fwss.address.toLowerCase() && service.dataSetId === dataSetId,
    endEpoch: service.pdpEndEpoch ?? 0n,
    challengeRange: bigintOf(range),
    ...times,
    challengeWindow,
    isProvenNow: isProvenNow === true,
    wasProven,
    nextChallengeEpoch: bigintOf(nextChallenge),
    lastProvenEpoch: bigintOf(lastProven),
    scheduledRemovals: new Set((removals ?? []) as readonly bigint[]),
    rail: railOf(rail as RailFacts | undefined, account as readonly bigint[] | undefined, epoch),
    pieces: new Map(
      pieceIds.map((pieceId, at) => [pieceId, { ...pieceOf(rest.slice(at * PER_PIECE, (at + 1) * PER_PIECE)), ...challenged(pieceId) }]),
    ),
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
  readonly settledUpTo: bigint
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
  if (!rail) return { ratePerEpoch: 0n, lockupPeriod: 0n, settledUpTo: 0n, endEpoch: 1n, fundedUntil: number }
  const { paymentRate: ratePerEpoch, lockupPeriod, settledUpTo, endEpoch } = rail
  return { ratePerEpoch, lockupPeriod, settledUpTo, endEpoch, fundedUntil: fundedUntil(account) }
}

/** Of an account of the payments contract: funds, locked up, rate of that, and when it was last counted. Undefined: nothing is being spent. */
export function fundedUntil(account: readonly bigint[] | undefined): bigint | undefined {
  const [funds = 0n, locked = 0n, rate = 0n, countedAt = 0n] = account ?? []
  if (rate === 0n) return undefined
  return funds <= locked ? countedAt : countedAt + (funds - locked) / rate
}

function pieceOf([isActive, isChallengeable, leafCount, cid]: readonly unknown[]): PieceState {
  return {
    isActive: isActive === true,
    isChallengeable: isChallengeable === true,
    leafCount: bigintOf(leafCount),
    cid: cidIn(cid),
  }
}

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
