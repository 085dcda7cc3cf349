/** One question to the RPC API v0 of a node, https://docs.ipfs.tech/reference/kubo/rpc/, and as much of its answer as has use. */
import { inspect } from 'node:util'
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError, VaultError } from '../../../errors.ts'
import { readable, type Upload } from '../multipart.ts'
import type { Node } from './options.ts'
import { refusal } from './refusal.ts'

const MAX_ANSWER_BYTES = 1024 * 1024

export interface Question {
  /** E.g. `pin/ls`. */
  readonly command: string
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly upload?: Upload | undefined
  /** Continues "vault x: ", e.g. `asking for the pin of bafy…`. */
  readonly doing: string
  /** Default: that of the node; `none` for what takes as long as there are bytes or pins. */
  readonly timeoutMs?: number | 'none' | undefined
  /** A longer answer is FormatError `limit`; default 1 MiB. */
  readonly limit?: number | undefined
}

/** The body of a 2xx answer. Everything else is thrown as a VaultError; an abort, and what an upload could not read, as it is. */
export async function askBytes(node: Node, question: Question, { signal }: AbortOptions = {}): Promise<Uint8Array> {
  const { doing, upload, timeoutMs = node.timeoutMs, limit = MAX_ANSWER_BYTES } = question
  const timeout = timeoutMs === 'none' ? undefined : AbortSignal.timeout(timeoutMs)
  const signals = [signal, timeout].filter((one) => one !== undefined)
  try {
    signal?.throwIfAborted()
    const response = await sent(node, question, AbortSignal.any(signals))
    if (!response.ok) throw refusal(node, doing, response, await said(response))
    return await bodyOf(response, limit)
  } catch (error) {
    signal?.throwIfAborted()
    if (upload?.failure()) throw upload.failure()
    if (error instanceof VaultError || error instanceof FormatError) throw error
    if (timeout?.aborted)
      throw new VaultError('unreachable', node.id, `${doing} took more than ${timeoutMs} ms; look whether the node is busy`)
    throw unreachable(node, doing, error)
  }
}

/** The same as text. */
export async function askText(node: Node, question: Question, options: AbortOptions = {}): Promise<string> {
  try {
    return new TextDecoder().decode(await askBytes(node, question, options))
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new VaultError('unsupported', node.id, `${question.doing}: the answer is longer than any of Kubo's; check \`api\``, {
      cause: error,
    })
  }
}

/** The same as values: one JSON text a line. Throws VaultError `unreachable` for anything else. */
export async function askLines(
  node: Node,
  question: Question,
  options: AbortOptions = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await askText(node, question, options)
  try {
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [recordOf(JSON.parse(line))]))
  } catch (cause) {
    throw new VaultError('unreachable', node.id, `${question.doing}: the answer is not one of Kubo; check \`api\` and proxies`, { cause })
  }
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function sent(node: Node, { command, query = {}, upload }: Question, signal: AbortSignal): Promise<Response> {
  const url = new URL(`/api/v0/${command}?${new URLSearchParams(query)}`, node.api)
  const body = upload && { body: readable(upload.stream), duplex: 'half' as const }
  const headers = { ...node.headers, ...(upload && { 'content-type': upload.type }) }
  // A redirect would carry the authorization elsewhere.
  return node.fetch(url.href, { method: 'POST', redirect: 'manual', headers, signal, ...body })
}

async function bodyOf({ body }: Response, limit: number): Promise<Uint8Array> {
  return body ? await collect(body, limit) : new Uint8Array(0)
}

/** The status says enough where the body cannot be read. */
async function said(response: Response): Promise<string> {
  try {
    return new TextDecoder().decode(await bodyOf(response, MAX_ANSWER_BYTES))
  } catch {
    return ''
  }
}

/** The cause is kept unless a secret is in it. */
function unreachable({ id, api, secrets }: Node, doing: string, cause: unknown): VaultError {
  const shown = inspect(cause, { depth: 8 })
  const safe = !secrets.some((secret) => shown.includes(secret))
  const message = `${doing} got no whole answer from ${api.origin}; look whether the node runs and the address is right`
  return new VaultError('unreachable', id, message, safe ? { cause } : {})
}
