import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { DataItem } from 'arbundles'
import { describe, expect, it } from 'vitest'
import type { VaultError } from '../../../../src/errors.ts'
import { limitsOf, postItem, priceOf, type Service } from '../../../../src/vaults/arweave/bundle/bundler.ts'
import { findInBundle } from '../../../../src/vaults/arweave/bundle/inside.ts'
import { itemIdOf, signItem, verifiedItem } from '../../../../src/vaults/arweave/bundle/item.ts'
import { type BundlerFault, bundler, type FakeBundlerOptions } from '../../../fakes/bundler.ts'
import { codeOf } from '../../code-of.ts'
import { newWallet } from './wallet.ts'

const { jwk } = newWallet()
const FREE = { freeBytes: 100_000 }
const { id, bytes: raw } = await signItem(jwk, { bytes: randomBytes(1000), tags: [{ name: 'App-Name', value: 'perdure' }] })

async function house(options: FakeBundlerOptions = FREE, fault?: BundlerFault) {
  const fake = await bundler(options)
  fake.fault = fault
  const service: Service = { url: fake.url, fetch, id: 'weave' }
  return { fake, service, post: () => postItem(service, raw), [Symbol.asyncDispose]: () => fake.close() }
}

async function failure(work: Promise<unknown>): Promise<VaultError> {
  const error = await work.then(
    () => 'succeeded',
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'VaultError', vault: 'weave' })
  return error as VaultError
}

describe('posting an item', () => {
  it('hands over the bytes as they are, and gives the receipt', async () => {
    await using at = await house()
    const posted = await at.post()
    expect(posted).toMatchObject({ type: 'received', receipt: { id, winc: '0', deadlineHeight: 1_600_000, dataCaches: ['arweave.net'] } })
    expect(Buffer.from(at.fake.items.get(id) ?? [])).toEqual(Buffer.from(raw))
    expect(at.fake.requests).toMatchObject([
      {
        method: 'POST',
        url: '/v1/tx/arweave',
        headers: { 'content-type': 'application/octet-stream', 'content-length': `${raw.byteLength}` },
      },
    ])
  })

  it('is found in the root bundle that comes of it, and verified there', async () => {
    await using at = await house()
    const other = await signItem(jwk, { bytes: randomBytes(50), tags: [] })
    await postItem(at.service, other.bytes)
    await at.post()
    const bundle = at.fake.bundle()
    const place = await findInBundle(async (offset, length) => bundle.subarray(offset, offset + length), bundle.byteLength, id)
    const found = bundle.subarray(place?.offset, (place?.offset ?? 0) + (place?.length ?? 0))
    expect(await verifiedItem(found)).toMatchObject({ id })
    expect(await DataItem.verify(Buffer.from(found))).toBe(true)
  })

  it('says so where the bundler knows the item, and posts nothing twice', async () => {
    await using at = await house()
    await at.post()
    expect(await at.post()).toEqual({ type: 'known', id })
    expect(at.fake.items.size).toBe(1)
  })

  it('after a lost answer is known to a bundler that remembers, and not paid twice', async () => {
    await using at = await house({ balance: 10_000n }, { type: 'lost-answer' })
    expect((await failure(at.post())).code).toBe('unreachable')
    at.fake.fault = undefined
    expect(await at.post()).toEqual({ type: 'known', id })
    expect(at.fake.balance).toBe(10_000n - BigInt(raw.byteLength))
  })

  it('is paid again, but is still one item, where the bundler has forgotten it', async () => {
    await using at = await house({ balance: 10_000n }, { type: 'forgetful' })
    await at.post()
    expect(await at.post()).toMatchObject({ type: 'received', receipt: { id } })
    expect(at.fake.balance).toBe(10_000n - 2n * BigInt(raw.byteLength))
    expect(at.fake.bundle()[0]).toBe(1)
  })

  it('gives a receipt also where the bundler then forgets the item: it is a claim', async () => {
    await using at = await house(FREE, { type: 'never-bundles' })
    expect(await at.post()).toMatchObject({ type: 'received', receipt: { id } })
    expect(at.fake.bundle()).toEqual(Buffer.alloc(32))
  })

  it('takes as unknown what a receipt does not say, or says in another form', async () => {
    const said = { id, winc: 12, owner: 7, timestamp: 'now', dataCaches: ['a', 1] }
    await using at = await house(FREE, { type: 'text', text: JSON.stringify(said) })
    const posted = await at.post()
    expect(posted).toMatchObject({ type: 'received', receipt: { id, winc: '12' } })
    const { id: _id, winc: _winc, ...rest } = posted.type === 'received' ? posted.receipt : { id, winc: '' }
    expect(Object.values(rest)).toEqual(Array(8).fill(undefined))
  })

  it('is exhausted where credits are missing, and says how large the item is', async () => {
    await using at = await house({ freeBytes: raw.byteLength - 1, balance: BigInt(raw.byteLength - 1) })
    const error = await failure(at.post())
    expect(error.code).toBe('exhausted')
    expect(error.message).toContain(`${raw.byteLength} bytes`)
    expect(error.message).toContain('Insufficient balance')
    expect(error.message).toContain('add credits')
    expect(at.fake.items.size).toBe(0)
  })

  it('is paid where it is larger than what is free, and there are credits', async () => {
    await using at = await house({ freeBytes: raw.byteLength - 1, pricePerByte: 2, balance: 2n * BigInt(raw.byteLength) })
    expect(await at.post()).toMatchObject({ receipt: { winc: `${2 * raw.byteLength}` } })
    expect(at.fake.balance).toBe(0n)
  })

  it('is invalid where the item was changed', async () => {
    await using at = await house()
    const changed = Uint8Array.from(raw, (byte, index) => (index === raw.byteLength - 1 ? byte ^ 1 : byte))
    const error = await failure(postItem(at.service, changed))
    expect(error.code).toBe('invalid')
    expect(error.message).toContain('Invalid Data Item!')
    expect(at.fake.items.size).toBe(0)
  })

  it('refuses bytes that are no item before anything is sent', async () => {
    await using at = await house()
    expect((await failure(postItem(at.service, randomBytes(100)))).code).toBe('invalid')
    expect(at.fake.requests).toEqual([])
  })

  const status = (number: number, rest: { headers?: Record<string, string>; text?: string } = {}): BundlerFault => ({
    type: 'status',
    status: number,
    ...rest,
  })
  it.each<[string, BundlerFault, string, number | undefined]>([
    ['400', status(400, { text: 'Data item parsing error!' }), 'invalid', undefined],
    ['401', status(401), 'denied', undefined],
    ['402', status(402), 'exhausted', undefined],
    ['403', status(403, { text: 'Forbidden' }), 'denied', undefined],
    ['404, which says nothing of the item', status(404), 'unreachable', undefined],
    ['413', status(413), 'invalid', undefined],
    ['429', status(429, { headers: { 'retry-after': '7' } }), 'unreachable', 7000],
    ['500', status(500), 'unreachable', undefined],
    ['503', status(503, { headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } }), 'unreachable', 0],
    ['503 with a time to wait that is none', status(503, { headers: { 'retry-after': 'soon' } }), 'unreachable', undefined],
    ['a page', { type: 'html' }, 'unreachable', undefined],
    ['a page with 202', { type: 'html', status: 202 }, 'unreachable', undefined],
    ['an empty answer', { type: 'text', text: '' }, 'unreachable', undefined],
    ['JSON that is no receipt', { type: 'text', text: '[]' }, 'unreachable', undefined],
    ['JSON without an id', { type: 'text', text: '{"winc":"0"}' }, 'unreachable', undefined],
    ['the receipt of another item', { type: 'other-id' }, 'unreachable', undefined],
    ['an answer without an end', { type: 'endless' }, 'unreachable', undefined],
  ])('has a meaning for %s', async (_, fault, code, retryAfterMs) => {
    await using at = await house(FREE, fault)
    const error = await failure(at.post())
    expect(error).toMatchObject({ code, retryAfterMs })
    expect(error.message).toMatch(/; [a-z]/)
  })

  it('follows no redirect', async () => {
    await using elsewhere = await house()
    await using at = await house(FREE, status(307, { headers: { location: `${elsewhere.fake.url}/v1/tx/arweave` } }))
    const error = await failure(at.post())
    expect(error.code).toBe('unreachable')
    expect(error.message).toContain('final address')
    expect(elsewhere.fake.requests).toEqual([])
  })

  it('shows one short line of what the bundler says, and nothing of pages', async () => {
    await using at = await house(FREE, status(400, { text: `first\u001b[31m\nsecond ${'x'.repeat(5000)}` }))
    const { message } = await failure(at.post())
    expect(message).toContain('(first [31m second xxx')
    expect(message).not.toMatch(/\p{Cc}/u)
    expect(message.length).toBeLessThan(600)
    at.fake.fault = { type: 'html', status: 502 }
    expect((await failure(at.post())).message).not.toContain('Welcome')
  })

  it('ends after the time that it has', async () => {
    await using at = await house(FREE, { type: 'silent' })
    const error = await failure(postItem({ ...at.service, timeoutMs: 50 }, raw))
    expect(error.code).toBe('unreachable')
    expect(error.message).toContain('50 ms')
  })

  it('ends with the reason of the signal, before the request and within it', async () => {
    await using at = await house(FREE, { type: 'silent' })
    const reason = new Error('enough')
    await expect(postItem(at.service, raw, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(at.fake.requests).toEqual([])
    const controller = new AbortController()
    const fetching: typeof fetch = (...args) => {
      queueMicrotask(() => controller.abort(reason))
      return fetch(...args)
    }
    await expect(postItem({ ...at.service, fetch: fetching }, raw, { signal: controller.signal })).rejects.toBe(reason)
  })

  it('is unreachable where nobody listens, with the cause', async () => {
    const at = await house()
    await at.fake.close()
    const error = await failure(at.post())
    expect(error.code).toBe('unreachable')
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('keeps the path of the address, with a slash at its end or without', async () => {
    const asked: string[] = []
    const answering: typeof fetch = async (input) => {
      asked.push(String(input))
      return Response.json({ id: itemIdOf(raw) })
    }
    for (const url of ['https://proxy.example/turbo', 'https://proxy.example/turbo/'])
      expect(await postItem({ url, fetch: answering, id: 'weave' }, raw)).toMatchObject({ type: 'received' })
    expect(asked).toEqual(Array(2).fill('https://proxy.example/turbo/v1/tx/arweave'))
  })

  it.each(['ftp://bundler.example', 'bundler', 'https://me:secret@bundler.example', 'https://bundler.example/?key=secret'])(
    'refuses the address %s without repeating it',
    async (url) => {
      const error = await failure(postItem({ url, fetch, id: 'weave' }, raw))
      expect(error.code).toBe('invalid')
      expect(inspect(error)).not.toContain('secret')
    },
  )
})

describe('the limits of a bundler', () => {
  it('are what it says', async () => {
    await using at = await house()
    expect(await limitsOf(at.service)).toEqual({ freeUploadLimitBytes: 100_000, addresses: { arweave: 'A'.repeat(43) } })
  })

  it.each([
    ['{}', undefined, undefined],
    ['{"freeUploadLimitBytes":0,"addresses":{}}', 0, {}],
    ['{"freeUploadLimitBytes":"107520","addresses":[]}', undefined, undefined],
    ['{"freeUploadLimitBytes":-1,"addresses":{"arweave":"x","solana":null}}', undefined, { arweave: 'x' }],
    ['{"freeUploadLimitBytes":1e300}', undefined, undefined],
  ])('are unknown where %s does not say them', async (text, freeUploadLimitBytes, addresses) => {
    await using at = await house(FREE, { type: 'text', text })
    expect(await limitsOf(at.service)).toEqual({ freeUploadLimitBytes, addresses })
  })

  it('are unreachable behind a page, and in an answer that is no object', async () => {
    await using at = await house(FREE, { type: 'html' })
    expect(await codeOf(limitsOf(at.service))).toBe('unreachable')
    at.fake.fault = { type: 'text', text: '"ok"' }
    expect(await codeOf(limitsOf(at.service))).toBe('unreachable')
  })
})

describe('the price of bytes', () => {
  it('is what the payment service asks now, exactly', async () => {
    await using at = await house({ pricePerByte: 9_007_199_254_740_991 })
    expect(await priceOf(at.service, 3)).toEqual({ winc: 27_021_597_764_222_973n })
    expect(at.fake.requests).toMatchObject([{ method: 'GET', url: '/v1/price/bytes/3' }])
  })

  it.each(['{}', '{"winc":"-1"}', '{"winc":""}', '{"winc":"1.5"}', '{"winc":1.5}', '{"winc":null}', '{"winc":1e300}', 'null', '12'])(
    'is unreachable in %s',
    async (text) => {
      await using at = await house(FREE, { type: 'text', text })
      expect((await failure(priceOf(at.service, 3))).code).toBe('unreachable')
    },
  )

  it('is invalid for what the service does not take', async () => {
    await using at = await house(FREE, { type: 'status', status: 400, text: 'Byte count too large' })
    expect((await failure(priceOf(at.service, 3))).message).toContain('Byte count too large')
  })
})
