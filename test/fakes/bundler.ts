/**
 * A bundler on the loopback interface that speaks the upload API of Turbo and is its own payment service. It judges items by arbundles, not
 * by our own code, and misbehaves on request. The signatures of its receipts are made up.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DataItem } from 'arbundles'

/** What happens to the next requests; undefined: what should. */
export type BundlerFault =
  /** Of any request, before anything is done about it: 403, 429 with `retry-after`, 503 … */
  | { readonly type: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly text?: string }
  /** 200 (or that status) with a web page, and nothing is kept. */
  | { readonly type: 'html'; readonly status?: number }
  /** 200 with that text. */
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'silent' }
  | { readonly type: 'endless' }
  /** The item is kept, and the connection cut before the answer. */
  | { readonly type: 'lost-answer' }
  /** The item is kept, and the receipt is of another. */
  | { readonly type: 'other-id' }
  /** A receipt in good order for an item that never comes into a bundle. */
  | { readonly type: 'never-bundles' }
  /** An item that came before is taken, and paid, like a new one. */
  | { readonly type: 'forgetful' }

export interface FakeBundlerOptions {
  /** Default 0: nothing is free. */
  readonly freeBytes?: number
  /** In winston credits; default 1. */
  readonly pricePerByte?: number
  /** Of everybody, in winston credits; default 0. */
  readonly balance?: bigint
}

export interface FakeBundler {
  readonly url: string
  /** Raw items by id, in the order they came. */
  readonly items: Map<string, Uint8Array>
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[]
  fault: BundlerFault | undefined
  balance: bigint
  /** The next root bundle: all items that came since the last one. */
  readonly bundle: () => Uint8Array
  readonly close: () => Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const DEADLINE_HEIGHT = 1_600_000
const OTHER_ID = 'A'.repeat(43)

export async function bundler({ freeBytes = 0, pricePerByte = 1, balance = 0n }: FakeBundlerOptions = {}): Promise<FakeBundler> {
  const items: FakeBundler['items'] = new Map()
  const requests: FakeBundler['requests'] = []
  let waiting: string[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    requests.push({ method, url, headers })
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const { method = '', url = '' } = request
    const raw = await bodyOf(request)
    if (fake.fault && misbehaves(fake.fault, response)) return
    if (method === 'POST' && url === '/v1/tx/arweave') return take(raw, response)
    if (method === 'GET' && url === '/v1/info')
      return json(response, { version: '0.2.0', addresses: { arweave: OTHER_ID }, gateway: 'arweave.net', freeUploadLimitBytes: freeBytes })
    const byteLength = /^\/v1\/price\/bytes\/(\d+)$/.exec(url)?.[1]
    if (method === 'GET' && byteLength !== undefined)
      return json(response, { winc: (BigInt(byteLength) * BigInt(pricePerByte)).toString(), adjustments: [] })
    return response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found')
  }

  const take = async (raw: Buffer, response: ServerResponse): Promise<unknown> => {
    const item = new DataItem(raw)
    if (!(await valid(raw))) return response.writeHead(400, { 'content-type': 'text/plain' }).end('Invalid Data Item!')
    const { id } = item
    if (items.has(id) && fake.fault?.type !== 'forgetful')
      return response.writeHead(202, { 'content-type': 'text/plain' }).end('Data item already exists')
    const winc = raw.byteLength <= freeBytes ? 0n : BigInt(raw.byteLength) * BigInt(pricePerByte)
    if (winc > fake.balance) return response.writeHead(402, { 'content-type': 'text/plain' }).end('Insufficient balance')
    fake.balance -= winc
    if (fake.fault?.type !== 'never-bundles' && !items.has(id)) waiting.push(id)
    items.set(id, raw)
    if (fake.fault?.type === 'lost-answer') return response.destroy()
    return json(response, receiptOf(fake.fault?.type === 'other-id' ? OTHER_ID : id, winc))
  }

  const fake: FakeBundler = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items,
    requests,
    fault: undefined,
    balance,
    bundle: () => {
      const ids = waiting
      waiting = []
      return bundleOf(ids.map((id) => [id, items.get(id) ?? new Uint8Array()]))
    },
    close: async () => {
      if (!server.listening) return
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    [Symbol.asyncDispose]: () => fake.close(),
  }
  return fake
}

/** Bytes of ANS-104: number of items, then size and id of each, then the items. */
export function bundleOf(items: readonly (readonly [id: string, raw: Uint8Array])[]): Uint8Array {
  const header = items.flatMap(([id, raw]) => [le32(raw.byteLength), Buffer.from(id, 'base64url')])
  return Buffer.concat([le32(items.length), ...header, ...items.map(([, raw]) => raw)])
}

function le32(number: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(BigInt(number))
  return bytes
}

function receiptOf(id: string, winc: bigint) {
  return {
    id,
    owner: OTHER_ID,
    winc: winc.toString(),
    timestamp: Date.now(),
    deadlineHeight: DEADLINE_HEIGHT,
    version: '0.2.0',
    dataCaches: ['arweave.net'],
    fastFinalityIndexes: ['arweave.net'],
    public: 'AQAB',
    signature: 'AQAB',
  }
}

/** arbundles throws for a type of signature that it does not know. */
async function valid(raw: Buffer): Promise<boolean> {
  return DataItem.verify(raw).catch(() => false)
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function json(response: ServerResponse, value: unknown): unknown {
  return response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

/** Whether it has answered, or never will. */
function misbehaves(fault: BundlerFault, response: ServerResponse): boolean {
  switch (fault.type) {
    case 'status':
      response.writeHead(fault.status, { 'content-type': 'text/plain', ...fault.headers }).end(fault.text ?? '')
      return true
    case 'html':
      response.writeHead(fault.status ?? 200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>Welcome</h1>')
      return true
    case 'text':
      response.writeHead(200, { 'content-type': 'application/json' }).end(fault.text)
      return true
    case 'silent':
      return true
    case 'endless': {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, ' ')));
      }
      response.on('drain', more)
      more()
      return true
    }
    default:
      return false
  }
}
