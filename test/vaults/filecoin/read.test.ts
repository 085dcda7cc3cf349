import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CID } from 'multiformats/cid'
import { expect, it, onTestFinished } from 'vitest'
import { nodeOf } from '../../../src/vaults/filecoin/http.ts'
import { readPiece } from '../../../src/vaults/filecoin/read.ts'
import { noise } from '../../flow/house.ts'

const cid = CID.parse('bafkzcibcpybwiktap34inmaex4wbs6cghlq5i2j2yd2bb2zndn5ep7ralzphkdy')
const bytes = noise(9 * 1024 * 1024, 'piece')
const at = { cid, byteLength: bytes.byteLength }

async function providing(answer: (request: IncomingMessage, response: ServerResponse) => void, timeoutMs = 5_000) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return nodeOf('filecoin', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs, fetch })
}

/** As a provider does. */
function ranges({ headers, url }: IncomingMessage, response: ServerResponse): void {
  if (url !== `/piece/${cid}`) return void response.writeHead(404).end()
  const [, from = '0', to = '0'] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
  response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.byteLength}` }).end(bytes.subarray(Number(from), Number(to) + 1))
}

const gathered = async (node: Awaited<ReturnType<typeof providing>>, span: { offset: number; length: number }, signal?: AbortSignal) => {
  const parts: Uint8Array[] = []
  for await (const part of readPiece(node, at, span, { signal })) parts.push(part)
  return { whole: Buffer.concat(parts), parts }
}

it('reads a span, in parts that are never larger than 4 MiB', async () => {
  const { whole, parts } = await gathered(await providing(ranges), { offset: 5, length: 9_000_000 })
  expect(whole.equals(bytes.subarray(5, 9_000_005))).toBe(true)
  expect(Math.max(...parts.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(4 * 1024 * 1024)
})

it('ends with the pack, whatever zeros lie behind it', async () => {
  const { whole } = await gathered(await providing(ranges), { offset: bytes.byteLength - 10, length: 1000 })
  expect(whole.equals(bytes.subarray(-10))).toBe(true)
})

it('takes the whole where the whole was wanted, and no more', async () => {
  const small = { cid, byteLength: 1000 }
  const node = await providing((_, response) => response.writeHead(200, { 'content-length': '1000' }).end(bytes.subarray(0, 1000)))
  const parts: Uint8Array[] = []
  for await (const part of readPiece(node, small, { offset: 0, length: 1000 })) parts.push(part)
  expect(Buffer.concat(parts).equals(bytes.subarray(0, 1000))).toBe(true)
})

it.each([
  [401, 'denied'],
  [403, 'denied'],
  [402, 'exhausted'],
  [404, 'absent'],
  [410, 'absent'],
  [429, 'unreachable'],
  [500, 'unreachable'],
  [302, 'unreachable'],
  [200, 'unreachable'],
] as const)('takes HTTP %s for %s', async (status, code) => {
  const node = await providing((_, response) => response.writeHead(status, { 'retry-after': '3', location: '/other' }).end('<html>'))
  const error = await gathered(node, { offset: 10, length: 100 }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code, ...(status === 429 && { retryAfterMs: 3_000 }) })
})

const PAGE = { 'content-type': 'text/html; charset=utf-8' }
it.each([404, 410])('does not take a page that somebody on the way answers with HTTP %s for absence', async (status) => {
  const node = await providing((_, response) => response.writeHead(status, PAGE).end('<html>not found</html>'))
  await expect(gathered(node, { offset: 10, length: 100 })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(`HTTP ${status} and a page`),
  })
})

const liars: readonly (readonly [string, (request: IncomingMessage, response: ServerResponse) => void])[] = [
  ['another range', (_, response) => response.writeHead(206, { 'content-range': 'bytes 0-99/1000' }).end(bytes.subarray(0, 100))],
  ['a range without saying which', (_, response) => response.writeHead(206).end(bytes.subarray(0, 100))],
  ['too few bytes', (_, response) => response.writeHead(206, { 'content-range': 'bytes 10-109/1000' }).end(bytes.subarray(0, 50))],
  ['too many bytes', (_, response) => response.writeHead(206, { 'content-range': 'bytes 10-109/1000' }).end(bytes.subarray(0, 500))],
  [
    'a page of the very length',
    (_, response) => response.writeHead(206, { ...PAGE, 'content-range': 'bytes 10-109/1000' }).end(bytes.subarray(0, 100)),
  ],
  ['everything, without end', (_, response) => void response.writeHead(200).write(bytes)],
  [
    'half, and hangs up',
    (request, response) =>
      void response
        .writeHead(206, { 'content-range': 'bytes 10-109/1000', 'content-length': '100' })
        .write(bytes.subarray(0, 50), () => request.socket.destroy()),
  ],
]
it.each(liars)('does not believe a provider that sends %s', async (_, answer) => {
  await expect(gathered(await providing(answer), { offset: 10, length: 100 })).rejects.toMatchObject({ code: 'unreachable' })
})

it('waits no longer than it was told to', async () => {
  const node = await providing(() => undefined, 100)
  await expect(gathered(node, { offset: 0, length: 10 })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('100 ms'),
  })
})

it('stops with the reason of the signal', async () => {
  const stop = new AbortController()
  const node = await providing(() => stop.abort(new Error('enough')))
  await expect(gathered(node, { offset: 0, length: 10 }, stop.signal)).rejects.toThrow('enough')
})
