import { readFile } from 'node:fs/promises'
import { createServer as createTcpServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { WebhookConfig } from '../../../src/contracts.ts'
import { eventOf } from '../../../src/flow/event-facts.ts'
import type { Message } from '../../../src/flow/hooks-delivery.ts'
import { sendWebhook } from '../../../src/flow/hooks-webhook.ts'
import { signWebhook, verifyWebhook } from '../../../src/format/webhook-signature.ts'
import { only } from '../house.ts'
import { receiver } from './receiver.ts'

const pem = (name: string) => readFile(fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url)), 'utf8')
const MESSAGE: Message = { version: 1, archive: 'z6Mk', hook: 'h', events: [eventOf({ type: 'object-removed', root: 'bafy' }, 1_000)] }
const AT = 1_700_000_000_000

const send = (
  config: Partial<WebhookConfig> & { readonly url: string },
  { timeoutMs = 5_000, signal = new AbortController().signal } = {},
) => sendWebhook({ type: 'webhook', id: 'h', ...config }, MESSAGE, { signal, timeoutMs, at: AT })

/** Counts who connects, and never says a word. */
async function silentServer() {
  let connections = 0
  const server = createTcpServer(() => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as { port: number }).port, connections: () => connections }
}

describe('a webhook', () => {
  it('is a POST of JSON, with its own headers and a signature of time and body', async () => {
    const there = await receiver()
    const secret = 'a secret of some length'
    expect(await send({ url: there.url, allowPrivate: true, secret, headers: { Authorization: 'Bearer x' } })).toEqual({ ok: true })
    const { headers, body, path } = only(there.received)
    expect(JSON.parse(body)).toEqual(MESSAGE)
    expect(path).toBe('/hook')
    expect(headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer x', host: `127.0.0.1:${there.port}` })
    const signature = String(headers['perdure-signature'])
    expect(verifyWebhook(body, signature, secret, { at: AT })).toBe(true)
    expect(verifyWebhook(`${body} `, signature, secret, { at: AT })).toBe(false)
    expect(verifyWebhook(body, signature, `${secret}.`, { at: AT })).toBe(false)
    expect(verifyWebhook(body, signature, secret, { at: AT + 301_000 })).toBe(false)
    expect(verifyWebhook(body, signature.replace(/t=\d+/, `t=${AT / 1_000 + 1}`), secret, { at: AT })).toBe(false)
  })

  it('is signed as documented', () => {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
    expect(signWebhook('{}', 'secret', 1_700_000_000_999)).toBe(`t=1700000000,v1=${KNOWN}`)
    expect(
      ['', 't=1', 'v1=00', 't=x,v1=00', `t=1700000000,v1=${'0'.repeat(63)}`].some((header) =>
        verifyWebhook('{}', header, 'secret', { at: AT }),
      ),
    ).toBe(false)
    expect(verifyWebhook('{}', `v1=${'0'.repeat(64)}, t=1700000000 ,v1=${KNOWN}`, 'secret', { at: AT })).toBe(true)
  })

  it.each([
    [500, 'answered'],
    [503, 'answered'],
    [401, 'answered'],
    [404, 'answered'],
    [429, 'answered'],
    [400, 'refused'],
    [413, 'refused'],
    [422, 'refused'],
  ])('that is answered with %i has failed: %s', async (status, code) => {
    const there = await receiver()
    there.answer((response) => void response.writeHead(status, { 'retry-after': '7' }).end('secret words of the receiver'))
    expect(await send({ url: there.url, allowPrivate: true })).toEqual({ ok: false, code, detail: `HTTP ${status}`, retryAfterMs: 7_000 })
  })

  it('follows no redirect', async () => {
    const [there, elsewhere] = [await receiver(), await receiver()]
    there.answer((response) => void response.writeHead(307, { location: elsewhere.url }).end())
    expect(await send({ url: there.url, allowPrivate: true })).toMatchObject({
      ok: false,
      code: 'answered',
      detail: expect.stringContaining('redirects'),
    })
    expect(elsewhere.received).toEqual([])
  })

  it('is given up after its time when nobody answers', async () => {
    const there = await receiver()
    there.answer(() => undefined)
    expect(await send({ url: there.url, allowPrivate: true }, { timeoutMs: 100 })).toMatchObject({ ok: false, code: 'timed-out' })
    const silent = await silentServer()
    expect(await send({ url: `https://127.0.0.1:${silent.port}`, allowPrivate: true }, { timeoutMs: 100 })).toMatchObject({
      code: 'timed-out',
    })
  })

  it('has arrived when the status says so, however long the answer goes on', async () => {
    const there = await receiver()
    there.answer((response) => {
      response.writeHead(200)
      const more = () => void (response.destroyed || response.write(Buffer.alloc(64 * 1024), more))
      more()
    })
    expect(await send({ url: there.url, allowPrivate: true })).toEqual({ ok: true })
    there.answer((response) => void response.writeHead(200).write('and then nothing'))
    expect(await send({ url: there.url, allowPrivate: true })).toEqual({ ok: true })
    there.answer((response) => void response.writeHead(200, { 'content-length': '9' }).write('x', () => response.destroy()))
    expect(await send({ url: there.url, allowPrivate: true })).toEqual({ ok: true })
  })

  it('takes no headers beyond a limit', async () => {
    const there = await receiver()
    there.answer((response) => void response.writeHead(200, { 'x-long': 'x'.repeat(20_000) }).end())
    expect(await send({ url: there.url, allowPrivate: true })).toMatchObject({
      ok: false,
      code: 'unreachable',
      detail: expect.stringContaining('HPE_HEADER_OVERFLOW'),
    })
  })

  it('that nobody listens to is unreachable, and a cancelled one is no failure', async () => {
    expect(await send({ url: 'http://127.0.0.1:9/', allowPrivate: true })).toEqual({
      ok: false,
      code: 'unreachable',
      detail: 'ECONNREFUSED from 127.0.0.1',
    })
    const there = await receiver()
    const stop = new AbortController()
    there.answer(() => stop.abort(new RangeError('stopped')))
    await expect(send({ url: there.url, allowPrivate: true }, { signal: stop.signal })).rejects.toThrow('stopped')
  })
})

const KNOWN = 'b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163'

describe('TLS', () => {
  const secure = async (cert: string) => receiver({ cert: await pem(cert), key: await pem('server-key') })

  it('with a certificate that is trusted will do, by name and by address', async () => {
    const there = await secure('server')
    const ca = await pem('authority')
    expect(await send({ url: there.url, allowPrivate: true, ca })).toEqual({ ok: true })
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }]
    expect(await send({ url: `https://localhost:${there.port}/`, allowPrivate: true, ca, lookup })).toEqual({ ok: true })
  })

  it.each([
    ['nobody vouches for', 'server', undefined],
    ['somebody else vouches for', 'server', 'other-authority'],
    ['is for another name', 'elsewhere', 'authority'],
  ])('with a certificate that %s will not', async (_, cert, authority) => {
    const there = await secure(cert)
    const ca = authority && (await pem(authority))
    expect(await send({ url: there.url, allowPrivate: true, ca })).toMatchObject({ ok: false, code: 'unreachable' })
    expect(there.received).toEqual([])
  })

  it('is verified whatever the environment says', async () => {
    const there = await secure('server')
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    onTestFinished(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    })
    expect(await send({ url: there.url, allowPrivate: true })).toMatchObject({ ok: false })
  })
})

describe('a name that leads inside', () => {
  it('is refused before anybody is connected to', async () => {
    const inside = await silentServer()
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254']) {
      const lookup = async () => [{ address, family: address.includes(':') ? 6 : 4 }]
      const outcome = await send({ url: `https://evil.example:${inside.port}/`, lookup })
      expect(outcome).toMatchObject({ ok: false, code: 'forbidden', detail: expect.stringContaining('evil.example') })
    }
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', '127.1'])
      expect(await send({ url: `https://${host}:${inside.port}/` })).toMatchObject({ ok: false, code: 'forbidden' })
    expect(inside.connections()).toBe(0)
  })

  it('is refused when only one of its addresses does', async () => {
    const lookup = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ]
    expect(await send({ url: 'https://evil.example/', lookup })).toMatchObject({ ok: false, code: 'forbidden' })
  })

  it('is refused by the system’s own resolver too', async () => {
    const inside = await silentServer()
    expect(await send({ url: `https://localhost:${inside.port}/` })).toMatchObject({ ok: false, code: 'forbidden' })
    expect(inside.connections()).toBe(0)
  })

  it('gains nothing by changing its mind: it is resolved once, and connected to as it was checked', async () => {
    const there = await receiver()
    const answers = ['127.0.0.1', '192.0.2.1']
    let asked = 0
    const lookup = async () => [{ address: answers[Math.min(asked++, 1)] ?? '', family: 4 }]
    expect(await send({ url: `http://rebinding.example:${there.port}/`, allowPrivate: true, lookup })).toEqual({ ok: true })
    expect([asked, there.received.length]).toEqual([1, 1])
  })

  it('or has no address, or a resolver that never answers, is unreachable', async () => {
    expect(await send({ url: 'https://nowhere.example/', lookup: async () => [] })).toMatchObject({ code: 'unreachable' })
    const lookup = () => new Promise<never>(() => undefined)
    expect(await send({ url: 'https://slow.example/', lookup }, { timeoutMs: 50 })).toMatchObject({ code: 'timed-out' })
    const failing = async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))
    expect(await send({ url: 'https://gone.example/', lookup: failing })).toEqual({
      ok: false,
      code: 'unreachable',
      detail: 'ENOTFOUND from gone.example',
    })
  })
})
