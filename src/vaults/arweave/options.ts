/** What a user says of an Arweave vault, and what its steps make of it. */
import { pause, type Sleep } from '../../bytes/pause.ts'
import type { VaultPrices, VaultProfile } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { checkedPrices, vaultId } from '../profile.ts'
import { winstonOf } from './amount.ts'
import { type Wallet, walletOf } from './key.ts'
import { type Network, networkOf } from './network.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_IN_FLIGHT = 16
const MOST_IN_FLIGHT = 64
const DEFAULT_MARGIN_PERCENT = 10

export interface ArweaveBundler {
  /** Of a Turbo-compatible upload service, e.g. `https://upload.ardrive.io`. */
  readonly url: string
  /** Its payment service, asked for prices; without it only what is free goes there. */
  readonly payment?: string | undefined
  /** Largest pack that goes there; default: what the service says that it takes for nothing. At most 64 MiB: an item is signed in memory. */
  readonly upToBytes?: number | undefined
}

export interface ArweaveOptions {
  /** The wallet: the path of a JWK file, or what is in one. It pays, signs, and never leaves this process. */
  readonly key: string | Readonly<Record<string, unknown>>
  /** Origins of gateways or nodes, best first, e.g. `https://arweave.net`. Three of unlike operators: what two of them agree on is believed. */
  readonly gateways: readonly string[]
  /** Small packs go there as ANS-104 data items. */
  readonly bundler?: ArweaveBundler | undefined
  /** Most that one transaction may cost, in AR, as a decimal number, e.g. `'0.5'`. Default: no limit but the wallet's balance. */
  readonly maxPrice?: string | number | undefined
  /** Offered above the price asked, so that a small rise does not strand the transaction, in per cent; default 10. */
  readonly marginPercent?: number | undefined
  /** Default `arweave`. */
  readonly id?: string | undefined
  /** Default `arweave`: whatever gateway is asked, it is one network. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly prices?: VaultPrices | undefined
  readonly maxPackBytes?: number | undefined
  /** Chunks of 256 KiB on their way at once; default 16, at most 64. */
  readonly chunksInFlight?: number | undefined
  /** For one answer, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
  /** All requests go through it; default: that of the runtime, and `node:http(s)` for chunks, which takes less memory. */
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds since 1970; dates attestations. */
  readonly clock?: (() => number) | undefined
  /** Waits between rounds of a chunk that no node took; default: a timer. */
  readonly wait?: Sleep | undefined
}

export interface Settings {
  readonly id: string
  readonly profile: VaultProfile
  readonly network: Network
  /** Read when it is first needed. */
  readonly wallet: () => Promise<Wallet>
  /** As it was given, for signers of other packages. */
  readonly key: ArweaveOptions['key']
  readonly bundler: ArweaveBundler | undefined
  /** In winston; undefined: no limit. */
  readonly maxPrice: bigint | undefined
  readonly marginPercent: number
  readonly chunksInFlight: number
  readonly clock: () => number
  readonly wait: Sleep
}

/** Fills in what was left out; throws `invalid` for what cannot be. The key is not read yet. */
export function settingsOf(options: ArweaveOptions): Settings {
  const id = vaultId(options.id ?? 'arweave')
  const { marginPercent = DEFAULT_MARGIN_PERCENT, chunksInFlight = DEFAULT_IN_FLIGHT, timeoutMs = DEFAULT_TIMEOUT_MS, key } = options
  if (key === undefined || key === null || key === '') throw invalid(id, '`key` is missing; give the path of a JWK file or its content')
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs <= 0) throw invalid(id, 'timeoutMs must be a positive number of milliseconds')
  if (!Number.isSafeInteger(chunksInFlight) || chunksInFlight < 1 || chunksInFlight > MOST_IN_FLIGHT)
    throw invalid(id, `chunksInFlight must be a whole number from 1 to ${MOST_IN_FLIGHT}`)
  if (!(Number.isFinite(marginPercent) && marginPercent >= 0 && marginPercent <= 100))
    throw invalid(id, 'marginPercent must be a number from 0 to 100')
  let wallet: Promise<Wallet> | undefined
  return {
    id,
    profile: profileOf(id, options),
    network: networkOf(id, options.gateways, { timeoutMs, fetch: options.fetch }),
    wallet: () => {
      wallet ??= walletOf(key, id)
      return wallet
    },
    key,
    bundler: options.bundler && bundlerOf(id, options.bundler),
    maxPrice: options.maxPrice === undefined ? undefined : winstonOf(id, 'maxPrice', options.maxPrice),
    marginPercent,
    chunksInFlight,
    clock: options.clock ?? Date.now,
    wait: options.wait ?? pause,
  }
}

function profileOf(id: string, options: ArweaveOptions): VaultProfile {
  const { operator = 'arweave', region, jurisdiction, labels, maxPackBytes } = options
  return {
    id,
    network: 'arweave',
    operator,
    region,
    jurisdiction,
    labels,
    maxPackBytes,
    term: 'perpetual',
    canForget: false,
    paid: true,
    cold: false,
    prices: checkedPrices(id, options.prices),
    addressing: 'offset',
  }
}

const MOST_ITEM_BYTES = 64 * 1024 * 1024

function bundlerOf(id: string, bundler: ArweaveBundler): ArweaveBundler {
  for (const name of ['url', 'payment'] as const) {
    const text = bundler[name]
    if (name === 'payment' && text === undefined) continue
    const at = URL.parse(text ?? '')
    if (!at || (at.protocol !== 'https:' && at.protocol !== 'http:')) throw invalid(id, `bundler.${name} is no http(s) URL`)
  }
  const { upToBytes } = bundler
  if (upToBytes !== undefined && !(Number.isSafeInteger(upToBytes) && upToBytes >= 0 && upToBytes <= MOST_ITEM_BYTES))
    throw invalid(id, `bundler.upToBytes must be a whole number up to ${MOST_ITEM_BYTES}: larger packs are transactions of their own`)
  return bundler
}

const invalid = (id: string, message: string) => new VaultError('invalid', id, message)
