/** One request and its answer: the token goes to one host only, and no more of an answer is read than has use. */
import { inspect } from 'node:util'
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError, VaultError } from '../../../errors.ts'
import { refusal } from './refusal.ts'

export const MAX_ANSWER_BYTES = 1024 * 1024
const MAX_REDIRECTS = 3
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

export interface Host {
  readonly id: string
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly token: string
  readonly fetch: typeof fetch
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** What comes after the endpoint, encoded. */
  readonly path: string
  readonly body?: unknown
  /** Continues "vault x: ", e.g. `listing pins`. */
  readonly doing: string
}

/** The body of a 2xx answer. Everything else is thrown as a VaultError; an abort, with its own reason. */
export async function ask(host: Host, request: Request, options: AbortOptions = {}): Promise<string> {
  const { id } = host
  const { doing } = request
  const response = await answered(host, request, options)
  if (response.ok) return textOf(host, doing, response, options)
  const text = await textOf(host, doing, response, options).catch((error: unknown) => {
    options.signal?.throwIfAborted()
    // The status has come, and says enough where the body cannot be read.
    if (error instanceof VaultError) return ''
    throw error
  })
  throw refusal(id, doing, response, text, (said) => said.replaceAll(host.token, '***'))
}

async function answered(host: Host, request: Request, options: AbortOptions): Promise<Response> {
  const { id } = host
  const { doing, method } = request
  let url = new URL(`${host.endpoint}${request.path}`)
  for (let turn = 0; turn <= MAX_REDIRECTS; turn++) {
    const response = await sent(host, request, url, options)
    if (!REDIRECTS.includes(response.status)) return response
    void response.body?.cancel().catch(() => undefined)
    const next = URL.parse(response.headers.get('location') ?? '', url)
    if (next?.origin !== url.origin)
      throw new VaultError(
        'invalid',
        id,
        `${doing} failed: it redirects to another host, where the token would go; give the final endpoint`,
      )
    if (method !== 'GET' && response.status < 307)
      throw new VaultError('invalid', id, `${doing} failed: it redirects with HTTP ${response.status}; give the final endpoint`)
    url = next
  }
  throw new VaultError('unreachable', id, `${doing} failed: it redirects without end; check the endpoint`)
}

async function sent(host: Host, request: Request, url: URL, { signal }: AbortOptions): Promise<Response> {
  const { method, body, doing } = request
  signal?.throwIfAborted()
  try {
    return await host.fetch(url.href, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${host.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw unreachable(host, `${doing} got no answer`, error)
  }
}

async function textOf(host: Host, doing: string, { body }: Response, options: AbortOptions): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body ? await collect(body, MAX_ANSWER_BYTES, options) : undefined)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof FormatError)
      throw new VaultError(
        'unsupported',
        host.id,
        `${doing}: the answer is longer than ${MAX_ANSWER_BYTES} bytes; ask for fewer pins at a time`,
      )
    throw unreachable(host, `${doing}: the answer broke off or is no text`, error)
  }
}

/** The cause is kept unless the token is in it. */
export function unreachable({ id, token }: Pick<Host, 'id' | 'token'>, what: string, cause: unknown): VaultError {
  const safe = !inspect(cause, { depth: 8 }).includes(token)
  return new VaultError('unreachable', id, `${what}; check the endpoint and the network, then try again`, safe ? { cause } : {})
}
