/** A small trustless gateway on the loopback interface that serves blocks by their multihash, and misbehaves on request. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { CID } from 'multiformats/cid'

/** What the next answers look like; undefined: as they should. */
export type GatewayFault =
  | { readonly type: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** 200 with a web page. */
  | { readonly type: 'html'; readonly contentType?: string }
  | { readonly type: 'wrong-bytes' }
  /** Headers only, or half of the body, and then nothing. */
  | { readonly type: 'silent' }
  | { readonly type: 'hangs-after-half' }
  /** Half of the body under its own right length. */
  | { readonly type: 'truncated' }
  /** Half of the body under the length of all of it, then the connection is cut. */
  | { readonly type: 'cut' }
  /** The connection is cut before any answer. */
  | { readonly type: 'reset' }
  | { readonly type: 'endless' }
  /** The header promises so many bytes; the block is sent. */
  | { readonly type: 'content-length'; readonly length: number }
  /** To each of these in turn, and then to the block. The body of a redirect never ends. */
  | { readonly type: 'redirect'; readonly to: readonly string[]; readonly status?: number }

export interface FakeGateway {
  readonly url: string
  readonly port: number
  fault: GatewayFault | undefined
  /** Every request, in order. */
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers']; readonly connection: Socket }[]
  /** What `format=car` is answered with, by the root's text. */
  readonly cars: Map<string, Uint8Array>
  readonly hold: (cid: CID, bytes: Uint8Array) => void
  /** Resolves when a request's connection was closed by the client before the answer ended. */
  readonly hungUp: () => Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const keyOf = (cid: CID) => Buffer.from(cid.multihash.bytes).toString('hex')

export async function fakeGateway(): Promise<FakeGateway> {
  const blocks = new Map<string, Uint8Array>()
  const cars = new Map<string, Uint8Array>()
  const requests: FakeGateway['requests'] = []
  const hangUps: (() => void)[] = []
  let hungUp = 0
  const server: Server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', headers: request.headers, connection: request.socket })
    response.on('close', () => {
      if (response.writableFinished) return
      hungUp++
      for (const tell of hangUps.splice(0)) tell()
    })
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const answer = (request: IncomingMessage, response: ServerResponse): unknown => {
    const url = new URL(request.url ?? '/', 'http://fake')
    const cid = /^\/(?:hop\d+\/)?ipfs\/([^/]+)$/.exec(url.pathname)?.[1]
    const car = url.searchParams.get('format') === 'car'
    const bytes = cid === undefined ? undefined : car ? cars.get(cid) : blocks.get(keyOf(CID.parse(cid)))
    if (fake.fault) return misbehave(fake.fault, request, response, bytes)
    if (!bytes) return response.writeHead(404, { 'content-type': 'text/plain' }).end('not here')
    return serve(response, bytes, car)
  }

  const fake: FakeGateway = {
    url: `http://127.0.0.1:${port}`,
    port,
    fault: undefined,
    requests,
    cars,
    hold: (cid, bytes) => void blocks.set(keyOf(cid), bytes),
    hungUp: () => (hungUp > 0 ? Promise.resolve() : new Promise((resolve) => hangUps.push(resolve))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}

function serve(response: ServerResponse, bytes: Uint8Array, car = false, length = bytes.byteLength): void {
  const type = car ? 'application/vnd.ipld.car; version=1; order=dfs; dups=n' : 'application/vnd.ipld.raw'
  response.writeHead(200, { 'content-type': type, 'content-length': length }).end(bytes)
}

function misbehave(fault: GatewayFault, request: IncomingMessage, response: ServerResponse, bytes: Uint8Array = Buffer.alloc(64)): unknown {
  const half = bytes.subarray(0, bytes.byteLength >> 1)
  switch (fault.type) {
    case 'status':
      return response.writeHead(fault.status, { 'content-type': 'text/html', ...fault.headers }).end('<h1>no</h1>')
    case 'html':
      return response.writeHead(200, { 'content-type': fault.contentType ?? 'text/html; charset=utf-8' }).end(bytes)
    case 'wrong-bytes':
      return serve(
        response,
        bytes.map((byte) => byte ^ 1),
      )
    case 'silent':
      return
    case 'hangs-after-half':
      return response.writeHead(200, { 'content-length': bytes.byteLength }).write(half)
    case 'truncated':
      return serve(response, half)
    case 'cut':
      return response.writeHead(200, { 'content-length': bytes.byteLength }).write(half, () => response.destroy())
    case 'reset':
      return request.socket.destroy()
    case 'endless': {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      }
      response.on('drain', more)
      return more()
    }
    case 'content-length':
      return serve(response, bytes, false, fault.length)
    case 'redirect': {
      const hop = Number(/^\/hop(\d+)\//.exec(request.url ?? '')?.[1] ?? 0)
      const location = fault.to[hop]
      if (location === undefined) return serve(response, bytes)
      return response.writeHead(fault.status ?? 302, { location, 'content-type': 'text/html' }).write('<a>there</a>')
    }
  }
}
