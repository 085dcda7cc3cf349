import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { VaultError } from '../../../src/errors.ts'
import { addressOf, DAG_PB, RAW } from '../../../src/format/address.ts'
import { trustlessGateway } from '../../../src/ipfs.ts'
import { type FakeGateway, fakeGateway, type GatewayFault } from '../../fakes/gateway.ts'

const bytes = Buffer.alloc(5_000, 'a block of some length. ')
const cid = addressOf(bytes, RAW)
/** Longer than any test: what ends earlier was not ended by the clock. */
const NEVER_MS = 3_600_000

let fake: FakeGateway
beforeEach(async () => {
  fake = await fakeGateway()
  fake.hold(cid, bytes)
})
afterEach(() => fake[Symbol.asyncDispose]())

const open = (options: Parameters<typeof trustlessGateway>[1] = {}) =>
  trustlessGateway(fake.url, { allowPrivate: true, timeoutMs: NEVER_MS, ...options })

async function failure(work: Promise<unknown>): Promise<VaultError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof VaultError)) throw new Error(`no VaultError: ${error}`)
  return error
}

describe('a block from a trustless gateway', () => {
  it('is asked for by query and header alike, and comes back hashed', async () => {
    expect(await open().block(cid)).toEqual(new Uint8Array(bytes))
    expect(fake.requests).toHaveLength(1)
    expect(fake.requests[0]?.url).toBe(`/ipfs/${cid}?format=raw`)
    expect(fake.requests[0]?.headers).toMatchObject({ accept: 'application/vnd.ipld.raw', 'accept-encoding': 'identity' })
    expect(fake.requests[0]?.headers).not.toHaveProperty('cache-control')
  })

  it('comes by the global fetch as well', async () => {
    expect(await open({ fetch }).block(cid)).toEqual(new Uint8Array(bytes))
    fake.fault = { type: 'wrong-bytes' }
    expect(await failure(open({ fetch }).block(cid))).toMatchObject({ code: 'damaged' })
    fake.fault = { type: 'redirect', to: ['http://other.example/'] }
    expect(await failure(open({ fetch }).block(cid))).toMatchObject({ code: 'unsupported' })
    fake.fault = { type: 'endless' }
    expect(await failure(open({ fetch }).block(cid))).toMatchObject({ code: 'unsupported' })
  })

  it('is the same for CIDs of both versions and any codec', async () => {
    const node = addressOf(bytes, DAG_PB)
    expect(await open().block(node.toV0())).toEqual(new Uint8Array(bytes))
    expect(await open().block(node)).toEqual(new Uint8Array(bytes))
    expect(await open().block(CID.createV1(0x71, cid.multihash))).toEqual(new Uint8Array(bytes))
  })

  it('may have a SHA-512', async () => {
    const long = CID.createV1(RAW, Digest.create(0x13, createHash('sha512').update(bytes).digest()))
    fake.hold(long, bytes)
    expect(await open().block(long)).toEqual(new Uint8Array(bytes))
  })

  it('may be empty', async () => {
    const empty = addressOf(new Uint8Array(0), RAW)
    fake.hold(empty, new Uint8Array(0))
    expect(await open().block(empty)).toHaveLength(0)
  })

  it('is not asked for when the CID carries it, up to 128 bytes', async () => {
    const short = new Uint8Array(128).fill(7)
    expect(await open().block(CID.createV1(RAW, Digest.create(0, short)))).toEqual(short)
    const long = CID.createV1(RAW, Digest.create(0, new Uint8Array(129)))
    expect(await failure(open().block(long))).toMatchObject({ code: 'unsupported' })
    expect(fake.requests).toEqual([])
  })

  it('is not asked for when its bytes could not be checked', async () => {
    const blake = CID.createV1(RAW, Digest.create(0xb220, new Uint8Array(32)))
    const shortened = CID.createV1(RAW, Digest.create(0x12, cid.multihash.digest.subarray(0, 4)))
    for (const unknown of [blake, shortened]) expect(await failure(open().block(unknown))).toMatchObject({ code: 'unsupported' })
    expect(fake.requests).toEqual([])
  })

  it('is asked for with the headers that were given, which change none of ours', async () => {
    await open({ headers: { 'X-Token': 's3cret', Accept: 'text/html' } }).block(cid)
    expect(fake.requests[0]?.headers).toMatchObject({ 'x-token': 's3cret', accept: 'application/vnd.ipld.raw' })
  })

  it('is asked for only in the cache where that is wanted, and is then absent when it is not there', async () => {
    expect(await open().block(cid, { onlyIfCached: true })).toHaveLength(bytes.byteLength)
    expect(fake.requests[0]?.headers['cache-control']).toBe('only-if-cached')
    fake.fault = { type: 'status', status: 412 }
    expect(await failure(open().block(cid, { onlyIfCached: true }))).toMatchObject({ code: 'absent' })
    expect(await failure(open().block(cid))).toMatchObject({ code: 'invalid' })
  })

  it('comes over the connection that is there', async () => {
    const gateway = open()
    for (let i = 0; i < 5; i++) await gateway.block(cid)
    expect(new Set(fake.requests.map(({ connection }) => connection)).size).toBe(1)
  })
})

describe('a gateway that does not give the block', () => {
  it.each<[string, GatewayFault, string]>([
    ['has other bytes', { type: 'wrong-bytes' }, 'damaged'],
    ['has half of it', { type: 'truncated' }, 'damaged'],
    ['cuts the connection half way', { type: 'cut' }, 'unreachable'],
    ['cuts the connection at once', { type: 'reset' }, 'unreachable'],
    ['promises less than it sends', { type: 'content-length', length: 4_000 }, 'damaged'],
    ['promises more than is taken', { type: 'content-length', length: 3 * 1024 * 1024 }, 'unsupported'],
    ['never stops', { type: 'endless' }, 'unsupported'],
    ['shows a page', { type: 'html' }, 'unreachable'],
    ['shows a page of another kind', { type: 'html', contentType: 'Application/XHTML+XML' }, 'unreachable'],
    ['redirects to another host', { type: 'redirect', to: ['http://other.example/ipfs/x'] }, 'unsupported'],
    ['redirects to another port', { type: 'redirect', to: ['http://127.0.0.1:1/ipfs/x'] }, 'unsupported'],
    ['redirects to another scheme', { type: 'redirect', to: ['file:///etc/passwd'] }, 'unsupported'],
    ['redirects to nowhere', { type: 'redirect', to: ['http://'] }, 'unsupported'],
    ['redirects without a word where to', { type: 'status', status: 302 }, 'unreachable'],
    ['answers 204', { type: 'status', status: 204 }, 'unreachable'],
    ['answers 206', { type: 'status', status: 206 }, 'unreachable'],
    ['answers 400', { type: 'status', status: 400 }, 'unsupported'],
    ['answers 401', { type: 'status', status: 401 }, 'denied'],
    ['answers 403', { type: 'status', status: 403 }, 'denied'],
    ['answers 404', { type: 'status', status: 404 }, 'absent'],
    ['answers 410', { type: 'status', status: 410 }, 'absent'],
    ['answers 451', { type: 'status', status: 451 }, 'denied'],
    ['answers 429', { type: 'status', status: 429 }, 'unreachable'],
    ['answers 500', { type: 'status', status: 500 }, 'unreachable'],
    ['answers 504', { type: 'status', status: 504 }, 'unreachable'],
  ])('and %s is told apart', async (_, fault, code) => {
    fake.fault = fault
    const error = await failure(open().block(cid))
    expect(error.code).toBe(code)
    expect(error.vault).toBe(`127.0.0.1:${fake.port}`)
    expect(error.message).not.toContain('<h1>')
    fake.fault = undefined
    expect(await open().block(cid)).toHaveLength(bytes.byteLength)
  })

  it('and asks to wait says for how long, in seconds and for a day at most', async () => {
    const toldIn = async (value: string) => {
      fake.fault = { type: 'status', status: 429, headers: { 'retry-after': value } }
      return (await failure(open().block(cid))).retryAfterMs
    }
    expect(await toldIn('7')).toBe(7_000)
    expect(await toldIn('999999999')).toBe(86_400_000)
    expect(await toldIn('Wed, 21 Oct 2099 07:28:00 GMT')).toBeUndefined()
    expect(await toldIn('-1')).toBeUndefined()
  })

  it.each<[string, GatewayFault]>([
    ['at all', { type: 'silent' }],
    ['after half of it', { type: 'hangs-after-half' }],
  ])('and says nothing %s is left after the time limit', async (_, fault) => {
    fake.fault = fault
    const error = await failure(open({ timeoutMs: 40 }).block(cid))
    expect(error).toMatchObject({ code: 'unreachable' })
    expect(error.message).toContain('40 ms')
    await fake.hungUp()
  })

  it.each<[string, GatewayFault]>([
    ['before an answer', { type: 'silent' }],
    ['within one', { type: 'hangs-after-half' }],
  ])('is left at once when the caller gives up %s', async (_, fault) => {
    fake.fault = fault
    const stop = new AbortController()
    const asked = open().block(cid, { signal: stop.signal })
    while (fake.requests.length === 0) await new Promise(setImmediate)
    stop.abort(new RangeError('enough'))
    await expect(asked).rejects.toThrow(new RangeError('enough'))
    await fake.hungUp()
    await expect(open().block(cid, { signal: stop.signal })).rejects.toThrow(new RangeError('enough'))
    expect(fake.requests).toHaveLength(1)
  })

  it('and sends too much is hung up on, not read to the end', async () => {
    fake.fault = { type: 'endless' }
    await failure(open({ maxBlockBytes: 1_000 }).block(cid))
    await fake.hungUp()
  })

  it('holds no connection whose answer is not read', async () => {
    const gateway = open()
    for (const status of [404, 500, 302]) {
      fake.fault = { type: 'status', status }
      for (let i = 0; i < 20; i++) await failure(gateway.block(cid))
    }
    fake.fault = undefined
    expect(await gateway.block(cid)).toHaveLength(bytes.byteLength)
  })

  it('is gone', async () => {
    const gateway = open()
    await fake[Symbol.asyncDispose]()
    const error = await failure(gateway.block(cid))
    expect(error).toMatchObject({ code: 'unreachable' })
    expect(error.message).toContain('ECONNREFUSED')
    fake = await fakeGateway()
  })
})

describe('redirects', () => {
  const hops = (count: number) => Array.from({ length: count }, (_, i) => `/hop${i + 1}/ipfs/${cid}?format=raw`)

  it('within the host are followed three times, with the same headers', async () => {
    fake.fault = { type: 'redirect', to: hops(3), status: 307 }
    expect(await open({ headers: { 'x-token': 's3cret' } }).block(cid)).toHaveLength(bytes.byteLength)
    expect(fake.requests).toHaveLength(4)
    await fake.hungUp()
    for (const { headers } of fake.requests) expect(headers).toMatchObject({ 'x-token': 's3cret', accept: 'application/vnd.ipld.raw' })
  })

  it('are not followed a fourth time', async () => {
    fake.fault = { type: 'redirect', to: hops(4) }
    expect(await failure(open().block(cid))).toMatchObject({ code: 'unreachable' })
    expect(fake.requests).toHaveLength(4)
  })

  it('to other hosts are named by host alone, and nothing is sent there', async () => {
    await using other = await fakeGateway()
    fake.fault = { type: 'redirect', to: [`http://localhost:${other.port}/ipfs/${cid}?token=s3cret`] }
    const { message } = await failure(open().block(cid))
    expect(message).toContain(`localhost:${other.port}`)
    expect(message).not.toContain('s3cret')
    expect(other.requests).toEqual([])
  })
})

describe('the bytes of a CAR', () => {
  afterEach(() => void vi.useRealTimers())

  it('may be read slowly: only the gateway is timed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    async function* body() {
      for (const byte of [1, 2, 3]) yield Uint8Array.of(byte)
    }
    const gateway = open({ timeoutMs: 100, fetch: async () => ({ status: 200, headers: new Headers(), body: body() }) })
    const read: number[] = []
    for await (const [byte = 0] of gateway.carBytes(cid)) {
      read.push(byte)
      vi.advanceTimersByTime(1_000)
    }
    expect(read).toEqual([1, 2, 3])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the URL of a gateway', () => {
  it.each([
    'http://10.0.0.1',
    'http://127.0.0.1:8080',
    'https://[::1]',
    'https://[fd00::1]',
    'http://169.254.169.254',
    'https://[::ffff:10.0.0.1]',
    'http://2130706433',
    'http://0x7f.1',
  ])('%s is on a private network and refused', (url) => {
    expect(() => trustlessGateway(url)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining('allowPrivate') }),
    )
    expect(trustlessGateway(url, { allowPrivate: true }).url).toMatch(/^https?:/)
  })

  it('may be a name that stands for a private address only where that is allowed', async () => {
    const url = `http://localhost:${fake.port}`
    const error = await failure(trustlessGateway(url).block(cid))
    expect(error).toMatchObject({ code: 'invalid', vault: `localhost:${fake.port}` })
    expect(error.message).toContain('allowPrivate')
    expect(fake.requests).toEqual([])
    expect(await trustlessGateway(url, { allowPrivate: true }).block(cid)).toHaveLength(bytes.byteLength)
  })

  it.each([
    'gateway.example',
    'ftp://gateway.example',
    'https://user:s3cret@gateway.example',
    'https://gateway.example/ipfs/',
    'https://gateway.example/?token=s3cret',
    'https://gateway.example/#x',
    '',
  ])('%j is not taken, and not repeated where it holds a secret', (url) => {
    expect(() => trustlessGateway(url)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.not.stringContaining('s3cret') }),
    )
  })

  it('is an origin, and of https where headers are sent', () => {
    expect(trustlessGateway('https://gateway.example/').url).toBe('https://gateway.example')
    expect(trustlessGateway('http://gateway.example').url).toBe('http://gateway.example')
    expect(() => trustlessGateway('http://gateway.example', { headers: { authorization: 'x' } })).toThrow(/use https/)
  })
})
