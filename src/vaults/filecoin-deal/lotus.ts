/** One question to a Lotus node by JSON-RPC 2.0 over HTTP: https://docs.filecoin.io/reference/json-rpc. */
import { collect } from '../../bytes/collect.ts'
import { oneLine } from '../../bytes/one-line.ts'
import { retryAfter } from '../../bytes/retry-after.ts'
import type { AbortOptions } from '../../contracts.ts'
import { FormatError, VaultError } from '../../errors.ts'

/** Partitions of a deadline are the longest answer. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_TEXT = 200

export interface LotusNode {
  /** Id of the vault, for errors. */
  readonly id: string
  /** May hold a key in its path: never shown. */
  readonly url: string
  /** For a person to read. */
  readonly host: string
  readonly token: string | undefined
  readonly timeoutMs: number
  readonly fetch: typeof fetch
}

export interface Question extends AbortOptions {
  /** Without `Filecoin.` before it. */
  readonly method: string
  readonly params: readonly unknown[]
  /** How this very node says that there is none; everything else it calls an error is one. */
  readonly isAbsence?: ((message: string) => boolean) | undefined
}

interface Envelope {
  readonly jsonrpc?: unknown
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

let asked = 0

/** The result, null where there is none. Throws VaultError: an error of the node is `unreachable`, since it says nothing of the chain. */
export async function ask(node: LotusNode, { method, params, isAbsence, signal }: Question): Promise<unknown> {
  const id = ++asked
  const answer = await exchange(node, method, JSON.stringify({ jsonrpc: '2.0', id, method: `Filecoin.${method}`, params }), { signal })
  const envelope = parsed(answer)
  if (envelope?.jsonrpc !== '2.0' || envelope.id !== id)
    throw new VaultError('unreachable', node.id, `${method}: ${node.host} gives no JSON-RPC answer; check \`rpc\`, e.g. https://…/rpc/v1`)
  const { error } = envelope
  if (error === undefined || error === null) {
    if (envelope.result === undefined) throw new VaultError('unreachable', node.id, `${method}: ${node.host} answers with no result`)
    return envelope.result
  }
  const message = typeof error === 'object' && 'message' in error ? String(error.message) : 'an error without words'
  if (isAbsence?.(message)) return null
  throw new VaultError(
    'unreachable',
    node.id,
    `${method}: ${node.host} answers with an error: ${oneLine(message, MAX_TEXT)}; try again later`,
  )
}

async function exchange(node: LotusNode, method: string, body: string, { signal }: AbortOptions): Promise<Uint8Array> {
  signal?.throwIfAborted()
  const patience = AbortSignal.timeout(node.timeoutMs)
  try {
    const response = await node.fetch(node.url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...(node.token !== undefined && { authorization: `Bearer ${node.token}` }) },
      body,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    })
    if (response.status !== 200) {
      await response.body?.cancel().catch(() => undefined)
      throw refusal(node, method, response)
    }
    return response.body ? await collect(response.body, MAX_ANSWER_BYTES) : new Uint8Array(0)
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof VaultError) throw cause
    const why =
      cause instanceof FormatError
        ? `answers with more than ${MAX_ANSWER_BYTES} bytes`
        : patience.aborted
          ? `gave no answer within ${node.timeoutMs} ms`
          : 'gave no whole answer'
    throw new VaultError('unreachable', node.id, `${method}: ${node.host} ${why}; try again later, or with another node`, { cause })
  }
}

function refusal({ id, host }: LotusNode, method: string, { status, headers }: Response): VaultError {
  const failed = `${method}: ${host} answers with HTTP ${status}`
  if (status === 401 || status === 403)
    return new VaultError('denied', id, `${failed}; it wants a token that may read, give it as \`token\``)
  const retryAfterMs = retryAfter(headers.get('retry-after'))
  return new VaultError('unreachable', id, `${failed}; try again later, or with another node`, { retryAfterMs })
}

/** Undefined for what is no JSON object, an HTML page for one. */
function parsed(bytes: Uint8Array): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
