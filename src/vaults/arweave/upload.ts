/**
 * One pack, one transaction, one payment. What was signed is durable before it is sent, and sent again as it is until it is mined or cannot be mined any
 * more; only then, and only when the nodes agree that it is nowhere, another one is signed. Chunks cost nothing and are sent as often as needed.
 */
import type { AbortOptions, Journal, Pack, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { bodyOf, tell } from '../body.ts'
import { readOnce } from '../read-once.ts'
import { arOf } from './amount.ts'
import { type Found, hitsFor, transactionsAmong } from './find.ts'
import { inclusionOf } from './inclusion.ts'
import type { AtTransaction } from './locator.ts'
import { type ChunkTree, treeOf } from './merkle.ts'
import { assertFunds, priceOf, rewardFor } from './money.ts'
import { ask, askAll, shown, worstOf } from './network.ts'
import type { Settings } from './options.ts'
import { seed } from './seed.ts'
import { decodeState, encodeState, type UploadState } from './state.ts'
import { tagsOf } from './tagged.ts'
import { anchorOf, heightNow, isOver } from './tip.ts'
import { signTransaction } from './transaction.ts'

/** Resolves when a node has taken the transaction, and every chunk of it. */
export async function upload(
  settings: Settings,
  pack: Pack,
  options: VaultPutOptions & { readonly journal: Journal },
): Promise<AtTransaction> {
  const { id } = settings
  const { journal, signal, replace = false, onProgress } = options
  const [body, tree] = await treeAndBody(pack, id, { signal })
  const upload: Upload = { settings, pack, tree, journal, signal, onCharge: options.onCharge }
  const known = await remembered(upload)
  const state = known ? await goneOn(upload, known) : ((await adoptable(upload)) ?? (await posted(upload, await begun(upload))))
  const isSeeded = state.cursor >= tree.chunkCount
  const from = replace && isSeeded ? 0 : state.cursor
  const save = async (cursor: number) => {
    if (state.signed) await journal.save(encodeState({ ...state.signed, cursor }))
  }
  await seed(settings, { pack: body, tree, from, save, signal, onProgress: (event) => tell(onProgress, event) })
  return { kind: 'tx', id: state.id, dataRoot: tree.dataRoot, byteLength: tree.byteLength }
}

async function treeAndBody(pack: Pack, id: string, { signal }: AbortOptions): Promise<readonly [Pack, ChunkTree]> {
  const body = await readOnce(pack, id, { signal })
  return [body, await treeOf(bodyOf(body, id, { signal }), pack.byteLength, { signal })]
}

interface Upload extends AbortOptions {
  readonly settings: Settings
  readonly pack: Pack
  readonly tree: ChunkTree
  readonly journal: Journal
  readonly onCharge: VaultPutOptions['onCharge']
}

/** In the chain, or on its way there. */
interface Going {
  readonly id: string
  readonly cursor: number
  /** Absent where the transaction was found in the chain: nobody here remembers it, and it needs no posting. */
  readonly signed?: UploadState
}

const going = (signed: UploadState): Going => ({ id: signed.transaction.id, cursor: signed.cursor, signed })

async function remembered({ settings, pack, tree, journal }: Upload): Promise<UploadState | undefined> {
  const bytes = await journal.load()
  if (!bytes) return undefined
  const state = decodeState(settings.id, bytes)
  if (state.transaction.data_root === rootOf(tree)) return state
  throw new VaultError(
    'damaged',
    settings.id,
    `the body of pack ${pack.name} is not the one that transaction ${state.transaction.id} was signed for; rebuild the pack and put again`,
  )
}

/** One of ours with the very same bytes, from a time that nobody remembers: it was paid for. */
async function adoptable({ settings, pack, tree, signal }: Upload): Promise<Going | undefined> {
  const found = await transactionsAmong(settings, pack.name, await hitsFor(settings, pack.name, { signal }), { signal })
  const same = found.find((one): one is Found & { state: 'mined' } => one.state === 'mined' && isSame(one, tree))
  if (same) return { id: same.id, cursor: 0 }
  const pending = found.find(({ state }) => state === 'pending')
  if (!pending) return undefined
  throw new VaultError(
    'conflict',
    settings.id,
    `transaction ${pending.id} of this wallet is to bring pack ${pack.name} and is not mined yet, says ${pending.host}; put again in an hour, so that it is not paid for twice`,
  )
}

const isSame = ({ transaction }: Extract<Found, { state: 'mined' }>, tree: ChunkTree) =>
  Buffer.compare(transaction.dataRoot, tree.dataRoot) === 0 && transaction.byteLength === tree.byteLength

const rootOf = ({ dataRoot }: ChunkTree): string => Buffer.from(dataRoot).toString('base64url')

/** Signed, and durable. Throws `exhausted` before anything is signed. */
async function begun({ settings, pack, tree, journal, signal }: Upload): Promise<UploadState> {
  const wallet = await settings.wallet()
  const { byteLength, dataRoot } = tree
  const [reward, height, anchor] = await Promise.all([
    rewardFor(settings, byteLength, { signal }),
    heightNow(settings.network, { signal }),
    anchorOf(settings.network, { signal }),
  ])
  await assertFunds(settings, wallet.address, reward, { signal })
  const transaction = await signTransaction(wallet, { dataRoot, byteLength, reward, anchor, tags: tagsOf(pack) })
  const state = { transaction, height, posted: false, cursor: 0 }
  await journal.save(encodeState(state))
  return state
}

/** What was signed before: sent again as it is while it may be mined. Signs another one only where this one is nowhere and can be in no new block. */
async function goneOn(upload: Upload, state: UploadState): Promise<Going> {
  const { settings, signal } = upload
  if (!(await isOver(settings.network, state.height, { signal }))) return posted(upload, state)
  const { id } = state.transaction
  const inclusion = await inclusionOf(settings.network, id, { signal })
  if (inclusion.state === 'unsure') throw unsure(settings, id, inclusion)
  // No word of a single node that it takes it keeps what is over alive.
  return inclusion.state === 'absent' ? posted(upload, await begun(upload)) : going(await markPosted(upload, state))
}

/** Taken by a node, or known to the chain already: nodes that have forgotten that they saw it refuse it a second time. */
async function posted(upload: Upload, state: UploadState): Promise<Going> {
  const { settings, signal } = upload
  const outcome = await post(upload, state)
  if (outcome.taken) return going(await markPosted(upload, state))
  const { id } = state.transaction
  const inclusion = await inclusionOf(settings.network, id, { signal })
  if (inclusion.state === 'mined' || inclusion.state === 'pending') return going(await markPosted(upload, state))
  throw inclusion.state === 'unsure' ? unsure(settings, id, inclusion) : await refused(upload, state, outcome.said)
}

interface Outcome {
  readonly taken: boolean
  /** In the words of the nodes. */
  readonly said: string
}

/** The identical bytes to every node, each time. Throws where nobody answers. */
async function post({ settings, signal }: Upload, { transaction }: UploadState): Promise<Outcome> {
  const doing = `posting transaction ${transaction.id}`
  const body = JSON.stringify(transaction)
  const { heard, failed } = await askAll(settings.network, (node) => ask(node, { method: 'POST', path: '/tx', body, doing, signal }), {
    signal,
  })
  const isPage = ({ headers }: { readonly headers: Headers }) => headers.get('content-type')?.startsWith('text/html') === true
  const answers = heard.filter(({ value }) => !isPage(value))
  if (answers.some(({ value }) => value.status === 200 || value.status === 202 || value.status === 208)) return { taken: true, said: '' }
  const [first] = answers
  if (!first) throw worstOf(failed) ?? new VaultError('unreachable', settings.id, `${doing}: no gateway answers as a node does; ask others`)
  return { taken: false, said: `${first.node.host} says ${shown(first.value) || `HTTP ${first.value.status}`}` }
}

async function markPosted({ journal, onCharge }: Upload, state: UploadState): Promise<UploadState> {
  if (state.posted) return state
  const after = { ...state, posted: true }
  await journal.save(encodeState(after))
  const { id, reward } = state.transaction
  tell(onCharge, { amount: arOf(BigInt(reward)), currency: 'AR', detail: `transaction ${id}` })
  return after
}

/** What was signed stays good for a while, so nothing else is signed meanwhile. */
async function refused({ settings, tree, signal }: Upload, { transaction }: UploadState, said: string): Promise<VaultError> {
  const { id, network } = settings
  const waiting = 'nothing was paid; put again: it is sent as it is, and signed anew when it cannot be mined any more, in about two hours'
  const price = await priceOf(network, tree.byteLength, { signal })
  const offered = BigInt(transaction.reward)
  if (price > offered)
    return new VaultError(
      'exhausted',
      id,
      `transaction ${transaction.id} offers ${arOf(offered)} AR, and the price has risen to ${arOf(price)} AR; ${waiting}`,
    )
  const wallet = await settings.wallet()
  try {
    await assertFunds(settings, wallet.address, offered, { signal })
  } catch (error) {
    if (error instanceof VaultError) return error
    throw error
  }
  return new VaultError('invalid', id, `no gateway takes transaction ${transaction.id}: ${said}; ${waiting}`)
}

const unsure = (
  { id }: Settings,
  transaction: string,
  { why, trouble }: { readonly why: string; readonly trouble?: VaultError | undefined },
) =>
  new VaultError(
    'unreachable',
    id,
    `whether transaction ${transaction} is in the chain cannot be told: ${why}; nothing else was signed, put again later or with other gateways`,
    { cause: trouble },
  )
