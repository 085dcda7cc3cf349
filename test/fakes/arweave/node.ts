/**
 * A fake Arweave node and gateway in one, on the loopback interface: the semantics of the node's documented HTTP API (202 while pending, confirmations
 * from 1, proofs really validated, any offset inside a chunk) and of gateways (ranges, GraphQL), and faults and lies on request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { postChunk, postTx } from './accept.ts'
import { type Behaviour, blanket, cut, honest } from './behaviour.ts'
import { gatewayReply } from './gateway.ts'
import { graphqlReply } from './graphql.ts'
import { nodeReply } from './routes.ts'
import type { Chain } from './types.ts'
import { type Asked, json, type Reply } from './wire.ts'

export type { Behaviour } from './behaviour.ts'

export interface Request {
  /** 0 for the first request. */
  readonly index: number
  readonly method: string
  readonly path: string
  /** Undefined while it is not answered, and for good if the answer was cut. */
  status: number | undefined
}

export interface FakeNode {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly behaviour: Behaviour
  readonly requests: readonly Request[]
  /** Bytes of data handed to sockets, of slow bodies only as far as they went. */
  readonly bytesSent: number
  readonly close: () => Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Behaviour that is not given is honest. */
export async function arweaveNode(chain: Chain, given: Partial<Behaviour> = {}): Promise<FakeNode> {
  const behaviour: Behaviour = { ...honest(), ...given }
  const requests: Request[] = []
  const sent = { bytes: 0 }
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '/').replace(/\?.*$/, '')
    const request: Request = { index: requests.length, method: incoming.method ?? 'GET', path, status: undefined }
    requests.push(request)
    // A connection that the client has cut is its own affair; a bug of the fake must be seen.
    serve({ chain, behaviour, request, sent, incoming, outgoing }).catch((error: unknown) => {
      if (!incoming.destroyed && !outgoing.destroyed) console.error('the fake Arweave node failed:', error)
      incoming.socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url: `http://127.0.0.1:${port}`,
    behaviour,
    requests,
    get bytesSent() {
      return sent.bytes
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Call {
  readonly chain: Chain
  readonly behaviour: Behaviour
  readonly request: Request
  readonly sent: { bytes: number }
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

async function serve({ chain, behaviour, request, sent, incoming, outgoing }: Call): Promise<void> {
  const { socket } = incoming
  const { method, path } = request
  const fate = cut(behaviour, method, path)
  if (fate === 'before') return void socket.destroy()
  const asked: Asked = { method, path, range: incoming.headers.range, body: await bodyOf(incoming) }
  if (behaviour.latencyMs > 0) await sleep(behaviour.latencyMs)
  if (behaviour.slowHeadersMs !== undefined) {
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
    await sleep(behaviour.slowHeadersMs, undefined, { ref: false })
    return void socket.destroy()
  }
  const reply = blanket(behaviour) ?? (await answer(chain, behaviour, asked))
  if (fate === 'after') return void socket.destroy()
  request.status = reply.status
  const body = Buffer.from(reply.body ?? '')
  outgoing.writeHead(reply.status, { 'content-length': body.byteLength, ...reply.headers })
  if (method === 'HEAD') return void outgoing.end()
  if (reply.isData && behaviour.rangeIgnored && asked.range !== undefined) return trickle(outgoing, body, sent)
  if (reply.isData) sent.bytes += body.byteLength
  outgoing.end(body)
}

async function answer(chain: Chain, behaviour: Behaviour, asked: Asked): Promise<Reply> {
  const { method, path, body } = asked
  const unknown = json(400, { error: 'Request type not found.' })
  if (method === 'POST') {
    if (path === '/tx') return postTx(chain, behaviour, body)
    if (path === '/chunk') return postChunk(chain, behaviour, body)
    return path === '/graphql' ? graphqlReply(chain, behaviour, body) : unknown
  }
  if (method !== 'GET' && method !== 'HEAD') return unknown
  return nodeReply(chain, behaviour, path) ?? gatewayReply(chain, behaviour, asked) ?? unknown
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of incoming) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const PIECE = 16 * 1024
const PAUSE_MS = 5

/** Piece by piece, each taken by the socket before the next, until the client has had enough. */
async function trickle(outgoing: ServerResponse, body: Buffer, sent: { bytes: number }): Promise<void> {
  for (let at = 0; at < body.byteLength && !outgoing.destroyed; at += PIECE) {
    const piece = body.subarray(at, at + PIECE)
    const failed = await new Promise<boolean>((resolve) => outgoing.write(piece, (error) => resolve(error != null)))
    if (failed) return
    sent.bytes += piece.byteLength
    await sleep(PAUSE_MS)
  }
  outgoing.end()
}
