/**
 * A pinning service on the loopback interface: the Pinning Service API 1.0.0 with a bearer token, a node that gets DAGs by bitswap, and a trustless
 * gateway. Honest unless told to lie.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { heliaNode } from '../../../src/ipfs.ts'
import { type Blocks, sourceOf } from './blocks.ts'
import { serveBlock } from './gateway.ts'
import type { Lie } from './lies.ts'
import { type Pins, pinsOf } from './pins.ts'
import { select } from './query.ts'
import { notFound, pinIn, Refusal, refuse, reply } from './wire.ts'

export interface FakePinningOptions {
  readonly lie?: Lie
  /** How long a pin waits for a peer, and for a block, in milliseconds; default 2 000. */
  readonly patienceMs?: number
}

export interface FakePinning {
  /** For the API; the gateway is at the same address, `<gateway>/ipfs/<cid>?format=raw`. */
  readonly endpoint: string
  readonly gateway: string
  readonly token: string
  /** Multiaddrs of its node. */
  readonly delegates: readonly string[]
  /** What it keeps; tests change it behind its back. */
  readonly blocks: Blocks
  /** CIDs, of version 1, of what it got from peers. */
  readonly pulled: readonly string[]
  /** Every request, e.g. `GET /pins?limit=1`. */
  readonly log: string[]
  lie: Lie
  close(): Promise<void>
}

const TOKEN = 'fake-pinning-token'

export async function startFakePinning({ lie = {}, patienceMs = 2_000 }: FakePinningOptions = {}): Promise<FakePinning> {
  const blocks: Blocks = new Map()
  const pulled: string[] = []
  const log: string[] = []
  const node = await heliaNode({ id: 'fake-pinning', blocks: [sourceOf(blocks)] })
  const pins = pinsOf({ node, blocks, pulled, lie: () => service.lie, patienceMs })
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    log.push(`${request.method} ${url.pathname}${url.search}`)
    if (url.pathname.startsWith('/ipfs/')) return serveBlock(blocks, service.lie, request, response, url)
    serve(pins, request, response, url).catch((error: unknown) => {
      if (error instanceof Refusal) return refuse(response, error)
      // A connection that the client has cut is its own affair; a bug of the fake must be seen.
      if (!request.destroyed) console.error('the fake pinning service failed:', error)
      request.socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const service: FakePinning = {
    endpoint: address,
    gateway: address,
    token: TOKEN,
    delegates: node.addresses,
    blocks,
    pulled,
    log,
    lie,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await Promise.all([closed, pins.close()])
      await node.close()
    },
  }
  return service
}

async function serve(pins: Pins, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const [, top, requestid, ...more] = url.pathname.split('/')
  if (top !== 'pins' || more.length > 0) throw notFound()
  if (request.headers.authorization !== `Bearer ${TOKEN}`) throw new Refusal(401, 'UNAUTHORIZED', 'Access token is missing or invalid')
  const id = requestid === undefined || requestid === '' ? undefined : decodeURIComponent(requestid)
  switch (`${request.method} ${id === undefined ? 'all' : 'one'}`) {
    case 'GET all':
      return reply(response, 200, select(pins.all(), url.searchParams))
    case 'POST all':
      return reply(response, 202, pins.add(await pinIn(request)))
    case 'GET one':
      return reply(response, 200, pins.get(id ?? ''))
    case 'POST one':
      return reply(response, 202, pins.replace(id ?? '', await pinIn(request)))
    case 'DELETE one':
      pins.remove(id ?? '')
      return void response.writeHead(202).end()
    default:
      throw new Refusal(405, 'METHOD_NOT_ALLOWED', 'no such method here')
  }
}
