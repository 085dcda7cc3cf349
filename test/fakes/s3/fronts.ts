/** What may stand before a server: TLS, and proxies that forward or tunnel. On 127.0.0.1 all of them. */
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'

export interface Front {
  close(): Promise<void>
}

export interface TlsFront extends Front {
  /** `https://127.0.0.1:<port>`. */
  readonly endpoint: string
  /** How many have been accepted so far, handshakes that failed left out. */
  connections(): number
}

/** Ends TLS and passes the plain bytes on to an HTTP endpoint. */
export async function tlsFront(endpoint: string, { cert, key }: { readonly cert: string; readonly key: string }): Promise<TlsFront> {
  const { hostname, port } = new URL(endpoint)
  let accepted = 0
  const server = createTlsServer({ cert, key }, (socket) => {
    accepted++
    joined(socket, connect(Number(port), hostname))
  })
  const { url, close } = await listening(server)
  return { endpoint: url.replace('http:', 'https:'), connections: () => accepted, close }
}

export interface ForwardProxy extends Front {
  readonly url: string
  /** URLs that were forwarded, and `CONNECT host:port` for tunnels. */
  readonly carried: string[]
}

/** An HTTP proxy; with `refuses` it answers 403 to everything. */
export async function forwardProxy({ refuses = false }: { readonly refuses?: boolean } = {}): Promise<ForwardProxy> {
  const carried: string[] = []
  const server = createServer((incoming, outgoing) => {
    carried.push(incoming.url ?? '')
    if (refuses) return void outgoing.writeHead(403).end()
    const { hostname, port, pathname, search } = new URL(incoming.url ?? '')
    const onward = connect(Number(port), hostname, () => {
      const headers = incoming.rawHeaders.reduce((text, part, index) => text + part + (index % 2 === 0 ? ': ' : '\r\n'), '')
      // One request per connection: where its answer ends need not be known here.
      onward.write(
        `${incoming.method} ${pathname}${search} HTTP/1.1\r\n${headers.replace(/^connection:.*\r\n/im, '')}connection: close\r\n\r\n`,
      )
      incoming.pipe(onward, { end: false })
    })
    onward.on('error', () => outgoing.destroy())
    onward.pipe(outgoing.socket ?? onward)
  })
  server.on('connect', ({ url = '' }, client: Duplex, head: Buffer) => {
    carried.push(`CONNECT ${url}`)
    if (refuses) return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const { hostname, port } = new URL(`http://${url}`)
    const onward = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      onward.write(head)
      joined(client, onward)
    })
    onward.on('error', () => client.destroy())
  })
  const { url, close } = await listening(server)
  return { url, carried, close }
}

/** A peer that breaks off is an ordinary thing here: both ends go. */
function joined(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

async function listening(server: Server): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
