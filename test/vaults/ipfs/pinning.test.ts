import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { pinningClient } from '../../../src/vaults/ipfs/pinning/client.ts'
import { compareCreated, type PinStatus } from '../../../src/vaults/ipfs/pinning/pins.ts'

const TOKEN = 'sesame-0123456789'
const ENDPOINT = 'https://pins.example.net/psa/'

interface Asked {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: unknown
}

/** A client whose service is a function. */
function scripted(answer: (asked: Asked) => Response | Promise<Response>) {
  const asked: Asked[] = []
  const client = pinningClient({
    endpoint: ENDPOINT,
    token: TOKEN,
    fetch: async (input, { method = 'GET', headers, body } = {}) => {
      const each = { url: new URL(`${input}`), method, headers: new Headers(headers), body: body ? JSON.parse(`${body}`) : undefined }
      asked.push(each)
      return answer(each)
    },
  })
  return { client, asked }
}

const status = (requestid: string, more: object = {}) => ({
  requestid,
  status: 'pinned',
  created: '2026-01-01T00:00:00.000Z',
  pin: { cid: 'bafy' },
  delegates: ['/ip4/127.0.0.1/tcp/1/p2p/x'],
  ...more,
})

const failure = (code: number, reason: string, headers: Record<string, string> = {}) =>
  Response.json({ error: { reason, details: 'more of it' } }, { status: code, headers })

async function caught(doing: Promise<unknown>): Promise<VaultError> {
  const error = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(VaultError)
  expect(inspect(error, { depth: 20 })).not.toContain(TOKEN)
  return error as VaultError
}

async function gathered<T>(all: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const each of all) items.push(each)
  return items
}

/** A real server on the loopback interface. */
async function served(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('requests', () => {
  it('sends the pin as the specification writes it, and the token in the header alone', async () => {
    const { client, asked } = scripted(() => Response.json(status('one'), { status: 202 }))
    const pin = { cid: 'bafy', name: 'ä name', origins: ['/ip4/127.0.0.1/tcp/1/p2p/y'], meta: { app: 'perdure' } }
    expect(await client.add(pin)).toMatchObject({ requestid: 'one', status: 'pinned', info: {} })
    await client.replace('a/b', pin)
    expect(asked.map(({ method, url }) => `${method} ${url.href}`)).toEqual([
      'POST https://pins.example.net/psa/pins',
      'POST https://pins.example.net/psa/pins/a%2Fb',
    ])
    for (const { body, headers } of asked) {
      expect(body).toEqual(pin)
      expect(headers.get('authorization')).toBe(`Bearer ${TOKEN}`)
      expect(headers.get('content-type')).toBe('application/json')
    }
  })

  it('writes every filter of a list, and asks for every state unless told which', async () => {
    const { client, asked } = scripted(() => Response.json({ count: 0, results: [] }))
    await gathered(client.list())
    const all = { cid: ['a', 'b'], name: 'n&m', match: 'ipartial', after: '2026-01-01T00:00:00Z', limit: 7, meta: { k: 'ü="' } } as const
    await gathered(client.list({ ...all, status: ['failed', 'queued'] }))
    expect(asked.map(({ url }) => Object.fromEntries(url.searchParams))).toEqual([
      { status: 'queued,pinning,pinned,failed', limit: '100' },
      {
        status: 'failed,queued',
        limit: '7',
        cid: 'a,b',
        name: 'n&m',
        match: 'ipartial',
        after: '2026-01-01T00:00:00Z',
        meta: '{"k":"ü=\\""}',
      },
    ])
  })

  it('removes a pin, also one that is gone', async () => {
    const { client, asked } = scripted(() => (asked.length > 1 ? failure(404, 'NOT_FOUND') : new Response(null, { status: 202 })))
    await client.remove('one')
    await client.remove('one')
    expect(asked.map(({ method }) => method)).toEqual(['DELETE', 'DELETE'])
  })

  it('refuses before it asks what would be about something else', async () => {
    const { client, asked } = scripted(() => Response.json({ count: 0, results: [] }))
    for (const id of ['', '.', '..']) {
      expect((await caught(client.remove(id))).code).toBe('invalid')
      expect((await caught(client.get(id))).code).toBe('invalid')
    }
    for (const query of [{ cid: [] }, { cid: Array(11).fill('a') }, { status: [] }, { limit: 0 }, { limit: 1001 }])
      expect((await caught(gathered(client.list(query)))).code).toBe('invalid')
    expect((await caught(client.add({ cid: 'a', name: 'n'.repeat(256) }))).code).toBe('invalid')
    expect((await caught(client.add({ cid: 'a', origins: Array(21).fill('a') }))).code).toBe('invalid')
    expect(asked).toEqual([])
    for (const endpoint of ['pins', 'ftp://a', 'https://u:p@a', 'https://a?token=x'])
      expect(() => pinningClient({ endpoint, token: TOKEN })).toThrow(VaultError)
    for (const token of ['', 'a b', `${TOKEN}\n`]) expect(() => pinningClient({ endpoint: ENDPOINT, token })).toThrow(/token is empty/)
  })
})

describe('pages', () => {
  /** A service with n pins a microsecond apart, the newest first. */
  function holding(n: number, { inclusive = false, cap = 1000, total = false, deaf = false } = {}) {
    const pins = Array.from({ length: n }, (_, at) =>
      status(`p${n - at}`, { created: `2026-01-01T00:00:00.${`${n - at}`.padStart(6, '0')}Z` }),
    )
    return scripted(({ url: { searchParams } }) => {
      const before = deaf ? null : searchParams.get('before')
      const met = pins.filter(({ created }) => before === null || created < before || (inclusive && created === before))
      const results = met.slice(0, Math.min(cap, Number(searchParams.get('limit'))))
      return Response.json({ count: total ? n : met.length, results })
    })
  }
  const names = async (pins: AsyncIterable<PinStatus>) => (await gathered(pins)).map(({ requestid }) => requestid)
  const wanted = (n: number) => Array.from({ length: n }, (_, at) => `p${n - at}`)

  it('shows every pin once, down to the oldest', async () => {
    for (const n of [0, 1, 9, 10, 11, 25]) expect(await names(holding(n).client.list({ limit: 10 }))).toEqual(wanted(n))
  })

  it('shows every pin once where the service caps its pages, counts what was shown, or takes `before` to include its moment', async () => {
    for (const habit of [{ cap: 3 }, { total: true }, { inclusive: true }, { inclusive: true, cap: 2 }])
      expect(await names(holding(11, habit).client.list({ limit: 5 }))).toEqual(wanted(11))
  })

  it('takes a page that comes again for no end', async () => {
    for (const habit of [{ deaf: true }, { inclusive: true, cap: 1 }])
      expect((await caught(gathered(holding(11, habit).client.list({ limit: 5 })))).code).toBe('unsupported')
  })

  it('asks for no page that nobody reads', async () => {
    const { client, asked } = holding(11)
    for await (const _ of client.list({ limit: 5 })) break
    expect(asked.length).toBe(1)
  })

  it('tells moments apart by every digit, in any zone', () => {
    const z = '2026-01-01T00:00:00'
    expect(compareCreated(`${z}.000000001Z`, `${z}.000000002Z`)).toBeLessThan(0)
    expect(compareCreated(`${z}.1Z`, `${z}.100Z`)).toBe(0)
    expect(compareCreated(`${z}Z`, `${z}.0Z`)).toBe(0)
    expect(compareCreated(`${z}.5+01:00`, `${z}.4Z`)).toBeLessThan(0)
    expect(compareCreated(`${z}.9Z`, `2025-12-31T23:59:59.95-00:01`)).toBeLessThan(0)
  })
})

describe('refusals', () => {
  it.each([
    [400, 'BAD_REQUEST', 'invalid'],
    [401, 'UNAUTHORIZED', 'denied'],
    [402, 'PAYMENT', 'exhausted'],
    [403, 'FORBIDDEN', 'denied'],
    [404, 'NOT_FOUND', 'absent'],
    [409, 'DUPLICATE_OBJECT', 'invalid'],
    [409, 'INSUFFICIENT_FUNDS', 'exhausted'],
    [418, 'TEAPOT', 'invalid'],
    [500, 'INTERNAL_SERVER_ERROR', 'unreachable'],
    [503, 'BUSY', 'unreachable'],
  ])('takes %i %s for %s, and says the reason', async (code, reason, expected) => {
    const error = await caught(scripted(() => failure(code, reason)).client.get('one'))
    expect(error.code).toBe(expected)
    expect(error.message).toContain(`asking for pin one failed with HTTP ${code} (${reason}: more of it)`)
  })

  it('tells how long a busy service wants to be left alone', async () => {
    const { client } = scripted(() => failure(429, 'RATE', { 'retry-after': '7' }))
    expect(await caught(client.get('one'))).toMatchObject({ code: 'unreachable', retryAfterMs: 7000 })
  })

  it('takes a 404 that the service did not write for no absence, and nothing for removed because of it', async () => {
    for (const body of ['<html>not here</html>', '', '{"message":"no route"}', '{"error":"no"}']) {
      const { client } = scripted(() => new Response(body, { status: 404 }))
      expect((await caught(client.get('one'))).code).toBe('unreachable')
      expect((await caught(client.remove('one'))).code).toBe('unreachable')
    }
  })

  it('repeats neither the token nor what would disturb a terminal', async () => {
    const { client } = scripted(() =>
      Response.json({ error: { reason: 'NO', details: `\u001b[31m${TOKEN} is ${'x'.repeat(900)}` } }, { status: 401 }),
    )
    const { message } = await caught(client.add({ cid: 'bafy' }))
    expect(message).toContain('*** is xxx')
    expect(message).not.toContain('\u001b')
    expect(message.length).toBeLessThan(400)
    const thrower = scripted(() => Promise.reject(new TypeError('fetch failed', { cause: new Error(`Bearer ${TOKEN}`) })))
    expect((await caught(thrower.client.get('one'))).cause).toBeUndefined()
  })
})

describe('answers that are none', () => {
  it('takes what is no JSON for the answer of somebody else', async () => {
    for (const body of ['<html>welcome</html>', '', new Uint8Array([0xff, 0xfe])])
      expect((await caught(scripted(() => new Response(body)).client.get('one'))).code).toBe('unreachable')
  })

  it('takes no other shape, state, moment or pin', async () => {
    const bad = [
      { status: 'done' },
      { created: 'today' },
      { created: '2026-99-01T00:00:00Z' },
      { pin: {} },
      { delegates: 'x' },
      { requestid: 'two' },
    ]
    for (const more of [...bad, { pin: { cid: 'a', meta: { n: 1 } } }, { requestid: 7 }])
      expect((await caught(scripted(() => Response.json(status('one', more))).client.get('one'))).code).toBe('unsupported')
    for (const page of [[], { results: [] }, { count: 1, results: [{}] }, { count: -1, results: [] }, null])
      expect((await caught(gathered(scripted(() => Response.json(page)).client.list()))).code).toBe('unsupported')
  })

  it('takes null for what is optional and not there', async () => {
    const { client } = scripted(() =>
      Response.json(status('one', { pin: { cid: 'bafy', name: null, origins: null, meta: null }, info: null })),
    )
    expect((await client.get('one')).pin).toEqual({ cid: 'bafy' })
  })

  it('reads no more than 1 MiB of an answer without end', async () => {
    let sent = 0
    const piece = Buffer.alloc(64 * 1024, ' ')
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += piece.byteLength
          controller.enqueue(new Uint8Array(piece))
        },
      })
    expect((await caught(scripted(() => new Response(endless())).client.get('one'))).code).toBe('unsupported')
    expect(sent).toBeLessThan(2 * 1024 * 1024)
    expect((await caught(scripted(() => new Response(endless(), { status: 503 })).client.get('one'))).code).toBe('unreachable')
  })

  it('is unreachable where nobody listens, or the answer breaks off', async () => {
    const endpoint = await served((_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{')
      setImmediate(() => response.destroy())
    })
    expect((await caught(pinningClient({ endpoint, token: TOKEN }).get('one'))).code).toBe('unreachable')
    const gone = await caught(pinningClient({ endpoint: 'http://127.0.0.1:1', token: TOKEN }).get('one'))
    expect(gone.code).toBe('unreachable')
    expect(gone.cause).toBeDefined()
  })
})

describe('redirects', () => {
  it('goes along within the host, and sends the token to no other', async () => {
    const seen: (string | undefined)[] = []
    const other = await served((request, response) => {
      seen.push(request.headers.authorization)
      response.end(JSON.stringify(status('one')))
    })
    const endpoint = await served(({ url = '', method }, response) => {
      if (url === '/pins/one') response.writeHead(301, { location: '/v1/pins/one' }).end()
      else if (url === '/pins' && method === 'POST') response.writeHead(308, { location: '/v1/pins' }).end()
      else if (url === '/pins/round') response.writeHead(307, { location: '/pins/round' }).end()
      else if (url.startsWith('/v1/')) response.end(JSON.stringify(status('one')))
      else response.writeHead(307, { location: `${other}/pins/two` }).end()
    })
    const client = pinningClient({ endpoint, token: TOKEN })
    expect((await client.get('one')).requestid).toBe('one')
    expect((await client.add({ cid: 'bafy' })).requestid).toBe('one')
    expect((await caught(client.get('round'))).code).toBe('unreachable')
    expect(await caught(client.get('two'))).toMatchObject({ code: 'invalid', message: expect.stringContaining('another host') })
    expect((await caught(client.remove('one'))).code).toBe('invalid')
    expect(seen).toEqual([])
  })
})

describe('the end of a call', () => {
  it('comes with the caller, with the reason given, before the answer and in the middle of it', async () => {
    const reason = new RangeError('enough')
    const silent = new AbortController()
    const halting = new AbortController()
    const endpoint = await served(({ url }, response) => {
      if (url === '/pins/silent') silent.abort(reason)
      else response.writeHead(200).write('{')
    })
    const client = pinningClient({ endpoint, token: TOKEN })
    await expect(client.get('silent', { signal: silent.signal })).rejects.toBe(reason)
    const stopping = pinningClient({
      endpoint,
      token: TOKEN,
      fetch: async (...request) => {
        const response = await fetch(...request)
        setImmediate(() => halting.abort(reason))
        return response
      },
    })
    await expect(stopping.get('halting', { signal: halting.signal })).rejects.toBe(reason)
    await expect(client.add({ cid: 'bafy' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(gathered(client.list({}, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
  })
})
