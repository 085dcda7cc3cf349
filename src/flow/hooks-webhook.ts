/**
 * Sends one webhook. The host is resolved once, every address it stands for is checked, and only those are connected to: a name that changes its
 * meaning between check and connection (DNS rebinding) leads nowhere. Redirects are not followed, proxies of the environment not used.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPublicAddress } from '../bytes/public-address.ts'
import type { ResolvedAddress, WebhookConfig } from '../contracts.ts'
import { SIGNATURE_HEADER, signWebhook } from '../format/webhook-signature.ts'
import { type DeliveryOptions, failure, type Message, type Outcome } from './hooks-delivery.ts'

const MOST_RESPONSE_BYTES = 64 * 1024
/** How long the end of an answer is waited for once its status has come. */
const PATIENCE_MS = 500
const MOST_HEADER_BYTES = 16 * 1024
const MOST_ADDRESSES = 16
const MOST_RETRY_AFTER_SECONDS = 24 * 3600
/** Answers that speak of the event itself: sending the same again will hardly help. */
const REFUSALS: ReadonlySet<number> = new Set([400, 405, 406, 411, 413, 414, 415, 422, 431])

/** Resolves to what came of it; rejects only with the signal's reason. */
export async function sendWebhook(
  config: WebhookConfig,
  message: Message,
  { signal, timeoutMs, at }: DeliveryOptions & { readonly at: number },
): Promise<Outcome> {
  const url = new URL(config.url)
  const limit = AbortSignal.timeout(timeoutMs)
  const either = AbortSignal.any([signal, limit])
  try {
    const addresses = await within(either, resolve(config, url))
    if (addresses.length === 0) return failure('unreachable', `${url.hostname} has no address`)
    const inside = addresses.filter(({ address }) => !isPublicAddress(address))
    if (inside.length > 0 && !config.allowPrivate)
      return failure('forbidden', `${url.hostname} stands for an address on a private network; set allowPrivate to send there`)
    return await post(config, url, { message, addresses, at, signal: either })
  } catch (error) {
    signal.throwIfAborted()
    if (limit.aborted) return failure('timed-out', `no answer within ${timeoutMs} ms`)
    return failure('unreachable', `${codeOf(error)} from ${url.hostname}`)
  }
}

/** An address in the URL stands for itself; a name for whatever the resolver says. */
async function resolve({ lookup }: WebhookConfig, url: URL): Promise<readonly ResolvedAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const family = isIP(host)
  if (family !== 0) return [{ address: host, family }]
  const found = lookup ? await lookup(host) : await systemLookup(host, { all: true, verbatim: true })
  return found.slice(0, MOST_ADDRESSES)
}

interface Post {
  readonly message: Message
  readonly addresses: readonly ResolvedAddress[]
  readonly at: number
  readonly signal: AbortSignal
}

function post(config: WebhookConfig, url: URL, { message, addresses, at, signal }: Post): Promise<Outcome> {
  const body = Buffer.from(JSON.stringify(message))
  const secure = url.protocol === 'https:'
  const options: RequestOptions & { readonly ca?: string | undefined } = {
    method: 'POST',
    headers: headersFor(config, body, at),
    // The addresses that were checked, and no others.
    lookup: pinned(addresses),
    maxHeaderSize: MOST_HEADER_BYTES,
    signal,
  }
  // An agent of its own: no connection is shared, and none comes from a proxy.
  const agent = secure ? new HttpsAgent({ keepAlive: false, ca: config.ca, rejectUnauthorized: true }) : new HttpAgent({ keepAlive: false })
  return new Promise<Outcome>((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, { ...options, agent }, (response) => {
      settle(response).then(resolve, reject)
    })
    request.on('error', reject)
    request.end(body)
  }).finally(() => agent.destroy())
}

function headersFor(config: WebhookConfig, body: Buffer, at: number): Record<string, string> {
  return {
    ...config.headers,
    'content-type': 'application/json',
    'content-length': String(body.byteLength),
    'user-agent': 'perdure',
    ...(config.secret !== undefined && { [SIGNATURE_HEADER]: signWebhook(body, config.secret, at) }),
  }
}

const pinned =
  (addresses: readonly ResolvedAddress[]): LookupFunction =>
  (_host, { all }, done) => {
    const [first] = addresses
    if (all) done(null, [...addresses])
    else done(null, first?.address ?? '', first?.family)
  }

/** The status is the answer. A body is read to its end where that comes soon, so that the receiver sees a clean end, and cut off where it does not. */
async function settle(response: IncomingMessage): Promise<Outcome> {
  const { statusCode = 0 } = response
  const retryAfterMs = retryAfter(response.headers['retry-after'])
  await Promise.race([drain(response), sleep(PATIENCE_MS)])
  response.destroy()
  if (statusCode >= 200 && statusCode < 300) return { ok: true }
  if (statusCode >= 300 && statusCode < 400)
    return failure('answered', `HTTP ${statusCode}: redirects are not followed; give the final URL`)
  return failure(REFUSALS.has(statusCode) ? 'refused' : 'answered', `HTTP ${statusCode}`, retryAfterMs)
}

async function drain(response: IncomingMessage): Promise<void> {
  let read = 0
  try {
    for await (const bytes of response) {
      read += (bytes as Uint8Array).byteLength
      if (read > MOST_RESPONSE_BYTES) return
    }
  } catch {
    // The status has come, and a body that breaks off takes nothing back.
    return
  }
}

/** Seconds only; the date form depends on two clocks. */
function retryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header) ? Math.min(Number(header), MOST_RETRY_AFTER_SECONDS) * 1_000 : undefined
}

function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** A code such as ECONNREFUSED or CERT_HAS_EXPIRED, without the sentence around it. Where several addresses failed, the first speaks. */
function codeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error
  const code = first instanceof Error && 'code' in first ? String(first.code) : ''
  return /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'no answer'
}
