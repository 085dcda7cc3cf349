/** A client of bundlers that speak the upload API of Turbo. Each call is one request, and none is repeated. */
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { ask, isRecord, recordIn, type Service } from './exchange.ts'
import { itemIdOf } from './item.ts'

export type { Service } from './exchange.ts'

/**
 * What the bundler says it has taken upon itself: a claim. Its signature is not verified here, and shows who said so, not that it is true.
 * Only the item found in a bundle on Arweave shows that it is there.
 */
export interface BundlerReceipt {
  readonly id: string
  /** The address of the wallet that signed the item. */
  readonly owner: string | undefined
  /** What was paid, in winston credits, as decimal digits. */
  readonly winc: string | undefined
  /** In milliseconds. */
  readonly timestamp: number | undefined
  /** The block by which the bundler means to have posted it. */
  readonly deadlineHeight: number | undefined
  readonly dataCaches: readonly string[] | undefined
  readonly fastFinalityIndexes: readonly string[] | undefined
  readonly version: string | undefined
  readonly public: string | undefined
  readonly signature: string | undefined
}

/**
 * `known`: the bundler has met this id before. Turbo says so from the moment a posting begins, which may yet fail: even less of a claim than
 * a receipt.
 */
export type Posted = { readonly type: 'received'; readonly receipt: BundlerReceipt } | { readonly type: 'known'; readonly id: string }

/** `undefined` is what the bundler does not say. */
export interface BundlerLimits {
  /** The size up to which an item, with its header, costs nothing. */
  readonly freeUploadLimitBytes: number | undefined
  /** The bundler's own addresses by network. */
  readonly addresses: Readonly<Record<string, string>> | undefined
}

const ALREADY_KNOWN = 202

/**
 * Hands over a signed item. Posted again, the same bytes keep their id and are never two items; but a bundler that has finished with the first
 * posting may take the price once more. So look for the item before posting again after `unreachable`, where it is not free.
 * Throws VaultError: `exhausted` where credits are missing, `invalid`, `denied`, and `unreachable` for whatever leaves open what became of it.
 */
export async function postItem(bundler: Service, raw: Uint8Array, options: AbortOptions = {}): Promise<Posted> {
  const id = itemIdOf(raw)
  if (id === undefined)
    throw new VaultError('invalid', bundler.id, 'these bytes are no data item of an Arweave wallet; sign the pack as an item first')
  const doing = `posting item ${id} of ${raw.byteLength} bytes`
  const answer = await ask(bundler, { path: '/v1/tx/arweave', body: raw, doing }, options)
  if (answer.status === ALREADY_KNOWN) return { type: 'known', id }
  const receipt = receiptOf(recordIn(bundler, doing, answer))
  if (receipt?.id === id) return { type: 'received', receipt }
  const what = receipt ? 'the receipt is of another item' : 'the answer is no receipt'
  throw new VaultError('unreachable', bundler.id, `${doing}: ${what}; check the bundler's address and proxies, and look for the item there`)
}

/** What the bundler takes free, and where it can be paid. Ask anew before relying on it: limits move. */
export async function limitsOf(bundler: Service, options: AbortOptions = {}): Promise<BundlerLimits> {
  const doing = 'asking for the limits of the bundler'
  const { freeUploadLimitBytes, addresses } = recordIn(bundler, doing, await ask(bundler, { path: '/v1/info', doing }, options))
  return {
    freeUploadLimitBytes: count(freeUploadLimitBytes),
    addresses: isRecord(addresses) ? Object.fromEntries(Object.entries(addresses).flatMap(textEntry)) : undefined,
  }
}

/** What an item of so many bytes costs now, in winston credits, at a payment service; what is free is not taken off. */
export async function priceOf(payment: Service, byteLength: number, options: AbortOptions = {}): Promise<{ readonly winc: bigint }> {
  const doing = `asking for the price of ${byteLength} bytes`
  const { winc } = recordIn(payment, doing, await ask(payment, { path: `/v1/price/bytes/${byteLength}`, doing }, options))
  if (isAmount(winc)) return { winc: BigInt(winc) }
  throw new VaultError('unreachable', payment.id, `${doing}: there is no price in the answer; check the address of the payment service`)
}

function receiptOf(said: Readonly<Record<string, unknown>>): BundlerReceipt | undefined {
  const { id, winc } = said
  if (typeof id !== 'string') return undefined
  return {
    id,
    owner: text(said.owner),
    winc: isAmount(winc) ? String(winc) : undefined,
    timestamp: count(said.timestamp),
    deadlineHeight: count(said.deadlineHeight),
    dataCaches: texts(said.dataCaches),
    fastFinalityIndexes: texts(said.fastFinalityIndexes),
    version: text(said.version),
    public: text(said.public),
    signature: text(said.signature),
  }
}

function isAmount(value: unknown): value is string | number {
  return typeof value === 'string' ? /^\d{1,40}$/.test(value) : count(value) !== undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined
}

function textEntry([name, value]: readonly [string, unknown]): [string, string][] {
  return typeof value === 'string' ? [[name, value]] : []
}
