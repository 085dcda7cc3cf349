/**
 * One piece, one commit. What was signed is durable before a provider hears of it, and is posted again as it is. Whether it was committed, the chain
 * says. What is signed anew for the same pack keeps its nonce, which the chain takes once: of two commits one is always refused.
 */
import { VaultError } from '../../errors.ts'
import { tell } from '../body.ts'
import { inTurn } from '../turns.ts'
import { apiOf, type Put, save, type Tried, tried } from './dealing.ts'
import { isOurs, metadataFor, SOURCE } from './metadata.ts'
import { pieceBytes } from './padded.ts'
import type { DataSet, Hex, Provider } from './port.ts'
import { type Stands, standing } from './standing.ts'
import type { DealState, Spot } from './state.ts'

const POLL_MS = 5_000
/** A transaction whose provider never told of it is mined within a few blocks, or was not sent. */
const UNTOLD_MS = 90_000

/** The same for every signature of a put, whoever it is for: the chain takes each once, and so one commit of all. */
export interface Nonces {
  readonly nonce: bigint
  /** Of a data set that is created. */
  readonly creation: bigint
}

export interface Order {
  readonly provider: Provider
  readonly nonces: Nonces
  readonly replaces: readonly Spot[]
}

/** Where pieces are added at that provider: the data set that the user named, else the oldest of ours. */
export function setAt({ dealing }: Put, sets: readonly DataSet[], provider: Pick<Provider, 'id'>): DataSet | undefined {
  const { dataSet } = dealing.settings
  return sets.find(
    ({ id, providerId, endEpoch, metadata }) =>
      providerId === provider.id && endEpoch === 0n && (dataSet === undefined ? isOurs(metadata) : id === dataSet),
  )
}

/** Signs, posts, and waits for the chain. The provider has the piece. */
export async function committed(put: Put, order: Order): Promise<Tried<Stands>> {
  const { dealing, signal } = put
  const set = setAt(put, await dealing.reader.dataSets({ signal }), order.provider)
  if (set) return signedAndPosted(put, order, set)
  const work = async () => signedAndPosted(put, order, setAt(put, await dealing.reader.dataSets({ signal }), order.provider))
  return inTurn(dealing.turns, `a data set at provider ${order.provider.id}`, work, { signal })
}

async function signedAndPosted(put: Put, order: Order, set: DataSet | undefined): Promise<Tried<Stands>> {
  const { dealing, pack, signal } = put
  const isNewDataSet = set === undefined
  const byteLength = pieceBytes(pack.byteLength)
  await dealing.afford(byteLength, { isNewDataSet, signal })
  const charge = await dealing.chargeOf?.({ isNewDataSet, signal })
  const state = { ...(await signed(put, order, set)), charge }
  await save(put, state)
  return settled(put, state)
}

async function signed(put: Put, { provider, nonces, replaces }: Order, set: DataSet | undefined): Promise<DealState> {
  const { dealing, pack, cid, options } = put
  const { reader, writer } = dealing
  const { nonce } = nonces
  const clientDataSetId = set?.clientDataSetId ?? nonces.creation
  const order = { clientDataSetId, nonce, pieces: [{ cid, metadata: metadataFor(pack) }] }
  const extraData: Hex = set
    ? await writer.signAddition(order)
    : await writer.signCreation({ ...order, payee: provider.payee, metadata: SOURCE })
  const { chainId } = reader
  const { id: providerId, url } = provider
  const { replace = false } = options
  const about = { chainId, providerId, url, pieceCid: `${cid}`, clientDataSetId, nonce, dataSetId: set?.id, extraData }
  return { step: 'signed', ...about, replace, replaces }
}

/** Posts what was signed, and waits. A provider that refuses it, and a commit that the chain refused, are trouble that another provider may not have. */
export async function settled(put: Put, state: DealState): Promise<Tried<Stands>> {
  const sent = await tried(() => post(put, state))
  if ('value' in sent) return watched(put, await posted(put, state, sent.value))
  put.signal?.throwIfAborted()
  const at = await untold(put, state, sent.trouble.code === 'unreachable' ? UNTOLD_MS : 0)
  return at ? { value: await finished(put, state, at) } : sent
}

/** It may have sent the transaction, now or before, and its answer was lost. */
async function untold(put: Put, state: DealState, patienceMs: number): Promise<Stands | undefined> {
  for (let waited = 0; ; waited += POLL_MS) {
    const at = await seen(put, state)
    if (at || waited >= patienceMs) return at
    await put.dealing.settings.wait(POLL_MS, { signal: put.signal })
  }
}

async function posted(put: Put, state: DealState, txHash: Hex): Promise<DealState> {
  const after: DealState = { ...state, step: 'posted', txHash }
  await save(put, after)
  return after
}

async function post({ dealing, cid, signal }: Put, { url, dataSetId, extraData }: DealState): Promise<Hex> {
  const api = apiOf(dealing, url)
  const order = { cid, extraData, signal }
  return dataSetId === undefined
    ? api.createAndAdd({ ...order, recordKeeper: dealing.writer.recordKeeper })
    : api.add({ ...order, dataSetId })
}

/** Looks at the chain until the piece is there. Throws `unreachable` when that takes too long: the next put goes on from there. */
export async function watched(put: Put, state: DealState): Promise<Tried<Stands>> {
  const { dealing, signal } = put
  const { id, commitTimeoutMs, wait } = dealing.settings
  const { txHash } = state
  for (let waited = 0; ; waited += POLL_MS) {
    // Asked before the pieces are: what it brought is among them then.
    const outcome = txHash && (await dealing.reader.transaction(txHash, { signal }))
    const at = await seen(put, state)
    if (at) return { value: await finished(put, state, at) }
    if (outcome === 'reverted') return { trouble: reverted(id, state) }
    if (waited >= commitTimeoutMs) throw unsettled(id, state, outcome)
    await wait(POLL_MS, { signal })
  }
}

/** The piece, wherever in our data sets a signature of this put may have brought it. */
export async function seen({ dealing, cid, signal }: Put, { replaces }: Pick<DealState, 'replaces'>): Promise<Stands | undefined> {
  const stands = await standing(dealing, cid, { signal })
  return stands.find((one) => !replaces.some((spot) => isSame(spot, one)))
}

export const isSame = (one: Spot, other: Spot): boolean => one.dataSetId === other.dataSetId && one.pieceId === other.pieceId

/** Remembers that it is there before anybody is told, so that each charge is told once. */
export async function finished(put: Put, state: DealState, at: Stands): Promise<Stands> {
  if (state.step === 'committed' || state.step === 'replaced') return at
  await save(put, { ...state, step: 'committed' })
  if (state.charge) tell(put.options.onCharge, state.charge)
  return at
}

const nameOf = ({ txHash }: DealState) => (txHash === undefined ? 'the commit' : `transaction ${txHash}`)

const reverted = (id: string, state: DealState) =>
  new VaultError(
    'invalid',
    id,
    `${nameOf(state)} of provider ${state.providerId} was refused by the chain, and nothing was paid; put again: it is signed anew`,
  )

const unsettled = (id: string, state: DealState, outcome: string | undefined) =>
  new VaultError(
    'unreachable',
    id,
    `piece ${state.pieceCid} is not committed yet: ${nameOf(state)} of provider ${state.providerId} ${outcome === undefined ? 'does not show on the chain' : `is ${outcome} there, and the piece does not show`}; put again to go on from there, nothing is paid twice`,
  )
