/** Metrics and health over HTTP, for a scraper on this machine: two addresses, reading only, nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AbortOptions, Archive, Health, HealthOptions } from '../contracts.ts'
import { ConfigError } from '../errors.ts'
import { callsLoopback, end, isLoopback, listen } from './listening.ts'

const MOST_CONNECTIONS = 32
const MOST_HEADER_BYTES = 8 * 1024
const REQUEST_MS = 10_000
const MOST_URL = 256
const OPENMETRICS = /application\/openmetrics-text/i
const TYPES = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const

export interface ServeMetricsOptions extends AbortOptions, Pick<HealthOptions, 'maxCycleAgeMs'> {
  /** An address or `localhost`, default 127.0.0.1. */
  readonly host?: string | undefined
  /** 0 for any that is free. */
  readonly port: number
  /** Anybody who reaches that address may read: what the archive holds in numbers, and the names of its vaults. */
  readonly allowRemote?: boolean | undefined
}

export interface MetricsServer extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string
  /** Answers what is under way, and ends. */
  close(): Promise<void>
}

/** Serves `GET /metrics` and `GET /health` until closed or cancelled. Throws ConfigError for an address beyond this machine, or one that is taken. */
export async function serveMetrics(archive: Pick<Archive, 'metrics' | 'health'>, options: ServeMetricsOptions): Promise<MetricsServer> {
  const { host = '127.0.0.1', port, signal, allowRemote = false } = options
  signal?.throwIfAborted()
  if (!allowRemote && !isLoopback(host))
    throw new ConfigError('invalid', `${host} can be reached from other machines; listen on 127.0.0.1, or allow it explicitly`)
  const startedAt = Date.now()
  const health = () => archive.health({ maxCycleAgeMs: options.maxCycleAgeMs, startedAt })
  const server = createServer(
    { maxHeaderSize: MOST_HEADER_BYTES, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      // Of a listener that rejects, nobody else would hear.
      const isWelcome = allowRemote || callsLoopback(request.headers.host)
      answer({ metrics: archive.metrics, health, isWelcome }, request, response).catch(() => response.destroy())
    },
  )
  server.maxConnections = MOST_CONNECTIONS
  server.keepAliveTimeout = REQUEST_MS / 2
  const url = await listen(server, host, port)
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= end(server, REQUEST_MS / 10)
    return closed
  }
  signal?.addEventListener('abort', () => void close(), { once: true })
  return { url, close, [Symbol.asyncDispose]: close }
}

interface Source {
  readonly isWelcome: boolean
  metrics: Archive['metrics']
  health(): Promise<Health>
}

async function answer({ metrics, health, isWelcome }: Source, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request
  const path = url.split('?', 1)[0] ?? ''
  // What is sent along is read by nobody.
  request.resume()
  if (!isWelcome) return reply(request, response, 403, 'text/plain', 'call this server by its address\n')
  if (url.length > MOST_URL || !['/metrics', '/health'].includes(path)) return reply(request, response, 404, 'text/plain', 'not found\n')
  if (method !== 'GET' && method !== 'HEAD') return reply(request, response, 405, 'text/plain', 'only GET\n', { allow: 'GET, HEAD' })
  try {
    if (path === '/metrics') {
      const format = OPENMETRICS.test(headers.accept ?? '') ? 'openmetrics' : 'prometheus'
      return reply(request, response, 200, TYPES[format], await metrics({ format }))
    }
    const found = await health()
    return reply(request, response, found.status === 'ok' ? 200 : 503, 'application/json', `${JSON.stringify(found)}\n`)
  } catch {
    // The reason may name paths; it is in the log of whoever runs this.
    return reply(request, response, 503, 'text/plain', 'the catalog does not answer\n')
  }
}

function reply(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(text)
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.byteLength,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(hasBody && { connection: 'close' }),
    ...more,
  })
  response.end(method === 'HEAD' ? undefined : body)
}
