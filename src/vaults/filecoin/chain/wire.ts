/** How the writer's questions reach a node, and what it means when they do not. */
import type { Chain } from '@filoz/synapse-core/chains'
import { oneLine } from '../../../bytes/one-line.ts'
import { retryAfter } from '../../../bytes/retry-after.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { VaultError } from '../../../errors.ts'
import type { Packages } from '../packages.ts'
import { refusalOf, revertIn } from '../words.ts'

const MAX_TEXT = 200
/** How JSON-RPC says that it is asked too often. */
export const LIMIT_EXCEEDED = -32005

/** A node, as it is asked. */
export interface ChainNode {
  readonly id: string
  readonly rpc: string
  readonly chain: Chain
  readonly fetch?: typeof fetch | undefined
  readonly timeoutMs: number
}

export type Ask = <T>(method: string, params: readonly unknown[], options?: AbortOptions) => Promise<T>

/** One JSON-RPC question, asked once. Rejects with what viem makes of a failure. */
export function askOf({ viem }: Packages, { rpc, chain, fetch, timeoutMs }: ChainNode): Ask {
  const { shown, url, headers } = addressOf(rpc)
  const client = viem.createPublicClient({
    chain,
    transport: viem.http(shown, {
      retryCount: 0,
      timeout: timeoutMs,
      fetchOptions: { redirect: 'manual', headers },
      fetchFn: (_shown, init) => (fetch ?? globalThis.fetch)(url, init),
    }),
  })
  return (method, params, { signal } = {}) => client.request({ method, params } as never, signal ? { signal } : {})
}

/** Many nodes are told a token in their address, which viem repeats in every error: it is only shown the origin. */
function addressOf(rpc: string): { readonly shown: string; readonly url: string; readonly headers: Record<string, string> } {
  const url = new URL(rpc)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const account = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    shown: url.origin,
    url: url.href,
    headers: username === '' && password === '' ? {} : { authorization: `Basic ${Buffer.from(account).toString('base64')}` },
  }
}

interface Failure extends Error {
  readonly status?: number
  readonly headers?: Headers
  readonly code?: number
  readonly details?: string
}

/** A VaultError for what came of a question; throws the signal's reason after an abort. `doing` continues "vault x: ". */
export function failureOf(packages: Packages, node: ChainNode, doing: string, error: unknown, { signal }: AbortOptions = {}): VaultError {
  signal?.throwIfAborted()
  if (error instanceof VaultError) return error
  const revert = revertIn(error)
  if (revert !== undefined) return refusalOf(packages, node.id, doing, revert, error)
  const failures = chainOf(error)
  const host = URL.parse(node.rpc)?.host ?? 'the node'
  const status = failures.find((failure) => typeof failure.status === 'number')
  if (status) return refused(node.id, `${doing}: ${host} answers with HTTP ${status.status}`, status, error)
  const unreachable = (why: string) =>
    new VaultError('unreachable', node.id, `${doing}: ${host} ${why}; try again later, or with another node`, { cause: error })
  if (failures.some(({ name }) => name === 'TimeoutError')) return unreachable(`gave no answer within ${node.timeoutMs} ms`)
  const answer = failures.find(({ code }) => typeof code === 'number')
  if (answer?.code === LIMIT_EXCEEDED) return unreachable('is asked too often')
  return answer ? unreachable(`answers with error ${answer.code}: ${wordsOf(error)}`) : unreachable('gave no whole answer')
}

function refused(id: string, failed: string, { status = 0, headers }: Failure, cause: unknown): VaultError {
  if (status === 401 || status === 403)
    return new VaultError('denied', id, `${failed}; it may want a token, or block this address`, { cause })
  if (status === 402) return new VaultError('exhausted', id, `${failed}; it wants to be paid`, { cause })
  if (status >= 300 && status < 400) return new VaultError('unreachable', id, `${failed}; it redirects, give its final address`, { cause })
  const retryAfterMs = retryAfter(headers?.get('retry-after') ?? null)
  return new VaultError('unreachable', id, `${failed}; try again later, or with another node`, { cause, retryAfterMs })
}

/** What the node itself says, on one line. */
export function wordsOf(error: unknown): string {
  const said = chainOf(error).findLast(({ details, message }) => details || message)
  return oneLine(said?.details || said?.message || 'nothing', MAX_TEXT)
}

function chainOf(error: unknown): readonly Failure[] {
  const failures: Failure[] = []
  for (let at = error; at instanceof Object && failures.length < 16; at = (at as Error).cause) failures.push(at as Failure)
  return failures
}

/** Throws `invalid` when what a node calls its chain is another one. */
export function assertSameChain({ id, chain }: Pick<ChainNode, 'id' | 'chain'>, doing: string, found: bigint): void {
  if (found === BigInt(chain.id)) return
  throw new VaultError(
    'invalid',
    id,
    `${doing}: the node speaks to chain ${found}, and this vault is on ${chain.id}; give the rpc of that one`,
  )
}
