/** Small packs as data items: signed here, durable, then handed to a bundler, whose receipt is a claim until the item is found in a bundle on Arweave. */
import { readFile } from 'node:fs/promises'
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions, Journal, Pack, VaultPutOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { bodyOf, tell } from '../../body.ts'
import { arOf } from '../amount.ts'
import { hitsFor } from '../find.ts'
import { type AtItem, isHash } from '../locator.ts'
import type { Settings } from '../options.ts'
import { tagsOf } from '../tagged.ts'
import { heightNow } from '../tip.ts'
import { type BundlerReceipt, limitsOf, postItem, priceOf, type Service } from './bundler.ts'
import { insideOf, itemIn, wrongWith } from './inside-of.ts'
import { signItem } from './item.ts'

/** Blocks until an item has to be in a bundle where the bundler names no deadline, and the most that is believed where it does: about a day. */
const DEADLINE_BLOCKS = 720
/** And the least: about an hour and a half. */
const LEAST_DEADLINE_BLOCKS = 50

/** What an item has around its data, at most: signature, owner, tags. Bundlers count and price all of it. */
const AROUND_BYTES = 3 * 1024

/** May the pack go to the bundler? What it takes for nothing is asked for each time, because it moves. */
export async function goesBundled({ id, bundler, network }: Settings, pack: Pack, { signal }: AbortOptions): Promise<boolean> {
  if (!bundler) return false
  const limit = bundler.upToBytes ?? (await limitsOf(serviceOf(id, bundler.url, network), { signal })).freeUploadLimitBytes ?? 0
  return pack.byteLength + AROUND_BYTES <= limit
}

const serviceOf = (id: string, url: string, { nodes }: Settings['network']): Service => ({ id, url, fetch: nodes[0]?.fetch ?? fetch })

export interface ItemState {
  readonly id: string
  /** The item without its data, in base64: with the pack behind it, what was signed. */
  readonly head: string
  /** Once the bundler has taken it: the height by which a bundle is to have it. */
  readonly deadline?: number | undefined
}

const VERSION = 1

const encodeItem = (item: ItemState): Uint8Array => Buffer.from(JSON.stringify({ version: VERSION, item }))

/** Undefined where the journal is of something else. */
export function decodeItem(bytes: Uint8Array): ItemState | undefined {
  try {
    const { version, item } = JSON.parse(Buffer.from(bytes).toString()) as { version?: unknown; item?: Partial<ItemState> }
    if (version !== VERSION || !isHash(item?.id) || typeof item.head !== 'string') return undefined
    const { id, head, deadline } = item
    return { id, head, ...(Number.isSafeInteger(deadline) && { deadline }) }
  } catch {
    return undefined
  }
}

/**
 * Resolves when the bundler has taken the item. A bundler forgets what it has taken, and might charge again: the same item is posted once more only where no
 * answer came, or its time is over and no bundle has it.
 */
export async function uploadItem(
  settings: Settings,
  pack: Pack,
  options: VaultPutOptions & { readonly journal: Journal },
): Promise<AtItem> {
  const { id, bundler, network } = settings
  const { journal, signal, onProgress, onCharge } = options
  if (!bundler)
    throw new VaultError('invalid', id, 'this pack was signed as an item for a bundler; name the bundler again to go on with it')
  const saved = await journal.load()
  const known = saved && decodeItem(saved)
  const there = known ? await takenAlready(settings, pack, known, { signal }) : await inChain(settings, pack, { signal })
  if (there) return there
  const data = await collect(bodyOf(pack, id, { signal }), pack.byteLength, { signal })
  const state = known ?? (await signedItem(settings, pack, data, journal, { signal }))
  const raw = Buffer.concat([Buffer.from(state.head, 'base64'), data])
  const posted = await postItem(serviceOf(id, bundler.url, network), raw, { signal })
  const receipt = posted.type === 'received' ? posted.receipt : undefined
  const deadline = await deadlineOf(settings, receipt, { signal })
  await journal.save(encodeItem({ ...state, deadline }))
  tell(onProgress, { type: 'bytes-sent', byteLength: pack.byteLength })
  if (receipt?.winc !== undefined && BigInt(receipt.winc) > 0n)
    tell(onCharge, { amount: arOf(BigInt(receipt.winc)), currency: 'AR', detail: `credits at the bundler, item ${state.id}` })
  return { kind: 'item', id: state.id, byteLength: pack.byteLength, deadline }
}

/** On its way still, or in a bundle. */
async function takenAlready(settings: Settings, pack: Pack, known: ItemState, { signal }: AbortOptions): Promise<AtItem | undefined> {
  const { id, deadline } = known
  if (deadline === undefined) return undefined
  const at: AtItem = { kind: 'item', id, byteLength: pack.byteLength, deadline }
  if ((await heightNow(settings.network, { signal })) <= deadline) return at
  return (await insideOf(settings, at, { signal })) && at
}

/** Of a time that nobody remembers, and whole. */
async function inChain(settings: Settings, pack: Pack, { signal }: AbortOptions): Promise<AtItem | undefined> {
  for (const { id, bundle } of await hitsFor(settings, pack.name, { signal })) {
    if (bundle === undefined) continue
    const at: AtItem = { kind: 'item', id, byteLength: pack.byteLength, deadline: 0 }
    const inside = await insideOf(settings, { id, bundle }, { signal })
    const item = inside && (await itemIn(settings, at, inside, { signal }))
    if (item && (await wrongWith(settings, at, { item, name: pack.name })) === undefined) return at
  }
  return undefined
}

async function signedItem(
  settings: Settings,
  pack: Pack,
  data: Uint8Array,
  journal: Journal,
  { signal }: AbortOptions,
): Promise<ItemState> {
  const { id, bundler, maxPrice, network } = settings
  if (bundler?.payment !== undefined && maxPrice !== undefined) {
    const { winc } = await priceOf(serviceOf(id, bundler.payment, network), data.byteLength + AROUND_BYTES, { signal })
    if (winc > maxPrice)
      throw new VaultError(
        'exhausted',
        id,
        `the bundler asks ${arOf(winc)} AR for ${data.byteLength} bytes, and maxPrice is ${arOf(maxPrice)} AR; wait for a lower price or raise it`,
      )
  }
  const item = await signItem(await jwkOf(settings), { bytes: data, tags: tagsOf(pack) }, { id })
  const head = Buffer.from(item.bytes.subarray(0, item.bytes.byteLength - data.byteLength)).toString('base64')
  const state = { id: item.id, head }
  await journal.save(encodeItem(state))
  return state
}

/** For the signer of another package. The wallet has been read by now, so that what is wrong with it has been told. */
async function jwkOf({ key, wallet }: Settings): Promise<unknown> {
  await wallet()
  return typeof key === 'string' ? JSON.parse(await readFile(key, 'utf8')) : key
}

async function deadlineOf({ network }: Settings, receipt: BundlerReceipt | undefined, options: AbortOptions): Promise<number> {
  const height = await heightNow(network, options)
  const { deadlineHeight = height + DEADLINE_BLOCKS } = receipt ?? {}
  return Math.min(height + DEADLINE_BLOCKS, Math.max(height + LEAST_DEADLINE_BLOCKS, deadlineHeight))
}
