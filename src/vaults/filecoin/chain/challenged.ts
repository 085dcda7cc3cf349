/** What a proof was drawn from: a piece that was added since is not in it, however proven the period is. */
import type { Chain } from '@filoz/synapse-core/chains'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Pinned } from './pinned.ts'
import { LIMIT_EXCEEDED } from './wire.ts'

/** The last piece that challenges were drawn from at that block; pieces are numbered as they were added. Undefined where the node forgot the block. */
export async function lastChallenged(
  pinned: Pinned,
  pdp: Chain['contracts']['pdp'],
  { dataSetId, block }: { readonly dataSetId: bigint; readonly block: bigint },
  options: AbortOptions,
): Promise<bigint | undefined> {
  const at = { number: block, at: 0 }
  try {
    const [range] = await pinned.many([{ ...pdp, functionName: 'getChallengeRange', args: [dataSetId] }], { ...options, at })
    if (typeof range !== 'bigint' || range === 0n) return undefined
    const [found] = await pinned.many([{ ...pdp, functionName: 'findPieceIds', args: [dataSetId, [range - 1n]] }], { ...options, at })
    return ((found ?? []) as readonly { readonly pieceId: bigint }[])[0]?.pieceId
  } catch (error) {
    if (isForgotten(error)) return undefined
    throw error
  }
}

/** The node answered, and its answer was that it cannot: no time-out, no refusal, and not that it is asked too often. */
const isForgotten = (error: unknown): boolean =>
  error instanceof VaultError &&
  error.code === 'unreachable' &&
  error.walk((at) => at instanceof Error && at.name === 'RpcRequestError' && (at as { code?: unknown }).code !== LIMIT_EXCEEDED) !==
    undefined
