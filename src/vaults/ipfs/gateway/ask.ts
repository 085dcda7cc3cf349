/** One question to a gateway, with the redirects on its way that are followed: those within its own host. */
import { VaultError } from '../../../errors.ts'
import type { GatewayFetch, GatewayResponse } from './connect.ts'
import { redirectWithin } from './origin.ts'
import { htmlRefusal, type Question, refusal } from './refusals.ts'

const MAX_REDIRECTS = 3

export interface Connection {
  readonly origin: URL
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: GatewayFetch
}

export interface Wish {
  readonly format: 'raw' | 'car'
  readonly accept: string
  readonly signal: AbortSignal
}

/** A success that is no web page, its body unread. */
export async function ask(
  { origin, headers, fetch }: Connection,
  question: Question,
  { format, accept, signal }: Wish,
): Promise<GatewayResponse> {
  const { host, cid, onlyIfCached } = question
  const sent = { ...lowerCased(headers), accept, 'accept-encoding': 'identity', ...(onlyIfCached && { 'cache-control': 'only-if-cached' }) }
  let url = new URL(`/ipfs/${cid}?format=${format}`, origin)
  for (let hops = 0; ; hops++) {
    // A redirect's own body is nobody's: its connection ends with it.
    const hop = new AbortController()
    const response = await fetch(url, { method: 'GET', headers: sent, redirect: 'manual', signal: AbortSignal.any([signal, hop.signal]) })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) {
      const refused = response.status === 200 ? htmlRefusal(question, response) : refusal(question, response)
      if (refused) throw refused
      return response
    }
    const next = redirectWithin(url, location)
    if (!next) throw elsewhere(host, url, location)
    if (hops === MAX_REDIRECTS) throw new VaultError('unreachable', host, `asked for ${cid} it redirects in circles; check its URL`)
    hop.abort(new DOMException('a redirect is followed', 'AbortError'))
    url = next
  }
}

function elsewhere(host: string, from: URL, location: string): VaultError {
  const to = URL.parse(location, from)?.host ?? 'nowhere'
  const message = `it redirects to ${to}, which is not followed; if you mean that gateway, give its URL, and prefer one that answers under /ipfs/ itself`
  return new VaultError('unsupported', host, message)
}

const lowerCased = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
