/** A gateway in front of an archive, and a client that shows everything of an answer. */
import { type IncomingHttpHeaders, request } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Archive, NamedEntry } from '../../src/contracts.ts'
import { type GatewayAnswered, type GatewayServer, type ServeGatewayOptions, serveGateway } from '../../src/server/gateway.ts'
import { noise } from '../flow/house.ts'

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False when the connection was cut before the body's end. */
  readonly whole: boolean
}

export interface Front {
  readonly server: GatewayServer
  readonly answered: readonly GatewayAnswered[]
  ask(
    path: string,
    options?: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
  ): Promise<Got>
}

export async function front(archive: Pick<Archive, 'serving'>, options: Partial<ServeGatewayOptions> = {}): Promise<Front> {
  const answered: GatewayAnswered[] = []
  const server = await serveGateway(archive, { port: 0, onAnswer: (event) => answered.push(event), ...options })
  onTestFinished(() => server.close())
  const ask: Front['ask'] = (path, { method = 'GET', headers = {}, body = '' } = {}) =>
    new Promise((resolve, reject) => {
      const asked = request(`${server.url}${path}`, { method, headers, agent: false }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', () => undefined)
        response.on('close', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces),
            whole: response.complete,
          }),
        )
      })
      asked.on('error', reject)
      asked.end(body)
    })
  return { server, answered, ask }
}

/** More entries than fit into one directory block, with names that tell their content. */
export const wideTree = (): readonly NamedEntry[] =>
  Array.from({ length: 1_800 }, (_, index) => ({
    path: `${'n'.repeat(140)}-${index}.txt`,
    content: Buffer.from(index % 100 === 0 ? noise(200, `${index}`) : `${index}`),
  }))
