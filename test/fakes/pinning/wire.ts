/** Requests and answers of the fake pinning service, as JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CID } from 'multiformats/cid'
import type { Pin } from '../../../src/vaults/ipfs/pinning/pins.ts'

const MAX_BODY = 256 * 1024

/** An answer that says no, as the specification writes it. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, details: string) {
    super(details)
    this.status = status
    this.reason = reason
  }
}

export const bad = (details: string) => new Refusal(400, 'BAD_REQUEST', details)
export const notFound = () => new Refusal(404, 'NOT_FOUND', 'The specified resource was not found')

export function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
}

export function refuse(response: ServerResponse, { status, reason, message }: Refusal): void {
  reply(response, status, { error: { reason, details: message } })
}

/** The Pin in a body. Throws a Refusal for what is none. */
export async function pinIn(request: IncomingMessage): Promise<Pin> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request) {
    length += (piece as Buffer).byteLength
    if (length > MAX_BODY) throw new Refusal(413, 'TOO_LARGE', 'the body is too long')
    pieces.push(piece as Buffer)
  }
  const body = json(Buffer.concat(pieces).toString())
  if (!isObject(body)) throw bad('the body is no object')
  const { cid, name, origins, meta } = body
  if (typeof cid !== 'string') throw bad('cid is missing')
  cidOf(cid)
  if (name !== undefined && (typeof name !== 'string' || [...name].length > 255)) throw bad('name is no text of up to 255 characters')
  if (origins !== undefined && !(Array.isArray(origins) && origins.length <= 20 && origins.every((each) => typeof each === 'string')))
    throw bad('origins is no list of up to 20 multiaddrs')
  if (meta !== undefined && !isTexts(meta)) throw bad('meta is no object of texts')
  return { cid, name, origins: origins as string[] | undefined, meta }
}

export function cidOf(text: string): CID {
  try {
    return CID.parse(text)
  } catch {
    throw bad(`${text} is no CID`)
  }
}

/** Throws a Refusal for what is no JSON. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw bad('this is no JSON')
  }
}

export const isTexts = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((each) => typeof each === 'string')

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
