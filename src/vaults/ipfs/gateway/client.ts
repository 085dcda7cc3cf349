/**
 * A trustless IPFS gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/): asked for blocks and CARs, and believed in nothing. A block is handed
 * on when it hashes to its CID.
 */
import type { CID } from 'multiformats/cid'
import { abortable } from '../../../bytes/abortable.ts'
import { collect } from '../../../bytes/collect.ts'
import type { AbortOptions } from '../../../contracts.ts'
import { FormatError, PerdureError, VaultError } from '../../../errors.ts'
import { assertHash, inlined, isBlockOf, MAX_BLOCK_BYTES } from '../embedded/block-id.ts'
import { ask, type Connection } from './ask.ts'
import { type CacheOptions, keepsToCache } from './cache-only.ts'
import { directFetch, type GatewayFetch, type GatewayResponse, PRIVATE_ADDRESS } from './connect.ts'
import { originOf, privateNetwork } from './origin.ts'
import type { Question } from './refusals.ts'
import { type Wait, type WaitOptions, waiting } from './wait.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const RAW_TYPE = 'application/vnd.ipld.raw'
const CAR_TYPE = 'application/vnd.ipld.car;version=1;order=dfs;dups=n'

export interface GatewayOptions {
  /** Default: connections of its own that check every address. One that is given has to keep off private networks itself; names are not resolved here then. */
  readonly fetch?: GatewayFetch | undefined
  /** Sent with every request, e.g. a token; never to another host, and not over plain http unless `allowPrivate`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** For a whole block, and for each piece of a CAR, in milliseconds; default 30 000. */
  readonly timeoutMs?: number | undefined
  /** Larger blocks are refused; default 2 MiB. */
  readonly maxBlockBytes?: number | undefined
  /** May it be on this machine or on a private network? Default false. */
  readonly allowPrivate?: boolean | undefined
}

export interface BlockOptions extends AbortOptions {
  /** Only if the gateway has it at hand; the answer is `absent` otherwise. Default false. */
  readonly onlyIfCached?: boolean | undefined
}

export interface TrustlessGateway {
  /** Origin, e.g. `https://gateway.example`. */
  readonly url: string
  /**
   * One block, hashed. CIDs of either version and any codec are asked for alike; an identity CID of up to 128 bytes answers itself. Throws VaultError in
   * the name of the gateway's host: `absent`, `damaged` for other bytes, `denied`, `unreachable` (with `retryAfterMs` if it was told), `unsupported`, `invalid`.
   */
  block(cid: CID, options?: BlockOptions): Promise<Uint8Array>
  /**
   * Does it keep to `onlyIfCached`? It is asked for a block that nobody has, and 412 is a yes; anything else, and no answer within 2 seconds, is a no. Rejects
   * only with the signal's reason.
   */
  keepsToCache(options?: CacheOptions): Promise<boolean>
  /** The CAR of everything under a root, byte by byte as the gateway gives it: nothing of it is checked. Throws as `block` does, and `damaged` never. */
  carBytes(root: CID, options?: AbortOptions): AsyncIterable<Uint8Array>
}

/** A client of the gateway at that origin; nothing is asked before a block is. Throws VaultError `invalid` for URLs that are not taken. */
export function trustlessGateway(url: string, options: GatewayOptions = {}): TrustlessGateway {
  const { headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS, maxBlockBytes = MAX_BLOCK_BYTES, allowPrivate = false } = options
  const origin = originOf(url, { secrets: Object.keys(headers).length > 0, allowPrivate })
  const connection = { origin, headers, fetch: options.fetch ?? directFetch({ allowPrivate }) }
  const { host } = origin
  return {
    url: origin.origin,
    async block(cid, { signal, onlyIfCached = false } = {}) {
      signal?.throwIfAborted()
      const own = ownBytes(host, cid)
      if (own) return own
      const question = { host, cid, onlyIfCached }
      const bytes = await within(question, { signal, timeoutMs }, async (wait) => {
        const response = await ask(connection, question, { format: 'raw', accept: RAW_TYPE, signal: wait.signal })
        return await blockBytes(question, response, { maxBlockBytes, signal: wait.signal })
      })
      if (isBlockOf(cid, bytes)) return bytes
      throw new VaultError('damaged', host, `the ${bytes.byteLength} bytes it gave for ${cid} do not hash to it; ask another gateway`)
    },
    keepsToCache: (options) => keepsToCache(connection, options),
    carBytes: (root, { signal } = {}) => carOf(connection, root, { signal, timeoutMs }),
  }
}

/** The bytes of an identity CID, which is asked of nobody. Throws `unsupported` for CIDs whose bytes could not be checked. */
export function ownBytes(host: string, cid: CID): Uint8Array | undefined {
  try {
    assertHash(cid)
    return inlined(cid)?.slice()
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new VaultError('unsupported', host, `${cid} was not asked for, since its bytes could not be checked: ${cause.message}`, { cause })
  }
}

interface ReadLimits {
  readonly maxBlockBytes: number
  readonly signal: AbortSignal
}

async function blockBytes({ host, cid }: Question, response: GatewayResponse, { maxBlockBytes, signal }: ReadLimits): Promise<Uint8Array> {
  const tooLarge = (cause?: unknown) =>
    new VaultError('unsupported', host, `what it gives for ${cid} has more than ${maxBlockBytes} bytes, and larger blocks are not taken`, {
      cause,
    })
  if (Number(response.headers.get('content-length') ?? 0) > maxBlockBytes) throw tooLarge()
  if (response.body === null) return new Uint8Array(0)
  try {
    return await collect(abortable(response.body, { signal }), maxBlockBytes)
  } catch (error) {
    throw error instanceof FormatError && error.code === 'limit' ? tooLarge(error) : error
  }
}

async function* carOf(connection: Connection, root: CID, options: WaitOptions): AsyncGenerator<Uint8Array> {
  const { host } = connection.origin
  if (ownBytes(host, root))
    throw new VaultError('unsupported', host, `${root} carries its own bytes and was not asked for; ask for what it links to`)
  const question = { host, cid: root, onlyIfCached: false }
  const wait = waiting(options)
  try {
    const response = await ask(connection, question, { format: 'car', accept: CAR_TYPE, signal: wait.signal })
    if (response.body === null) return
    for await (const chunk of abortable(response.body, { signal: wait.signal })) {
      // A reader that takes its time is not the gateway's fault.
      wait.pause()
      yield chunk
      wait.resume()
    }
    wait.settle()
  } catch (error) {
    throw failed(question, options, wait, error)
  } finally {
    wait.end()
  }
}

async function within<T>(question: Question, options: WaitOptions, work: (wait: Wait) => Promise<T>): Promise<T> {
  const wait = waiting(options)
  try {
    const result = await work(wait)
    wait.settle()
    return result
  } catch (error) {
    throw failed(question, options, wait, error)
  } finally {
    wait.end()
  }
}

/** The caller's own abort as it is, what we found as it is, and everything else as silence. */
function failed({ host, cid }: Question, { signal, timeoutMs }: WaitOptions, wait: Wait, error: unknown): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof VaultError) return error
  if (wait.timedOut()) return new VaultError('unreachable', host, `it did not give ${cid} within ${timeoutMs} ms`, { cause: error })
  const cause = error instanceof PerdureError && error.cause !== undefined ? error.cause : error
  const code = codeOf(cause)
  if (code === PRIVATE_ADDRESS) return privateNetwork(host, cause)
  const met = code === undefined ? '' : ` (${code})`
  return new VaultError(
    'unreachable',
    host,
    `the connection failed while it was asked for ${cid}${met}; try again, or ask another gateway`,
    { cause },
  )
}

/** A code such as ECONNREFUSED, of the error or what caused it. */
function codeOf(error: unknown): string | undefined {
  const first = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return undefined
  if ('code' in first && typeof first.code === 'string') return first.code
  return codeOf(first.cause)
}
