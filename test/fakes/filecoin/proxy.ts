/** A JSON-RPC node that passes everything on to another and misbehaves on request: it lags, refuses, cuts, keeps silent and lies. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toHex } from 'viem'
import type { RpcProxy } from './types.ts'

interface Call {
  readonly id: unknown
  readonly method: string
  readonly params?: readonly unknown[]
}

interface Answer {
  readonly id: unknown
  readonly result?: unknown
}

const HEAD_TAGS = new Set<unknown>(['latest', 'pending', 'safe', 'finalized'])

export async function startProxy(node: string): Promise<RpcProxy & { close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(proxy, node, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: new Map<string, number>(),
    requests: 0,
    lag: 0,
    refuse: undefined as RpcProxy['refuse'],
    cutAt: undefined as RpcProxy['cutAt'],
    silent: false,
    lies: new Map<string, unknown>(),
    reset() {
      Object.assign(proxy, { requests: 0, lag: 0, refuse: undefined, cutAt: undefined, silent: false })
      proxy.calls.clear()
      proxy.lies.clear()
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

async function answer(proxy: RpcProxy, node: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = JSON.parse(Buffer.concat(parts).toString()) as Call | Call[]
  const calls = Array.isArray(body) ? body : [body]
  proxy.requests++
  for (const { method } of calls) proxy.calls.set(method, (proxy.calls.get(method) ?? 0) + 1)
  if (proxy.silent) return
  if (proxy.refuse && proxy.refuse.times-- > 0) {
    response.writeHead(proxy.refuse.status, { 'content-type': 'text/plain', ...proxy.refuse.headers }).end('not now')
    return
  }
  const cut = isCut(proxy, calls)
  if (cut === 'before') return void response.destroy()
  const answers = await Promise.all(calls.map((call) => ask(proxy, node, call)))
  if (cut === 'after') return void response.destroy()
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(Array.isArray(body) ? answers : answers[0]))
}

function isCut(proxy: RpcProxy, calls: readonly Call[]): 'before' | 'after' | undefined {
  const cut = proxy.cutAt
  if (!cut || (cut.method !== undefined && !calls.some(({ method }) => method === cut.method))) return undefined
  if (--cut.request > 0) return undefined
  proxy.cutAt = undefined
  return cut.when
}

async function ask(proxy: RpcProxy, node: string, call: Call): Promise<Answer> {
  if (proxy.lies.has(call.method)) return answerTo(call, proxy.lies.get(call.method))
  if (proxy.lag === 0) return post(node, call)
  const { result: top } = await post(node, { id: 0, method: 'eth_blockNumber' })
  const head = Math.max(0, Number(top) - proxy.lag)
  if (call.method === 'eth_blockNumber') return answerTo(call, toHex(head))
  const params = call.params?.map((param) => (HEAD_TAGS.has(param) ? toHex(head) : param)) ?? []
  const answer = await post(node, { ...call, params })
  return isAhead(answer.result, head) ? answerTo(call, null) : answer
}

/** A receipt or a transaction of a block that the node does not know yet. */
function isAhead(result: unknown, head: number): boolean {
  if (typeof result !== 'object' || result === null) return false
  const { blockNumber, transactionHash, hash } = result as Record<string, unknown>
  return typeof blockNumber === 'string' && (transactionHash ?? hash) !== undefined && Number(blockNumber) > head
}

const answerTo = ({ id }: Call, result: unknown) => ({ jsonrpc: '2.0', id, result })

async function post(node: string, call: Call): Promise<Answer> {
  const response = await fetch(node, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', ...call }),
  })
  return (await response.json()) as Answer
}
