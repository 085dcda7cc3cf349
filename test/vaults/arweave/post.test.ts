import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { FormatError } from '../../../src/errors.ts'
import { post } from '../../../src/vaults/arweave/post.ts'
import { noise } from '../../flow/house.ts'

const MIB = 1024 ** 2

async function serving(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  let connections = 0
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/chunk`, connections: () => connections }
}

const never = new AbortController().signal
const posting = (body: Uint8Array, signal = never, limit = 1000) => ({
  body,
  headers: { 'content-length': `${body.byteLength}` },
  limit,
  signal,
})

async function wholeOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

it('sends the bytes and has the whole answer, over connections that are used again', async () => {
  const { url, connections } = await serving(async (request, response) => {
    const bytes = await wholeOf(request)
    response
      .writeHead(208, { 'content-type': 'application/json', 'x-many': ['a', 'b'] })
      .end(JSON.stringify({ length: bytes.byteLength, last: bytes.at(-1) }))
  })
  const body = noise(300_000, 'body')
  for (let n = 0; n < 20; n++) {
    const own = new AbortController()
    const { status, headers, bytes } = await post(url, posting(body, own.signal))
    expect(status).toBe(208)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('x-many')).toBe('a, b')
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ length: 300_000, last: body.at(-1) })
    own.abort()
    await turn()
  }
  expect(connections()).toBeLessThanOrEqual(2)
})

it('follows no redirect', async () => {
  const { url } = await serving(
    (request, response) => void request.resume().once('end', () => response.writeHead(307, { location: '/other' }).end()),
  )
  expect((await post(url, posting(noise(10, 'redirected')))).status).toBe(307)
})

it('sends no more of a body that was answered before its end', async () => {
  let received: Promise<number> | undefined
  const { url } = await serving((request, response) => {
    const { socket } = request
    received = new Promise((resolve) => socket.once('close', () => resolve(socket.bytesRead)))
    response.writeHead(413).end('too long')
  })
  const { status, bytes } = await post(url, posting(noise(32 * MIB, 'long')))
  expect([status, Buffer.from(bytes).toString()]).toEqual([413, 'too long'])
  expect(await received).toBeLessThan(16 * MIB)
})

it('reads no answer without end', async () => {
  const { url } = await serving((request, response) => void request.resume().once('end', () => response.end(Buffer.alloc(5000))))
  await expect(post(url, posting(noise(10, 'limit')))).rejects.toBeInstanceOf(FormatError)
})

it.each(['before', 'in'] as const)('ends when it is aborted %s the answer', async (when) => {
  const stop = new AbortController()
  const { url } = await serving((request, response) => {
    request.resume()
    if (when === 'in') response.writeHead(200, { 'content-length': '100' }).write('half')
    setTimeout(() => stop.abort(new Error('enough')), 50)
  })
  await expect(post(url, posting(noise(10, 'aborted'), stop.signal))).rejects.toThrow()
})

it.each(['before', 'in'] as const)('fails when the connection is cut %s the answer', async (when) => {
  const { url } = await serving((request, response) => {
    request.resume()
    if (when === 'before') return void request.socket.destroy()
    response.writeHead(200, { 'content-length': '100' }).write('half', () => request.socket.destroy())
  })
  await expect(post(url, posting(noise(10, 'cut')))).rejects.toThrow()
})

it('fails where nobody listens', async () => {
  await expect(post('http://127.0.0.1:1/chunk', posting(noise(10, 'nobody')))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('speaks TLS to https', async () => {
  const { url } = await serving((request, response) => void request.resume().once('end', () => response.end('plain')))
  await expect(post(url.replace('http:', 'https:'), posting(noise(10, 'tls')))).rejects.toMatchObject({
    code: expect.stringMatching(/SSL|EPROTO|ECONNRESET/),
  })
})
