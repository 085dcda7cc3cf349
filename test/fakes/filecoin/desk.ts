/** What the routes of a fake storage provider share, and the words of its HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pieceHasher } from '../../../src/format/commp.ts'
import type { Ledger } from './ledger.ts'
import type { Hex, ProviderFaults, ProviderOptions } from './types.ts'

export interface Desk {
  readonly ledger: Ledger
  readonly address: Hex
  readonly options: Required<ProviderOptions>
  readonly faults: ProviderFaults
  /** By piece CID v2. */
  readonly pieces: Map<string, Uint8Array>
  /** Begun and not finished, by their id. */
  readonly uploads: Map<string, Upload>
  /** By piece CID v2: resolves with whether it came. */
  readonly pulls: Map<string, Pull>
  readonly transactions: Hex[]
}

export interface Upload {
  readonly promised: string | undefined
  bytes: Uint8Array | undefined
}

export interface Pull {
  status: 'inProgress' | 'complete' | 'failed'
}

/** An answer, or `cut`: the connection ends without one. */
export type Reply =
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly json?: unknown
      readonly text?: string
      readonly bytes?: Uint8Array
    }
  | 'cut'

/** Ends a request with a status and a sentence, as the real one does. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function write(response: ServerResponse, reply: Reply, headOnly: boolean): number | 'cut' {
  if (reply === 'cut') {
    response.destroy()
    return 'cut'
  }
  const body = reply.json === undefined ? (reply.bytes ?? Buffer.from(reply.text ?? '')) : Buffer.from(JSON.stringify(reply.json))
  const type = reply.json !== undefined ? 'application/json' : reply.bytes ? 'application/octet-stream' : 'text/plain; charset=utf-8'
  const length = body.byteLength > 0 || reply.status !== 204 ? { 'content-length': `${body.byteLength}` } : {}
  response.writeHead(reply.status, { 'content-type': type, ...length, ...reply.headers }).end(headOnly ? undefined : body)
  return reply.status
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

export function parsed<T>(body: Buffer): T {
  try {
    return JSON.parse(body.toString()) as T
  } catch {
    throw new Refusal(400, 'Invalid request body')
  }
}

export const cidOf = (bytes: Uint8Array): string => `${pieceHasher().update(bytes).digest().v2}`

/** Counts down; true while it lasted. */
export function takes(faults: ProviderFaults, name: 'pieceNotFoundFor' | 'pendingFor'): boolean {
  const left = faults[name] ?? 0
  if (left > 0) faults[name] = left - 1
  return left > 0
}
