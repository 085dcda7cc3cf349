/** Gateways and nodes of Arweave, and one question to one of them: https://docs.arweave.org/developers/arweave-node-server/http-api. */
import { collect } from '../../bytes/collect.ts'
import { oneLine } from '../../bytes/one-line.ts'
import { retryAfter } from '../../bytes/retry-after.ts'
import type { AbortOptions } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'
import { patienceOf } from '../patience.ts'
import { post } from './post.ts'

/** No answer but data is longer, and data has a limit of its own. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_TEXT = 200

/** One gateway or node, as it is asked. */
export interface GatewayNode {
  /** Id of the vault, for errors. */
  readonly id: string
  readonly origin: string
  /** For a person to read. */
  readonly host: string
  readonly timeoutMs: number
  /** The user's own, through which everything goes then. */
  readonly fetch?: typeof fetch | undefined
}

export interface Network {
  readonly id: string
  /** At least one, in the order they were given. */
  readonly nodes: readonly GatewayNode[]
  /** So many have to say the same before it is believed: two, also of three. */
  readonly quorum: number
}

export interface Question extends AbortOptions {
  readonly method?: 'GET' | 'POST' | undefined
  /** Begins with a slash. */
  readonly path: string
  /** JSON. Bytes are not looked at again once the answer has come. */
  readonly body?: string | Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Continues "vault x: ", e.g. `asking for the price`. */
  readonly doing: string
  /** A longer answer is not read on; default 4 MiB. */
  readonly limit?: number | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

const QUORUM = 2

/** Throws `invalid` for addresses that cannot be, and for the same one twice: it would agree with itself. */
export function networkOf(
  id: string,
  gateways: readonly string[],
  { timeoutMs, fetch }: Pick<GatewayNode, 'timeoutMs' | 'fetch'>,
): Network {
  if (!Array.isArray(gateways) || gateways.length === 0)
    throw new VaultError('invalid', id, '`gateways` is empty; give three of unlike operators, e.g. https://arweave.net')
  const origins = gateways.map((text) => originOf(id, text))
  const twice = origins.find((origin, at) => origins.indexOf(origin) !== at)
  if (twice !== undefined)
    throw new VaultError('invalid', id, `${twice} is given twice in \`gateways\`; one gateway agrees only with itself`)
  return {
    id,
    nodes: origins.map((origin) => ({ id, origin, host: new URL(origin).host, timeoutMs, fetch })),
    quorum: QUORUM,
  }
}

function originOf(id: string, text: string): string {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    throw new VaultError('invalid', id, 'a gateway is given by its origin, e.g. https://arweave.net, without a password')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new VaultError('invalid', id, `pass the origin of the gateway alone, ${url.origin}`)
  return url.origin
}

/** Any answer that is no refusal and no trouble of the server: also 202, 400 and 404, which say something. Everything else is thrown as a VaultError. */
export async function ask(node: GatewayNode, question: Question): Promise<Answer> {
  const { doing, signal, limit = MAX_ANSWER_BYTES } = question
  signal?.throwIfAborted()
  const patience = patienceOf(node.timeoutMs, { signal })
  try {
    const { body, path } = question
    const answer =
      body instanceof Uint8Array && !node.fetch
        ? await post(`${node.origin}${path}`, { body, headers: headersOf(question), limit, signal: patience.signal })
        : await fetched(node, question, { limit, signal: patience.signal })
    if (isTrouble(answer)) throw refusal(node, doing, answer)
    return answer
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof VaultError) throw error
    if (error instanceof FormatError)
      throw new VaultError('unreachable', node.id, `${doing}: ${node.host} answers with more than ${limit} bytes; ask another gateway`)
    const why = patience.isOver() ? `gave no answer within ${node.timeoutMs} ms` : 'gave no whole answer'
    throw new VaultError('unreachable', node.id, `${doing}: ${node.host} ${why}; try again later, or with another gateway`, {
      cause: error,
    })
  } finally {
    patience.end()
  }
}

const NOTHING = new Uint8Array(0)

async function fetched(
  node: GatewayNode,
  question: Question,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Answer> {
  const response = await sent(node, question, signal)
  const { status, headers, body } = response
  // What is said of trouble is not shown: reading it only frees the connection.
  if (isTrouble(response)) await body?.cancel().catch(() => undefined)
  return { status, headers, bytes: body && !isTrouble(response) ? await collect(body, limit) : NOTHING }
}

/** The answer, its body unread. */
export function sent(node: GatewayNode, question: Question, signal: AbortSignal): Promise<Response> {
  const { method = 'GET', path, body } = question
  return (node.fetch ?? fetch)(`${node.origin}${path}`, {
    method,
    redirect: 'manual',
    headers: headersOf(question),
    ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }),
    signal,
  })
}

const headersOf = ({ body, headers }: Question): Readonly<Record<string, string>> => ({
  ...(body !== undefined && { 'content-type': 'application/json' }),
  ...(body instanceof Uint8Array && { 'content-length': `${body.byteLength}` }),
  ...headers,
})

export const isTrouble = ({ status }: Pick<Answer, 'status'>): boolean =>
  status === 401 || status === 402 || status === 403 || status === 429 || status >= 500 || (status >= 300 && status < 400 && status !== 303)

/** Of an answer that says nothing about what was asked. */
export function refusal({ id, host }: GatewayNode, doing: string, { status, headers }: Omit<Answer, 'bytes'>): VaultError {
  const failed = `${doing}: ${host} answers with HTTP ${status}`
  if (status === 401 || status === 403) return new VaultError('denied', id, `${failed}; it may want a token, or block this address`)
  if (status === 402) return new VaultError('exhausted', id, `${failed}; it wants to be paid`)
  if (status >= 300 && status < 400) return new VaultError('unreachable', id, `${failed}; it redirects, give its final origin`)
  const retryAfterMs = retryAfter(headers.get('retry-after'))
  return new VaultError('unreachable', id, `${failed}; try again later, or with another gateway`, { retryAfterMs })
}

export const textOf = ({ bytes }: Answer): string => new TextDecoder().decode(bytes)

/** Undefined for what is no JSON object, an HTML page for one. */
export function recordOf(answer: Answer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(textOf(answer))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** One line of what a node says of itself, cut off where it is long. */
export const shown = (answer: Answer): string => oneLine(textOf(answer), MAX_TEXT)

export interface Heard<T> {
  readonly node: GatewayNode
  readonly value: T
}

export interface Hearing<T> {
  readonly heard: readonly Heard<T>[]
  readonly failed: readonly VaultError[]
}

/** Every node side by side. Rejects for an abort, and for what is no VaultError. */
export async function askAll<T>(
  { nodes }: Network,
  question: (node: GatewayNode) => Promise<T>,
  { signal }: AbortOptions = {},
): Promise<Hearing<T>> {
  const outcomes = await Promise.allSettled(nodes.map(question))
  signal?.throwIfAborted()
  const heard: Heard<T>[] = []
  const failed: VaultError[] = []
  for (const [at, outcome] of outcomes.entries()) {
    const node = nodes[at]
    if (outcome.status === 'fulfilled' && node) heard.push({ node, value: outcome.value })
    else if (outcome.status === 'rejected' && outcome.reason instanceof VaultError) failed.push(outcome.reason)
    else if (outcome.status === 'rejected') throw outcome.reason
  }
  return { heard, failed }
}

/** Of failures, the one that tells the user most: a refusal before silence. */
export function worstOf(failed: readonly VaultError[]): VaultError | undefined {
  return failed.find(({ code }) => code === 'denied') ?? failed.find(({ code }) => code === 'exhausted') ?? failed[0]
}
