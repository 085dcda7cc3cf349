import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { addressOf, DAG_PB } from '../../../src/format/address.ts'
import { providersOf } from '../../../src/ipfs.ts'
import { noise } from '../../flow/house.ts'

const CID = addressOf(noise(10), DAG_PB)
const OURS = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
const THEIRS = '12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK'
const RECORDS = [
  { Schema: 'peer', ID: OURS, Addrs: ['/ip4/127.0.0.1/tcp/1'] },
  { Schema: 'peer', ID: THEIRS, Addrs: ['/ip4/203.0.113.7/tcp/4001', 7], Protocols: ['transport-bitswap'] },
  { Schema: 'unknown', ID: THEIRS, Addrs: ['/ip4/203.0.113.9/tcp/1'] },
  { Schema: 'peer', ID: 'no\u001b[31m peer' },
  { Schema: 'peer' },
  null,
  { Schema: 'peer', ID: THEIRS, Addrs: ['/ip4/203.0.113.8/tcp/4001'] },
]
const FOUND = [{ id: THEIRS, addresses: ['/ip4/203.0.113.7/tcp/4001', '/ip4/203.0.113.8/tcp/4001'], protocols: ['transport-bitswap'] }]

async function router(listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answering = (status: number, type: string, body: string) =>
  router((_request, response) => void response.writeHead(status, { 'content-type': type, 'retry-after': '7' }).end(body))

const ask = (url: string, options: Parameters<typeof providersOf>[2] = {}) => providersOf(url, CID, { allowPrivate: true, ...options })

it.each([
  ['application/json', JSON.stringify({ Providers: RECORDS })],
  ['application/x-ndjson; charset=utf-8', `${RECORDS.map((record) => JSON.stringify(record)).join('\n')}\n\n`],
])('peers are read from %s, each once, without our own and what is no record of a peer', async (type, body) => {
  expect(await ask(await answering(200, type, body), { except: [OURS] })).toEqual(FOUND)
})

it('one question is asked, for the CID in version 1', async () => {
  const asked: (string | undefined)[] = []
  const url = await router((request, response) => {
    asked.push(request.url, request.headers.accept)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"Providers":null}')
  })
  expect(await providersOf(url, CID.toV0(), { allowPrivate: true })).toEqual([])
  expect(asked).toEqual([`/routing/v1/providers/${CID}`, 'application/x-ndjson, application/json'])
})

it.each([
  ['says 404', 404, 'text/plain', 'none'],
  ['gives an empty list', 200, 'application/json', '{"Providers":[]}'],
  ['gives no line', 200, 'application/x-ndjson', ''],
])('nobody is a list, too, where the router %s', async (_, status, type, body) => {
  expect(await ask(await answering(status, type, body))).toEqual([])
})

it.each([
  ['a failure', 503, 'text/plain', 'no'],
  ['a page', 200, 'text/html', '<!DOCTYPE html>'],
  ['no list', 200, 'application/json', '{"Providers":{"a":1}}'],
  ['a broken line', 200, 'application/x-ndjson', '{"Schema":"peer"}\n{"Sch'],
  ['an answer without end', 200, 'application/json', ' '.repeat(1024 * 1024 + 1)],
])('%s is unreachable, which says nothing of providers', async (_, status, type, body) => {
  await expect(ask(await answering(status, type, body))).rejects.toMatchObject({ code: 'unreachable' })
})

it('a pause that was asked for is told', async () => {
  await expect(ask(await answering(429, 'text/plain', ''))).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 7_000 })
})

it('a router that hangs is given up on, and left at once when the caller stops', async () => {
  const url = await router((_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'))
  await expect(ask(url, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('within 50 ms') })
  await expect(ask(url, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' })
})

it('private networks are not asked unless they may be', async () => {
  await expect(providersOf('http://127.0.0.1:1', CID)).rejects.toMatchObject({ code: 'invalid' })
})
