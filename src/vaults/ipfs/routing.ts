/**
 * Who is said to provide a block, by the Delegated Routing V1 HTTP API (https://specs.ipfs.tech/routing/http-routing-v1/). Records are neither signed nor
 * checked, and say nothing of bytes: at most that somebody is listed.
 */
import type { CID } from 'multiformats/cid'
import { abortable } from '../../bytes/abortable.ts'
import { collect } from '../../bytes/collect.ts'
import type { AbortOptions } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { directFetch, type GatewayFetch, type GatewayResponse } from './gateway/connect.ts'
import { originOf } from './gateway/origin.ts'
import { refusal } from './gateway/refusals.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 1024 * 1024
const MAX_PROVIDERS = 1000
/** Base58 and base36, as peer ids are written. */
const PEER_ID = /^[1-9A-Za-z]{1,128}$/
const MAX_TEXT = 512

export interface Provider {
  readonly id: string
  /** Multiaddrs, as they were given: nothing says that they may be called. */
  readonly addresses: readonly string[]
  /** e.g. `transport-bitswap`. */
  readonly protocols: readonly string[]
}

export interface ProvidersOptions extends AbortOptions {
  /** Peer ids of nodes of one's own, which show nothing of anybody else; they are left out. */
  readonly except?: readonly string[] | undefined
  /** For the whole answer, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
  /** May the router be on this machine or on a private network? Default false. */
  readonly allowPrivate?: boolean | undefined
  /** Default: connections that check every address. */
  readonly fetch?: GatewayFetch | undefined
}

/**
 * Asks the router at that origin, once, and thereby tells it the CID. Each peer comes once; records of other schemas and malformed ones are passed over. None
 * is an empty list. Throws VaultError in the name of the router's host: `unreachable` (with `retryAfterMs`), `denied`, `unsupported`, `invalid`.
 */
export async function providersOf(routing: string, cid: CID, options: ProvidersOptions = {}): Promise<readonly Provider[]> {
  const { signal, except = [], timeoutMs = DEFAULT_TIMEOUT_MS, allowPrivate = false } = options
  signal?.throwIfAborted()
  const origin = originOf(routing, { secrets: false, allowPrivate })
  const { host } = origin
  const late = AbortSignal.timeout(timeoutMs)
  const stop = signal ? AbortSignal.any([signal, late]) : late
  try {
    const response = await (options.fetch ?? directFetch({ allowPrivate }))(new URL(`/routing/v1/providers/${cid.toV1()}`, origin), {
      method: 'GET',
      headers: { accept: 'application/x-ndjson, application/json', 'accept-encoding': 'identity' },
      redirect: 'manual',
      signal: stop,
    })
    // Older routers say so that there is none.
    if (response.status === 404) return []
    if (response.status !== 200) throw refusal({ host, cid, onlyIfCached: false }, response)
    return merged(recordsIn(await textOf(response, stop), response), new Set(except))
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof VaultError) throw cause
    const why = late.aborted ? `did not answer within ${timeoutMs} ms` : 'gave no answer of a router'
    throw new VaultError('unreachable', host, `asked who provides ${cid} it ${why}; check its URL, or ask another router`, { cause })
  }
}

async function textOf({ body }: GatewayResponse, signal: AbortSignal): Promise<string> {
  const bytes = body ? await collect(abortable(body, { signal }), MAX_ANSWER_BYTES) : new Uint8Array(0)
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

/** One record a line, or all of them in one object. */
function recordsIn(text: string, { headers }: GatewayResponse): readonly unknown[] {
  if (headers.get('content-type')?.includes('ndjson'))
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]))
  const { Providers: records = [] } = { Providers: undefined, ...fieldsOf(JSON.parse(text)) }
  if (records === null) return []
  if (!Array.isArray(records)) throw new FormatError('malformed', 'Providers is no list')
  return records
}

function merged(records: readonly unknown[], except: ReadonlySet<string>): readonly Provider[] {
  const found = new Map<string, Provider>()
  for (const record of records) {
    const { Schema: schema, ID: id, Addrs: addresses, Protocols: protocols } = fieldsOf(record)
    if (schema !== 'peer' || typeof id !== 'string' || !PEER_ID.test(id) || except.has(id)) continue
    const before = found.get(id)
    if (!before && found.size === MAX_PROVIDERS) break
    found.set(id, {
      id,
      addresses: union(before?.addresses, textsIn(addresses)),
      protocols: union(before?.protocols, textsIn(protocols)),
    })
  }
  return [...found.values()]
}

const union = (some: readonly string[] = [], more: readonly string[]): readonly string[] => [...new Set([...some, ...more])]

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string' && each.length <= MAX_TEXT) : []

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? { ...value } : {})
