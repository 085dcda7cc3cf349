/**
 * A read-only gateway to the public content of an archive, on this machine: blocks and CARs as https://specs.ipfs.tech/http-gateways/trustless-gateway/ has
 * them, and files and directories as https://specs.ipfs.tech/http-gateways/path-gateway/ has them.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AbortOptions, Archive, Serving } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { type Answer, answerOf } from './gateway-answers.ts'
import { failed, told } from './gateway-failures.ts'
import { questionOf } from './gateway-question.ts'
import { callsLoopback, end, isLoopback, listen } from './listening.ts'

const MOST_CONNECTIONS = 256
const MOST_REQUESTS = 32
const MOST_HEADER_BYTES = 16 * 1024
const REQUEST_MS = 10_000
/** A connection on which nothing moves is given up: longer than a vault may be silent. */
const IDLE_MS = 120_000
const GRACE_MS = 1_000

/** How a request ended. */
export interface GatewayAnswered {
  readonly type: 'answered'
  readonly method: string
  /** As it was sent. */
  readonly url: string
  readonly status: number
  /** Of the body, as far as it was sent. */
  readonly byteLength: number
  /** It ended before its body did: the client left, or a block could not be had. */
  readonly cut?: true
  /** Why it was refused or cut, where that was not the client's doing. */
  readonly reason?: string
}

export interface ServeGatewayOptions extends AbortOptions {
  /** An address of this machine alone, or `localhost`; default 127.0.0.1. */
  readonly host?: string | undefined
  /** 0 for any that is free. */
  readonly port: number
  /** Answered at the same time, default 32; more are told to come again. Each takes some 50 MiB at most. */
  readonly maxRequests?: number | undefined
  readonly onAnswer?: ((event: GatewayAnswered) => void) | undefined
}

export interface GatewayServer extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string
  /** Ends, and cuts off what is not answered within a second. Resolves when nothing reads from the archive any more. */
  close(): Promise<void>
}

/**
 * Serves `GET` and `HEAD` of `/ipfs/CID/path` until closed or cancelled. What is sealed is 404, as what is not there. Throws ConfigError `invalid` for an address
 * that other machines could reach, and for one that is taken.
 */
export async function serveGateway(archive: Pick<Archive, 'serving'>, options: ServeGatewayOptions): Promise<GatewayServer> {
  const { host = '127.0.0.1', port, signal, maxRequests = MOST_REQUESTS, onAnswer } = options
  signal?.throwIfAborted()
  if (!isLoopback(host)) throw new ConfigError('invalid', `${host} can be reached from other machines; listen on 127.0.0.1`)
  const serving = await archive.serving()
  const running = new Set<Promise<void>>()
  const server = createServer(
    { maxHeaderSize: MOST_HEADER_BYTES, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      const isBusy = running.size >= maxRequests
      const work = handle({ serving, isBusy, onAnswer }, request, response).catch(() => void response.destroy())
      running.add(work)
      void work.finally(() => running.delete(work))
    },
  )
  server.maxConnections = MOST_CONNECTIONS
  server.keepAliveTimeout = REQUEST_MS / 2
  server.setTimeout(IDLE_MS)
  const url = await listen(server, host, port)
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= end(server, GRACE_MS).then(async () => void (await Promise.all(running)))
    return closed
  }
  signal?.addEventListener('abort', () => void close(), { once: true })
  return { url, close, [Symbol.asyncDispose]: close }
}

interface Parts extends Pick<ServeGatewayOptions, 'onAnswer'> {
  readonly serving: Serving
  readonly isBusy: boolean
}

async function handle({ serving, isBusy, onAnswer }: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  // What is sent along is read by nobody.
  request.resume()
  const left = new AbortController()
  response.once('close', () => left.abort(new DOMException('the client has left', 'AbortError')))
  let reason: string | undefined
  const why = (error: unknown) => {
    if (!left.signal.aborted) reason = error instanceof Error ? error.message : String(error)
  }
  let answer: Answer
  try {
    answer =
      refused(request, isBusy) ??
      (await answerOf(serving, questionOf(url, request.headers), { headers: request.headers, signal: left.signal }))
  } catch (error) {
    why(error)
    answer = failed(error, { onlyIfCached: /\bonly-if-cached\b/i.test(request.headers['cache-control'] ?? '') })
  }
  const sent = await send(request, response, answer, { signal: left.signal, why })
  onAnswer?.({ type: 'answered', method, url, status: answer.status, ...sent, ...(reason !== undefined && { reason }) })
}

/** What is answered without a look at the archive. */
function refused({ method = '', url = '', headers }: IncomingMessage, isBusy: boolean): Answer | undefined {
  if (!callsLoopback(headers.host)) return told(403, 'call this gateway by its address')
  if (method !== 'GET' && method !== 'HEAD') return told(405, 'only GET and HEAD', { allow: 'GET, HEAD' })
  if (url.startsWith('/ipns/')) return told(501, 'names that change what they mean are not resolved here; ask for /ipfs/CID')
  if (!url.startsWith('/ipfs/')) return told(404, 'ask for /ipfs/CID')
  return isBusy ? told(503, 'too much is asked at the same time; come again', { 'retry-after': '1' }) : undefined
}

interface Sending {
  readonly signal: AbortSignal
  readonly why: (error: unknown) => void
}

/** A body that breaks off ends with its connection, so that nobody takes it for whole. */
async function send(
  { method, headers: asked }: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
  { signal, why }: Sending,
): Promise<Pick<GatewayAnswered, 'byteLength' | 'cut'>> {
  const hasBody = asked['content-length'] !== undefined || asked['transfer-encoding'] !== undefined
  response.writeHead(status, { ...headers, ...(hasBody && { connection: 'close' }) })
  let byteLength = 0
  try {
    if (method === 'HEAD' || body === undefined) response.end()
    else if (body instanceof Uint8Array) {
      byteLength = body.byteLength
      response.end(body)
    } else {
      for await (const piece of body) {
        byteLength += piece.byteLength
        if (!response.write(piece)) await once(response, 'drain', { signal })
      }
      signal.throwIfAborted()
      response.end()
    }
    return { byteLength }
  } catch (error) {
    why(error)
    response.destroy()
    return { byteLength, cut: true }
  }
}
