/** What a user says of deals that were made elsewhere, and what the steps of the vault make of it. */
import type { VaultPrices, VaultProfile } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { checkedPrices, vaultId } from '../profile.ts'
import { type Entries, type FilecoinDeal, listOf } from './listed.ts'
import type { LotusNode } from './lotus.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_HORIZON_DAYS = 30
/** The shortest that the network takes: what is renewed must last so long again. */
const DEFAULT_TERM_DAYS = 180
const DEFAULT_MAX_LAG_MS = 10 * 60_000
/** Of the main network. */
const GENESIS = 1_598_306_400

export interface FilecoinDealOptions {
  /** URL of a Lotus node's JSON-RPC, e.g. `https://api.node.glif.io/rpc/v1`. What it says of the chain is believed. */
  readonly rpc: string
  /** Sent as bearer token; one that may read is enough. */
  readonly token?: string | undefined
  /** The deals, or the path of a JSON file with them, which is read again when it has changed. */
  readonly deals: readonly FilecoinDeal[] | string
  /** Default `filecoin-deal`. */
  readonly id?: string | undefined
  /** Who keeps the sectors; default `filecoin`. Deals with unlike providers: one vault for each, so that they count as unlike operators. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly prices?: VaultPrices | undefined
  /** What ends sooner is not `proven` any more; default 30. */
  readonly horizonDays?: number | undefined
  /** How long a renewed deal must last at least; default 180, the shortest that the network takes. */
  readonly termDays?: number | undefined
  /** A head older than that is not believed, in milliseconds; default 10 minutes. */
  readonly maxLagMs?: number | undefined
  /** When epoch 0 was, in seconds since 1970; default that of the main network. */
  readonly genesis?: number | undefined
  /** For one answer, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
  /** All requests go through it; default: that of the runtime. */
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds since 1970; tells whether the node lags behind. */
  readonly clock?: (() => number) | undefined
}

export interface Settings {
  readonly id: string
  readonly profile: VaultProfile
  readonly node: LotusNode
  readonly entries: () => Promise<Entries>
  readonly horizonDays: number
  readonly maxLagMs: number
  readonly genesis: number
  readonly clock: () => number
}

/** Fills in what was left out; throws `invalid` for what cannot be. A file of deals is not read yet. */
export function settingsOf(options: FilecoinDealOptions): Settings {
  const id = vaultId(options.id ?? 'filecoin-deal')
  const { timeoutMs = DEFAULT_TIMEOUT_MS, horizonDays = DEFAULT_HORIZON_DAYS, maxLagMs = DEFAULT_MAX_LAG_MS, genesis = GENESIS } = options
  const { termDays = DEFAULT_TERM_DAYS, deals, token } = options
  for (const [name, value] of Object.entries({ timeoutMs, maxLagMs, termDays, genesis }))
    if (!Number.isSafeInteger(value) || value <= 0) throw new VaultError('invalid', id, `${name} must be a whole number above 0`)
  if (!(Number.isFinite(horizonDays) && horizonDays >= 0)) throw new VaultError('invalid', id, 'horizonDays must be a number of at least 0')
  if (deals === undefined || deals === '')
    throw new VaultError('invalid', id, '`deals` is missing; give a list of deals, or the path of a JSON file with one')
  const { href, host } = urlOf(id, options.rpc)
  return {
    id,
    profile: profileOf(id, options, termDays),
    node: { id, url: href, host, token, timeoutMs, fetch: options.fetch ?? fetch },
    entries: listOf(id, deals),
    horizonDays,
    maxLagMs,
    genesis,
    clock: options.clock ?? Date.now,
  }
}

/** `cold`: its bytes are never read. `paid`: index packs, which come with every put, do not go there. */
function profileOf(id: string, options: FilecoinDealOptions, termDays: number): VaultProfile {
  const { operator = 'filecoin', region, jurisdiction, labels } = options
  return {
    id,
    network: 'filecoin',
    operator,
    region,
    jurisdiction,
    labels,
    term: 'renewable',
    termDays,
    canForget: false,
    paid: true,
    cold: true,
    prices: checkedPrices(id, options.prices),
    addressing: 'offset',
  }
}

function urlOf(id: string, text: string): URL {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    throw new VaultError('invalid', id, '`rpc` must be the http(s) URL of a Lotus node, without a password; give a token as `token`')
  return url
}
