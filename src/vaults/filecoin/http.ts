/** One question to the HTTP API of one storage provider. What it answers is short, and neither a page nor a redirect. */
import { ReadableStream } from 'node:stream/web'
import { collect } from '../../bytes/collect.ts'
import { oneLine } from '../../bytes/one-line.ts'
import { retryAfter } from '../../bytes/retry-after.ts'
import type { AbortOptions } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { type Patience, patienceOf } from '../patience.ts'

const MAX_ANSWER_BYTES = 256 * 1024
const MAX_TEXT = 200

/** A provider, as it is asked. */
export interface ProviderNode {
  /** Id of the vault, for errors. */
  readonly id: string
  /** Of its API, without a slash at the end. */
  readonly base: string
  /** For a person to read. */
  readonly host: string
  readonly timeoutMs: number
  readonly fetch: typeof fetch
}

export interface Question extends AbortOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | undefined
  /** Begins with a slash. */
  readonly path: string
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it comes, exactly `byteLength` bytes, no faster than the provider takes them. */
  readonly stream?: { readonly body: AsyncIterable<Uint8Array>; readonly byteLength: number } | undefined
  /** Continues "vault x: ", e.g. `looking for the piece`. */
  readonly doing: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Throws `invalid` for an address that cannot be asked: it comes from a registry that anybody writes to. */
export function nodeOf(id: string, url: string, { timeoutMs, fetch }: Pick<ProviderNode, 'timeoutMs' | 'fetch'>): ProviderNode {
  const at = URL.parse(url)
  if (!at || (at.protocol !== 'https:' && at.protocol !== 'http:') || at.username !== '' || at.password !== '')
    throw new VaultError(
      'invalid',
      id,
      `${at ? at.host || at.protocol : oneLine(url, MAX_TEXT)} is no address of a storage provider; choose another provider`,
    )
  return { id, base: `${at.origin}${at.pathname.replace(/\/+$/, '')}`, host: at.host, timeoutMs, fetch }
}

/** Any answer that is no trouble: 4xx as well, which say something. Everything else is thrown as a VaultError. An error of the body passes as it is. */
export async function ask(node: ProviderNode, question: Question): Promise<Answer> {
  const { doing, signal } = question
  signal?.throwIfAborted()
  const patience = patienceOf(node.timeoutMs, { signal })
  const body = question.stream && watched(question.stream.body, patience)
  try {
    const response = await sent(node, question, body, patience)
    patience.again()
    const { status, headers } = response
    const trouble = troubleOf(node, doing, response)
    if (trouble) {
      // What is said of trouble is not shown: reading it only frees the connection.
      await response.body?.cancel().catch(() => undefined)
      throw trouble
    }
    const bytes = response.body ? await collect(response.body, MAX_ANSWER_BYTES) : new Uint8Array(0)
    return { status, headers, text: new TextDecoder().decode(bytes) }
  } catch (error) {
    signal?.throwIfAborted()
    if (body?.failed) throw body.failed.reason
    if (error instanceof VaultError) throw error
    if (error instanceof FormatError)
      throw new VaultError('unreachable', node.id, `${doing}: ${node.host} answers with more than ${MAX_ANSWER_BYTES} bytes`, {
        cause: error,
      })
    const why = patience.isOver() ? `did not move for ${node.timeoutMs} ms` : 'gave no whole answer'
    throw new VaultError('unreachable', node.id, `${doing}: ${node.host} ${why}; try again later`, { cause: error })
  } finally {
    patience.end()
  }
}

function sent(node: ProviderNode, question: Question, body: Watched | undefined, { signal }: Patience): Promise<Response> {
  const { method = 'GET', path, json, stream } = question
  // Not every list of types knows `duplex`, which every runtime wants for a stream.
  const streamed = body && {
    body: ReadableStream.from(body.bytes()) as unknown as BodyInit,
    duplex: 'half',
  }
  return node.fetch(`${node.base}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(stream && { 'content-type': 'application/octet-stream', 'content-length': `${stream.byteLength}` }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...streamed,
    signal,
  })
}

interface Watched {
  bytes(): AsyncGenerator<Uint8Array>
  /** The body's own error, which is not the provider's. */
  readonly failed: { readonly reason: unknown } | undefined
}

function watched(body: AsyncIterable<Uint8Array>, patience: Patience): Watched {
  let failed: { readonly reason: unknown } | undefined
  return {
    get failed() {
      return failed
    },
    async *bytes() {
      try {
        for await (const chunk of body) {
          patience.again()
          yield chunk
        }
        patience.again()
      } catch (reason) {
        failed = { reason }
        throw reason
      }
    },
  }
}

/** Of an answer that says nothing about what was asked. */
function troubleOf({ id, host }: ProviderNode, doing: string, { status, headers, type }: Response): VaultError | undefined {
  const failed = `${doing}: ${host} answers with HTTP ${status}`
  if (status === 401 || status === 403) return new VaultError('denied', id, `${failed}; it may block this address, or this payer`)
  if (status === 402) return new VaultError('exhausted', id, `${failed}; it wants to be paid`)
  if (status === 507) return new VaultError('exhausted', id, `${failed}; it has no space, choose another provider`)
  if (type === 'opaqueredirect' || (status >= 300 && status < 400))
    return new VaultError('unreachable', id, `${failed}; it redirects, which is not followed`)
  if (status === 429 || status >= 500)
    return new VaultError('unreachable', id, `${failed}; try again later`, { retryAfterMs: retryAfter(headers.get('retry-after')) })
  if (headers.get('content-type')?.startsWith('text/html'))
    return new VaultError('unreachable', id, `${failed} and a page, not as a storage provider does; look for a proxy on the way`)
  return undefined
}

/** Undefined for what is no JSON object. */
export function recordOf({ text }: Answer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** One line of what a provider says, cut off where it is long. */
export const shown = ({ status, text }: Answer): string => oneLine(text, MAX_TEXT) || `HTTP ${status}`
