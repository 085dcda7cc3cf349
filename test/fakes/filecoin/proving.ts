/** How a fake storage provider proves: from the bytes that it keeps at that moment, in transactions of its own. */
import { CID } from 'multiformats/cid'
import { encodePacked, keccak256, toHex } from 'viem'
import { ChainRefusal } from './anvil.ts'
import type { Desk } from './desk.ts'
import { proofOf, treeOf } from './proofs.ts'
import type { Hex } from './types.ts'

const CHALLENGES = 5
/** Of the fake verifier. */
const FINALITY = 2n

/** Goes on to the next proving period: waits until the service lets it, and sends the first challenge epoch that may be. */
export async function nextPeriod(desk: Desk, setId: bigint): Promise<void> {
  const { ledger } = desk
  const [length, window] = await ledger.read<[bigint, bigint]>('fwssView', 'getPDPConfig', [])
  const deadline = await ledger.read<bigint>('fwssView', 'provingDeadline', [setId])
  if (deadline > 0n) await mineTo(desk, deadline - length)
  const mined = (await headOf(desk)) + 1n
  const skipped = mined <= deadline ? 0n : (mined - deadline - 1n) / length
  const next = deadline === 0n ? mined + length : deadline + length * (skipped + 1n)
  const challenge = next - window > mined + FINALITY ? next - window : mined + FINALITY
  if (challenge > next) {
    await mineTo(desk, next)
    return nextPeriod(desk, setId)
  }
  desk.transactions.push(await ledger.act(desk.address, 'pdp', 'nextProvingPeriod', [setId, challenge, '0x']))
}

export async function prove(desk: Desk, setId: bigint): Promise<boolean> {
  const { ledger } = desk
  const challengeEpoch = await ledger.read<bigint>('pdp', 'getNextChallengeEpoch', [setId])
  if (challengeEpoch === 0n) return false
  await mineTo(desk, challengeEpoch)
  const seed = await ledger.read<bigint>('pdp', 'getRandomness', [challengeEpoch])
  const range = await ledger.read<bigint>('pdp', 'getChallengeRange', [setId])
  const leaves = Array.from({ length: CHALLENGES }, (_, index) => {
    const drawn = keccak256(encodePacked(['uint256', 'uint256', 'uint64'], [seed, setId, BigInt(index)]))
    return BigInt(drawn) % range
  })
  const places = await ledger.read<{ pieceId: bigint; offset: bigint }[]>('pdp', 'findPieceIds', [setId, leaves])
  const trees = new Map<bigint, readonly Uint8Array[]>()
  for (const { pieceId } of places) {
    if (trees.has(pieceId)) continue
    const { data } = await ledger.read<{ data: Hex }>('pdp', 'getPieceCid', [setId, pieceId])
    const bytes = desk.pieces.get(`${CID.decode(Buffer.from(data.slice(2), 'hex'))}`)
    if (!bytes) return false
    trees.set(pieceId, treeOf(bytes))
  }
  const proofs = places.map(({ pieceId, offset }) => proofOf(trees.get(pieceId) as readonly Uint8Array[], Number(offset)))
  try {
    desk.transactions.push(await ledger.act(desk.address, 'pdp', 'provePossession', [setId, proofs]))
    return true
  } catch (error) {
    if (error instanceof ChainRefusal) return false
    throw error
  }
}

const headOf = async ({ ledger }: Desk) => BigInt(await ledger.anvil.rpc<Hex>('eth_blockNumber'))

/** Until the head is there, if it is not yet. */
async function mineTo(desk: Desk, block: bigint): Promise<void> {
  const missing = block - (await headOf(desk))
  if (missing > 0n) await desk.ledger.anvil.rpc('anvil_mine', [toHex(missing), toHex(30)])
}
