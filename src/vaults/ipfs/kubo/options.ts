/** What a user says of a Kubo node, and what the steps of the vault make of it. */
import type { VaultPrices, VaultProfile } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { checkedPrices, vaultId } from '../../profile.ts'
import { type TrustlessGateway, trustlessGateway } from '../gateway/client.ts'
import { apiOf, isLoopback } from './address.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const HEADER_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** As the node's `API.Authorizations` or the proxy in front of it wants it. */
export type KuboAuth = { readonly bearer: string } | { readonly basic: string }

export interface KuboOptions {
  /** The RPC API: `http://127.0.0.1:5001`, or its multiaddr, `/ip4/127.0.0.1/tcp/5001`. Whoever reaches it rules the node. */
  readonly api: string
  /** Reads blocks from this gateway of the node instead of its API, e.g. `http://127.0.0.1:8080`; only what the node holds. */
  readonly gateway?: string | undefined
  /** Default `kubo`. */
  readonly id?: string | undefined
  /** Default: the host of the API. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  /** `node`, the peer id, is found by `open`. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly prices?: VaultPrices | undefined
  /** `bearer`: a token; `basic`: `user:password`. */
  readonly auth?: KuboAuth | undefined
  /** May `auth` travel over plain http to another machine, and may the gateway be on a private network? On this machine both always may. Default false. */
  readonly allowPrivate?: boolean | undefined
  /** Announce each root after it was pinned, whatever the node does by itself. A failure of that fails no put. Default false. */
  readonly provide?: boolean | undefined
  /** For an answer without a transfer, and for a block, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
  readonly fetch?: typeof fetch | undefined
}

/** A node as it is asked. */
export interface Node {
  readonly id: string
  readonly api: URL
  readonly headers: Readonly<Record<string, string>>
  /** Never to be shown. */
  readonly secrets: readonly string[]
  readonly timeoutMs: number
  readonly fetch: typeof fetch
}

export interface Settings {
  readonly node: Node
  readonly profile: VaultProfile
  readonly gateway: TrustlessGateway | undefined
  readonly provide: boolean
}

/** Fills in what was left out; throws `invalid` for what cannot be. */
export function settingsOf(options: KuboOptions): Settings {
  const { allowPrivate = false, provide = false, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const id = vaultId(options.id ?? 'kubo')
  const api = apiOf(id, options.api)
  const { headers, secrets } = authOf(id, options.auth)
  if (secrets.length > 0 && api.protocol === 'http:' && !isLoopback(api) && !allowPrivate)
    throw new VaultError('invalid', id, '`auth` would travel in clear to another machine; use https, or set `allowPrivate`')
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs <= 0)
    throw new VaultError('invalid', id, 'timeoutMs must be a positive number of milliseconds')
  return {
    node: { id, api, headers, secrets, timeoutMs, fetch: options.fetch ?? fetch },
    profile: profileOf(id, api, options),
    gateway: options.gateway === undefined ? undefined : gatewayOf(options.gateway, { allowPrivate, timeoutMs }),
    provide,
  }
}

function profileOf(id: string, api: URL, options: KuboOptions): VaultProfile {
  return {
    id,
    network: 'ipfs',
    operator: options.operator ?? api.hostname.replace(/^\[(.*)\]$/, '$1'),
    region: options.region,
    jurisdiction: options.jurisdiction,
    labels: options.labels,
    term: 'standing',
    // An unpinned block goes at the next garbage collection, and whoever fetched it before may keep it.
    canForget: false,
    paid: false,
    cold: false,
    prices: checkedPrices(id, options.prices),
    addressing: 'cid',
  }
}

function gatewayOf(
  url: string,
  { allowPrivate, timeoutMs }: { readonly allowPrivate: boolean; readonly timeoutMs: number },
): TrustlessGateway {
  const at = URL.parse(url)
  return trustlessGateway(url, { allowPrivate: allowPrivate || (at !== null && isLoopback(at)), timeoutMs })
}

function authOf(id: string, auth: KuboAuth | undefined): Pick<Node, 'headers' | 'secrets'> {
  if (auth === undefined) return { headers: {}, secrets: [] }
  const { bearer, basic } = { bearer: undefined, basic: undefined, ...auth }
  const secret = bearer ?? basic
  if (typeof secret !== 'string' || (bearer !== undefined && basic !== undefined))
    throw new VaultError('invalid', id, 'auth must be { bearer: token } or { basic: "user:password" }')
  if (bearer !== undefined) {
    if (!HEADER_TEXT.test(bearer))
      throw new VaultError('invalid', id, 'auth.bearer is empty or holds what no header takes; check where it came from')
    return { headers: { authorization: `Bearer ${bearer}` }, secrets: [bearer] }
  }
  const [user, ...password] = secret.split(':')
  if (!user || password.length === 0) throw new VaultError('invalid', id, 'auth.basic must be "user:password"')
  const encoded = Buffer.from(secret).toString('base64')
  return { headers: { authorization: `Basic ${encoded}` }, secrets: [encoded, secret, password.join(':')].filter((text) => text !== '') }
}
