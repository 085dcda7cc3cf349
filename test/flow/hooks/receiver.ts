/** A real HTTP server on this machine that receives webhooks, and answers as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { ArchiveEvent } from '../../../src/contracts.ts'

export interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly events: readonly ArchiveEvent[]
}

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** Every event, in the order of arrival. */
  events(): readonly ArchiveEvent[]
  answer(respond: (response: ServerResponse, request: Received) => void): void
}

/** Ended with the test; a request that is never answered is cut off then. */
export async function receiver(tls?: { readonly cert: string; readonly key: string }): Promise<Receiver> {
  const received: Received[] = []
  let respond: Parameters<Receiver['answer']>[0] = (response) => void response.writeHead(204).end()
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    request.on('data', (bytes: Buffer) => pieces.push(bytes))
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString()
      const one = { path: request.url ?? '', headers: request.headers, body, events: JSON.parse(body).events }
      received.push(one)
      respond(response, one)
    })
  }
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hook`,
    port,
    received,
    events: () => received.flatMap(({ events }) => events),
    answer: (next) => {
      respond = next
    },
  }
}
