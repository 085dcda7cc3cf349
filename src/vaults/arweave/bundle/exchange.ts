/** One request to a bundler or its payment service, and as much of the answer as has use. What means no success is a VaultError. */
import { collect } from '../../../bytes/collect.ts'
import { oneLine } from '../../../bytes/one-line.ts'
import { retryAfter } from '../../../bytes/retry-after.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError, type VaultErrorCode } from '../../../errors.ts'

const MAX_ANSWER_BYTES = 1024 * 1024
const MAX_TEXT = 200
const TIMEOUT_MS = 60_000

export interface Service {
  /** What `/v1/…` follows, e.g. `https://upload.ardrive.io`. */
  readonly url: string
  readonly fetch: typeof fetch
  /** Of the vault, for errors. */
  readonly id: string
  /** For the whole of a request and its answer; default 60 s. */
  readonly timeoutMs?: number | undefined
}

export interface Question {
  /** What comes after the address, encoded. */
  readonly path: string
  /** Makes the request a POST. */
  readonly body?: Uint8Array | undefined
  /** Continues "vault x: ". */
  readonly doing: string
}

export interface Answer {
  readonly status: number
  readonly text: string
}

type Meaning = readonly [VaultErrorCode, string]

const ELSEWHERE = 'this is not the answer of a bundler; check its address and proxies'
const REFUSED = 'ask the bundler why it refuses this wallet, or use transactions'

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  400: ['invalid', 'the bundler does not take it; see what it says'],
  401: ['denied', REFUSED],
  402: ['exhausted', 'add credits for this wallet at the bundler, or use transactions'],
  403: ['denied', REFUSED],
  413: ['invalid', 'it is larger than the bundler takes; use transactions for packs of this size'],
  429: ['unreachable', 'slow down'],
}

/** The text of a 2xx answer that is no page. Everything else is thrown as a VaultError; an abort, with its own reason. */
export async function ask(service: Service, question: Question, { signal }: AbortOptions = {}): Promise<Answer> {
  const { id, timeoutMs = TIMEOUT_MS } = service
  const { doing } = question
  const url = urlOf(service, question)
  signal?.throwIfAborted()
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await sent(service, url, question, AbortSignal.any(signal ? [signal, timeout] : [timeout]))
    if (!response.ok) throw refusal(service, doing, response, await textOf(response).catch(() => ''))
    if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) {
      void response.body?.cancel().catch(() => undefined)
      throw new VaultError('unreachable', id, `${doing}: the answer is a page; check the bundler's address and proxies`)
    }
    return { status: response.status, text: await textOf(response) }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) throw error
    if (timeout.aborted)
      throw new VaultError('unreachable', id, `${doing} took more than ${timeoutMs} ms; try again later, or set a longer time`)
    throw new VaultError('unreachable', id, `${doing} got no whole answer from ${url.host}; check the network and the address`, {
      cause: error,
    })
  }
}

/** The same as an object of JSON. Throws VaultError `unreachable` for anything else. */
export function recordIn({ id }: Service, doing: string, { text }: Answer): Readonly<Record<string, unknown>> {
  const value = parsed(text)
  if (isRecord(value)) return value
  throw new VaultError('unreachable', id, `${doing}: ${ELSEWHERE}`)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function urlOf({ url, id }: Service, { path }: Question): URL {
  const base = URL.parse(url)
  if (!base || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '' || base.search !== '' || base.hash !== '')
    throw new VaultError('invalid', id, 'the address of the bundler is no plain http(s) URL; it looks like https://bundler.example')
  return new URL(`${base.origin}${base.pathname.replace(/\/+$/, '')}${path}`)
}

function sent(service: Service, url: URL, { body }: Question, signal: AbortSignal): Promise<Response> {
  // A bundler has one address. What is elsewhere was not chosen by whoever trusts it with a wallet's credits.
  if (!body) return service.fetch(url.href, { redirect: 'manual', headers: { accept: 'application/json' }, signal })
  const headers = { accept: 'application/json', 'content-type': 'application/octet-stream' }
  return service.fetch(url.href, { method: 'POST', redirect: 'manual', headers, body: body as Uint8Array<ArrayBuffer>, signal })
}

async function textOf({ body }: Response): Promise<string> {
  return new TextDecoder().decode(body ? await collect(body, MAX_ANSWER_BYTES) : undefined)
}

function refusal({ id }: Service, doing: string, { status, headers }: Response, text: string): VaultError {
  const [code, advice] = meaningOf(status)
  const said = /^text\/html/i.test(headers.get('content-type') ?? '') ? '' : oneLine(text, MAX_TEXT)
  const retryAfterMs = retryAfter(headers.get('retry-after'))
  return new VaultError(code, id, `${doing} failed with HTTP ${status}${said && ` (${said})`}; ${advice}`, { retryAfterMs })
}

function meaningOf(status: number): Meaning {
  const known = BY_STATUS[status]
  if (known) return known
  if (status >= 300 && status < 400) return ['unreachable', 'it redirects, which is not followed; give the final address']
  return ['unreachable', status >= 500 ? 'try again later' : ELSEWHERE]
}
