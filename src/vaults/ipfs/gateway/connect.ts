/**
 * How a gateway is reached unless a `fetch` is given: every address that its name stands for is checked at the moment of connecting, so that a name which
 * changes its meaning (DNS rebinding) leads nowhere. Redirects are not followed, proxies of the environment not used.
 */
import { lookup as systemLookup } from 'node:dns'
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from '../../../bytes/public-address.ts'

const MAX_HEADER_BYTES = 16 * 1024
const MAX_SOCKETS = 16

export interface GatewayRequest {
  readonly method: 'GET'
  readonly headers: Record<string, string>
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

/** As much of a `Response` as is read. */
export interface GatewayResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}

/** The global `fetch` is one. It ends, and ends its body, when the signal aborts. */
export type GatewayFetch = (url: URL, request: GatewayRequest) => Promise<GatewayResponse>

/** The error code of a connection that was not made. */
export const PRIVATE_ADDRESS = 'EPRIVATE'

/** Connections are kept for the next request; idle ones do not hold the process. */
export function directFetch({ allowPrivate }: { readonly allowPrivate: boolean }): GatewayFetch {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS }
  const agents = { http: new HttpAgent(options), https: new HttpsAgent({ ...options, rejectUnauthorized: true }) }
  const lookup = allowPrivate ? undefined : publicLookup
  return (url, { method, headers, signal }) =>
    new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:'
      const agent = secure ? agents.https : agents.http
      const settings = { method, headers, signal, agent, maxHeaderSize: MAX_HEADER_BYTES, ...(lookup && { lookup }) }
      const request = (secure ? httpsRequest : httpRequest)(url, settings, (message) => resolve(responseOf(message)))
      request.on('error', reject)
      request.end()
    })
}

function responseOf(message: IncomingMessage): GatewayResponse {
  // What breaks after the last read is nobody's any more.
  message.on('error', () => undefined)
  return { status: message.statusCode ?? 0, headers: { get: (name) => headerOf(message.headers, name) }, body: message }
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? null)
}

const publicLookup: LookupFunction = (host, options, done) => {
  systemLookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, '', 0)
    const [first] = addresses
    if (!first || addresses.some(({ address }) => !isPublicAddress(address)))
      return done(Object.assign(new Error(`${host} stands for an address on a private network`), { code: PRIVATE_ADDRESS }), '', 0)
    if (options.all) done(null, addresses)
    else done(null, first.address, first.family)
  })
}
