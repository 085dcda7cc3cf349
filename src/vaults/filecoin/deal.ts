/** Brings a pack to a storage provider and its piece into the chain: goes on where a dead run stopped, and pays once whatever happens on the way. */
import type { Locator, Pack } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { bodyOf } from '../body.ts'
import { committed, finished, type Nonces, seen, setAt, settled, watched } from './commit.ts'
import { apiOf, type Dealing, type DealOptions, type Put, randomBits, save, type Tried, tried } from './dealing.ts'
import { locatorOf } from './locator.ts'
import { padded, pieceBytes } from './padded.ts'
import { candidates, nowhere, ready, uploaded } from './ready.ts'
import { remove } from './remove.ts'
import { ourSets, type Stands, standing } from './standing.ts'
import { type DealState, decodeState } from './state.ts'

/** Resolves when the piece is in a data set of ours, by the chain. */
export async function putDeal(dealing: Dealing, pack: Pack, options: DealOptions): Promise<Locator> {
  const { settings, reader } = dealing
  const { id } = settings
  const { signal } = options
  const before = await options.journal.load()
  const known = before && decodeState(id, before)
  if (known && known.chainId !== reader.chainId)
    throw new VaultError(
      'invalid',
      id,
      `an interrupted put of pack ${pack.name} was signed for chain ${known.chainId}, and this vault speaks to chain ${reader.chainId}; nothing was paid, end it with a vault of that chain, or give this vault another id`,
    )
  const { v2: cid } = await settings.pieceOf(padded(bodyOf(pack, id, { signal }), pack.byteLength), { signal })
  if (known && known.pieceCid !== `${cid}`)
    throw new VaultError(
      'damaged',
      id,
      `the body of pack ${pack.name} is piece ${cid}, and ${known.pieceCid} is what was signed for; rebuild the pack and put again`,
    )
  const put: Put = { dealing, pack, cid, options, signal }
  const at = known ? await goneOn(put, known) : await begun(put)
  return locatorOf({ chainId: reader.chainId, dataSetId: at.dataSetId, pieceId: at.pieceId, cid, byteLength: pack.byteLength })
}

/** What was signed before: posted again as it is until it is committed or refused. */
async function goneOn(put: Put, state: DealState): Promise<Stands> {
  const { dealing, options, signal } = put
  const outcome = state.txHash && (await dealing.reader.transaction(state.txHash, { signal }))
  const at = await seen(put, state)
  if (at) {
    const isThisOne = options.replace !== true || (state.replace && state.step !== 'replaced')
    // Else it was there before, and is what is to be replaced.
    return isThisOne ? replaced(put, await finished(put, state, at)) : begun(put)
  }
  const wasThere = state.step === 'committed' || state.step === 'replaced'
  if (outcome === 'reverted' || (outcome === 'succeeded' && wasThere)) return begun(put, { before: state })
  const brought = outcome === undefined ? await postedAgain(put, state) : await watched(put, state)
  if ('value' in brought) return replaced(put, brought.value)
  return begun(put, { before: state, trouble: brought.trouble })
}

/** A provider that lost what was uploaded gets it once more. */
async function postedAgain(put: Put, state: DealState): Promise<Tried<Stands>> {
  const { dealing, cid, pack, signal } = put
  await dealing.afford(pieceBytes(pack.byteLength), { isNewDataSet: state.dataSetId === undefined, signal })
  const sent = await settled(put, state)
  if ('value' in sent || sent.trouble.code !== 'invalid') return sent
  const has = await tried(() => apiOf(dealing, state.url).findPiece(cid, { signal }))
  if (!('value' in has) || has.value) return sent
  const there = await tried(() => uploaded(put, apiOf(dealing, state.url)))
  return 'value' in there ? settled(put, state) : there
}

interface Again {
  /** What was signed and is not committed. */
  readonly before?: DealState | undefined
  /** How its provider failed just now. */
  readonly trouble?: VaultError | undefined
}

/** From the first step, with the first provider that takes it. */
async function begun(put: Put, { before, trouble }: Again = {}): Promise<Stands> {
  const { dealing, cid, pack, options, signal } = put
  const nonces = await noncesAfter(put, before)
  const there = await standing(dealing, cid, { signal })
  const [first] = there
  if (first && options.replace !== true) return before ? finished(put, before, first) : first
  const restored = await restoredTo(put, there, { onlyLost: true })
  if (restored) return restored
  const failed = new Map<bigint, VaultError>(before && trouble ? [[before.providerId, trouble]] : [])
  const sets = await ourSets(dealing, { signal })
  for (const provider of await candidates(put, { sets, there, failed })) {
    await dealing.afford(pieceBytes(pack.byteLength), { isNewDataSet: !setAt(put, sets, provider), signal })
    const readied = await tried(() => ready(put, apiOf(dealing, provider.url)))
    const brought = 'value' in readied ? await committed(put, { provider, nonces, replaces: there }) : readied
    if ('value' in brought) return replaced(put, brought.value)
    failed.set(provider.id, brought.trouble)
  }
  const again = await restoredTo(put, there, { onlyLost: false })
  if (again) return again
  throw nowhere(put, failed)
}

/**
 * Those of before, so that the chain takes only one of both signatures. Not those that are used up: what they brought was there, and is not any more.
 * Asked before the chain is looked at for the piece: one that comes in between is found there.
 */
async function noncesAfter({ dealing, signal }: Put, before: DealState | undefined): Promise<Nonces> {
  const anew = { nonce: randomBits(), creation: randomBits() }
  if (!before) return anew
  const { nonce, dataSetId, clientDataSetId } = before
  const creation = dataSetId === undefined ? clientDataSetId : undefined
  for (const one of [nonce, creation]) if (one !== undefined && (await dealing.reader.createdBy(one, { signal })) !== undefined) return anew
  return { nonce, creation: creation ?? anew.creation }
}

/** Where the chain has it, and its provider has not, or has other bytes: the same again costs nothing. */
async function restoredTo(put: Put, there: readonly Stands[], { onlyLost }: { readonly onlyLost: boolean }): Promise<Stands | undefined> {
  const { dealing, cid, signal } = put
  const providers = there.length > 0 ? await dealing.reader.providers({ signal }) : []
  for (const one of there) {
    const provider = providers.find(({ id }) => id === one.set.providerId)
    if (!provider) continue
    const api = apiOf(dealing, provider.url)
    const restored = await tried(async () => {
      if (onlyLost && (await api.findPiece(cid, { signal }))) return false
      await uploaded(put, api)
      return true
    })
    if ('value' in restored && restored.value) return one
  }
  return undefined
}

/** Lets go of what was replaced, so that it is neither found nor paid for any more. One that stays does not take back that the pack is there again. */
async function replaced(put: Put, at: Stands): Promise<Stands> {
  const { dealing, cid, options, signal } = put
  const bytes = await options.journal.load()
  const state = bytes && decodeState(dealing.settings.id, bytes)
  if (!state?.replace || state.step !== 'committed') return at
  for (const spot of state.replaces) await tried(() => remove(dealing, { ...spot, cid }, { signal }))
  await save(put, { ...state, step: 'replaced' })
  return at
}
