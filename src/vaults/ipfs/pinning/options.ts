/** What a vault at a pinning service is told, and what it says of itself. */
import type { AbortOptions, VaultPrices, VaultProfile } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import { checkedPrices, vaultId } from '../../profile.ts'
import type { EmbeddedNode } from '../embedded/node.ts'
import type { TrustlessGateway } from '../gateway/client.ts'
import { PINNING_PRESETS, type PinningPreset, type PinningPresetName } from './presets.ts'

/** A client of one gateway, or of several. Only one that says so can be held to what it has at hand. */
export type ServiceGateway = Pick<TrustlessGateway, 'block'> & Partial<Pick<TrustlessGateway, 'url' | 'keepsToCache'>>

export interface PinningServiceOptions {
  /** Default: the preset's name, else the host of the endpoint. */
  readonly id?: string | undefined
  /** Default `generic`, which needs an endpoint. */
  readonly preset?: PinningPresetName | undefined
  /** The address that `/pins` follows. Another than the preset's goes without the preset's `pushUrl`. */
  readonly endpoint?: string | undefined
  readonly token: string
  /** Where blocks are read: the origin of the service's own trustless gateway, or a client of it. Without one they are asked of its nodes by bitswap. */
  readonly gateway?: string | ServiceGateway | undefined
  /**
   * `auto`: audits ask the gateway for what it has at hand only, where it is found to keep to that; what it would have to fetch is absent then. For gateways
   * that read the service's own store. Default false: a cache may answer audits, and their evidence says so.
   */
  readonly onlyIfCached?: 'auto' | false | undefined
  /** The address that `/api/v0/dag/import` follows, where CARs are taken as Kubo takes them; it gets the token as well. Without one the service pulls. */
  readonly pushUrl?: string | undefined
  /** Default: the preset's, else the host of the endpoint. */
  readonly operator?: string | undefined
  readonly region?: string | undefined
  readonly jurisdiction?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly maxPackBytes?: number | undefined
  readonly prices?: VaultPrices | undefined
  /** Does every put cost money? Default false. */
  readonly paid?: boolean | undefined
  /** Multiaddrs where the node can be called from outside, beside those it listens at; its peer id is added where none is given. */
  readonly origins?: readonly string[] | undefined
  /** Multiaddrs of the service's nodes, in place of those that it names itself; none is called where the list is empty. */
  readonly delegates?: readonly string[] | undefined
  /** The node that the service pulls from: it stays open; a function is called when one is needed, and its node closed with the vault. */
  readonly node?: EmbeddedNode | Promise<EmbeddedNode> | (() => EmbeddedNode | Promise<EmbeddedNode>) | undefined
  /** Where a node of the vault's own listens; default 127.0.0.1, a free port. */
  readonly listen?: readonly string[] | undefined
  /** May the service, its gateway and its nodes be on this machine or a private network, and the service on plain http? Default false. */
  readonly allowPrivate?: boolean | undefined
  /** Asks the service and takes CARs there; default the global one. The gateway has connections of its own. */
  readonly fetch?: typeof fetch | undefined
  /** How long a pull may rest, no block being asked for, before put gives up, in milliseconds; default 5 minutes. */
  readonly patienceMs?: number | undefined
  /** Pauses between questions about a pin; default a timer. */
  readonly wait?: ((ms: number, options: AbortOptions) => Promise<void>) | undefined
}

/** Where the service is, with every default in place. */
export interface Place {
  readonly id: string
  readonly operator: string
  readonly endpoint: string
  readonly pushUrl: string | undefined
}

/** Throws VaultError `invalid` for what cannot be, and says what to set. */
export function placeOf(options: PinningServiceOptions): Place {
  const { preset: name = 'generic' } = options
  const preset = presetOf(name)
  const id = vaultId(options.id ?? (name === 'generic' || name === 'ipfs-cluster' ? slug(options.endpoint) : name))
  const endpoint = options.endpoint ?? preset.endpoint
  if (endpoint === undefined) throw new VaultError('invalid', id, `no endpoint; set it to the service's, e.g. ${preset.example}`)
  const pushUrl = options.pushUrl ?? (endpoint === preset.endpoint ? preset.pushUrl : undefined)
  for (const [what, url] of [
    ['endpoint', endpoint],
    ['pushUrl', pushUrl],
  ] as const)
    if (url !== undefined) checkUrl(id, what, url, options)
  const { onlyIfCached = false } = options
  if (onlyIfCached !== false && onlyIfCached !== 'auto')
    throw new VaultError('invalid', id, 'onlyIfCached is `auto` or left out; `auto` is for gateways that read the service’s own store')
  return {
    id,
    operator: options.operator ?? preset.operator ?? new URL(endpoint).hostname,
    endpoint,
    pushUrl: pushUrl?.replace(/\/+$/, ''),
  }
}

export function profileOf({ id, operator }: Place, options: PinningServiceOptions): VaultProfile {
  return {
    id,
    network: 'ipfs',
    operator,
    region: options.region,
    jurisdiction: options.jurisdiction,
    labels: options.labels,
    term: 'standing',
    maxPackBytes: options.maxPackBytes,
    // Whoever fetched a block may keep it.
    canForget: false,
    paid: options.paid ?? false,
    cold: false,
    prices: checkedPrices(id, options.prices),
    addressing: 'cid',
  }
}

function presetOf(name: string): PinningPreset {
  const known: Readonly<Record<string, PinningPreset>> = PINNING_PRESETS
  const preset = Object.hasOwn(known, name) ? known[name] : undefined
  if (preset) return preset
  throw new VaultError('invalid', 'pinning', `there is no preset ${JSON.stringify(name)}; known are ${Object.keys(known).join(', ')}`)
}

function checkUrl(id: string, what: string, text: string, { allowPrivate = false }: PinningServiceOptions): void {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new VaultError(
      'invalid',
      id,
      `${what} is no plain http(s) URL; it looks like https://api.example.com/psa, and the token is apart`,
    )
  if (url.protocol === 'http:' && !allowPrivate)
    throw new VaultError(
      'invalid',
      id,
      `${what} is plain http, where the token travels in clear; use https, or set allowPrivate if it is yours`,
    )
}

function slug(endpoint: string | undefined): string {
  const made = (URL.parse(endpoint ?? '')?.hostname ?? '').replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
  return made === '' ? 'pinning' : made
}
