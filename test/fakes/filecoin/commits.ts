/** Transactions that a fake storage provider sends for its clients, and what it says of them. */
import { CID } from 'multiformats/cid'
import { type Log, parseEventLogs, toHex } from 'viem'
import { ChainRefusal } from './anvil.ts'
import { type Desk, parsed, Refusal, type Reply, takes } from './desk.ts'
import type { Hex } from './types.ts'

interface Order {
  readonly recordKeeper: Hex
  readonly extraData: Hex
  readonly pieces: readonly { readonly pieceCid: string; readonly subPieces: readonly { readonly subPieceCid: string }[] }[]
}

interface Receipt {
  readonly status: Hex
  readonly logs: Log[]
}

const NOBODY: Hex = `0x${'00'.repeat(20)}`

export async function createSet(desk: Desk, body: Buffer): Promise<Reply> {
  const { recordKeeper, extraData } = parsed<Order>(body)
  return commit(desk, 'createDataSet', [recordKeeper, extraData], (hash) => `/pdp/data-sets/created/${hash}`)
}

export async function createAndAdd(desk: Desk, body: Buffer): Promise<Reply> {
  const order = parsed<Order>(body)
  const args = [0n, order.recordKeeper, piecesOf(desk, order), order.extraData]
  return commit(desk, 'addPieces', args, (hash) => `/pdp/data-sets/created/${hash}`)
}

export async function addPieces(desk: Desk, setId: string, body: Buffer): Promise<Reply> {
  const order = parsed<Order>(body)
  const args = [BigInt(setId), NOBODY, piecesOf(desk, order), order.extraData]
  return commit(desk, 'addPieces', args, (hash) => `/pdp/data-sets/${setId}/pieces/added/${hash}`)
}

export async function removePiece(desk: Desk, setId: string, pieceId: string, body: Buffer): Promise<Reply> {
  const { extraData } = parsed<Order>(body)
  const hash = await sent(desk, 'schedulePieceDeletions', [BigInt(setId), [BigInt(pieceId)], extraData])
  return { status: 200, json: { txHash: hash } }
}

export async function creationStatus(desk: Desk, hash: string): Promise<Reply> {
  const receipt = await receiptOf(desk, hash)
  const common = { createMessageHash: hash, service: 'public' }
  if (receipt === undefined || desk.faults.pendingFor) {
    const txStatus = receipt !== undefined && desk.faults.pendingFor === 1 ? 'confirmed' : 'pending'
    takes(desk.faults, 'pendingFor')
    return { status: 200, json: { ...common, dataSetCreated: false, txStatus, ok: null } }
  }
  if (receipt.status !== '0x1') return { status: 200, json: { ...common, dataSetCreated: false, txStatus: 'rejected', ok: false } }
  const setId = eventOf<{ setId: bigint }>(desk, receipt, 'DataSetCreated')?.setId
  return { status: 200, json: { ...common, dataSetCreated: true, txStatus: 'confirmed', ok: true, dataSetId: Number(setId) } }
}

export async function additionStatus(desk: Desk, setId: string, hash: string): Promise<Reply> {
  const receipt = await receiptOf(desk, hash)
  const added = receipt && eventOf<{ pieceIds: readonly bigint[] }>(desk, receipt, 'PiecesAdded')
  const common = { txHash: hash, dataSetId: Number(setId), pieceCount: added?.pieceIds.length ?? 0 }
  const open = { addMessageOk: null, piecesAdded: false }
  if (receipt === undefined || takes(desk.faults, 'pendingFor')) return { status: 200, json: { ...common, ...open, txStatus: 'pending' } }
  if (receipt.status !== '0x1') return { status: 200, json: { ...common, ...open, txStatus: 'rejected' } }
  const confirmedPieceIds = added?.pieceIds.map(Number) ?? []
  return { status: 200, json: { ...common, txStatus: 'confirmed', addMessageOk: true, piecesAdded: true, confirmedPieceIds } }
}

export async function describeSet(desk: Desk, setId: string): Promise<Reply> {
  const id = BigInt(setId)
  if (!(await desk.ledger.read<boolean>('pdp', 'dataSetLive', [id]))) throw new Refusal(404, 'Data set not found')
  const [owner] = await desk.ledger.read<[Hex, Hex]>('pdp', 'getDataSetStorageProvider', [id])
  if (owner !== desk.address) throw new Refusal(404, 'Data set not found')
  const next = await desk.ledger.read<bigint>('pdp', 'getNextChallengeEpoch', [id])
  const [cids, ids] = await desk.ledger.read<[{ data: Hex }[], bigint[], boolean]>('pdp', 'getActivePieces', [id, 0n, 10_000n])
  const pieces = cids.map(({ data }, at) => {
    const pieceCid = `${CID.decode(Buffer.from(data.slice(2), 'hex'))}`
    return { pieceCid, pieceId: Number(ids[at]), subPieceCid: pieceCid, subPieceOffset: 0 }
  })
  return { status: 200, json: { id: Number(setId), nextChallengeEpoch: Number(next), pieces } }
}

function piecesOf(desk: Desk, { pieces }: Order): readonly { readonly data: Hex }[] {
  if (!Array.isArray(pieces) || pieces.length === 0) throw new Refusal(400, 'At least one piece must be provided')
  return pieces.map(({ pieceCid, subPieces }) => {
    if (subPieces?.length !== 1 || subPieces[0]?.subPieceCid !== pieceCid) throw new Refusal(400, 'this fake joins no pieces')
    if (!desk.pieces.has(pieceCid)) throw new Refusal(400, `subPiece CID ${pieceCid} not found or does not belong to service`)
    return { data: toHex(CID.parse(pieceCid).bytes) }
  })
}

async function commit(desk: Desk, name: string, args: readonly unknown[], location: (hash: Hex) => string): Promise<Reply> {
  const dies = desk.faults.diesMidCommit
  delete desk.faults.diesMidCommit
  if (dies === 'before') return 'cut'
  const hash = await sent(desk, name, args)
  return dies === 'after' ? 'cut' : { status: 201, headers: { location: location(hash) } }
}

/** Refuses what would be reverted before it sends anything, as its gas cannot be estimated. */
async function sent(desk: Desk, name: string, args: readonly unknown[]): Promise<Hex> {
  try {
    const hash = await desk.ledger.send(desk.address, 'pdp', name, args)
    desk.transactions.push(hash)
    return hash
  } catch (error) {
    if (!(error instanceof ChainRefusal)) throw error
    throw new Refusal(500, `Failed to send transaction: ${error.message}${typeof error.revert === 'string' ? ` (${error.revert})` : ''}`)
  }
}

async function receiptOf(desk: Desk, hash: string): Promise<Receipt | undefined> {
  if (!desk.transactions.includes(hash as Hex)) throw new Refusal(404, 'Transaction not found')
  return (await desk.ledger.anvil.rpc<Receipt | null>('eth_getTransactionReceipt', [hash])) ?? undefined
}

function eventOf<T>(desk: Desk, { logs }: Receipt, eventName: string): T | undefined {
  const own = logs.filter((log) => log.address.toLowerCase() === desk.ledger.contracts.pdp.toLowerCase())
  const [event] = parseEventLogs({ abi: desk.ledger.abis.pdp, eventName, logs: own })
  return (event as { readonly args: T } | undefined)?.args
}
