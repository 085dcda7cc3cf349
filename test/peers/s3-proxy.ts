/** A TCP proxy on loopback that counts what the client sends. Signatures survive: the host they sign is the proxy's own. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CountingProxy extends AsyncDisposable {
  readonly endpoint: string
  /** Bytes that clients have sent so far, headers included. */
  readonly sent: number
  /** Resolves when clients have sent that many bytes. */
  reached(byteLength: number): Promise<void>
}

export async function countingProxy(endpoint: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(endpoint)
  const sockets = new Set<Socket>()
  const waiting = new Set<{ readonly byteLength: number; readonly resolve: () => void }>()
  let sent = 0

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      // A peer that breaks off is what these tests are about: both ends go.
      from.once('error', () => to.destroy())
      from.once('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    client.on('data', ({ byteLength }: Buffer) => {
      sent += byteLength
      for (const each of waiting) {
        if (sent < each.byteLength) continue
        waiting.delete(each)
        each.resolve()
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sent() {
      return sent
    },
    reached: (byteLength) =>
      new Promise((resolve) => {
        if (sent >= byteLength) resolve()
        else waiting.add({ byteLength, resolve })
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
