import { describe, expect, it } from 'vitest'
import { noise } from '../flow/house.ts'
import { headerOf, house, made, uploaded } from './arweave/house.ts'
import { b64url, CHUNK } from './arweave/library.ts'
import type { Tag } from './arweave/types.ts'

const DATA = noise(CHUNK + 100_000, 'gateway')
const TYPE: Tag = { name: 'Content-Type', value: 'application/x-noise' }
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())
const ranged = (range: string): RequestInit => ({ headers: { range } })

describe('a fake Arweave gateway', { timeout: 120_000 }, () => {
  it('serves data whole, by its tag as type, under both paths, and to HEAD without the body', async () => {
    const { chain, get } = await house()
    const id = await chain.addData({ data: DATA, tags: [TYPE] })
    for (const path of [`/${id}`, `/raw/${id}`]) {
      const [whole, head] = [await get(path), await get(path, { method: 'HEAD' })]
      expect(DATA.equals(await bytesOf(whole))).toBe(true)
      for (const { status, headers } of [whole, head]) {
        expect([status, headers.get('content-type'), headers.get('accept-ranges')]).toEqual([200, TYPE.value, 'bytes'])
        expect(headers.get('content-length')).toBe(`${DATA.byteLength}`)
      }
      expect(await bytesOf(head)).toHaveLength(0)
    }
    expect((await get(`/${b64url(noise(32))}`)).status).toBe(404)
  })

  it.each([
    ['bytes=0-0', 0, 1],
    [`bytes=${CHUNK - 5}-${CHUNK + 4}`, CHUNK - 5, CHUNK + 5],
    [`bytes=${CHUNK}-`, CHUNK, DATA.byteLength],
    ['bytes=-7', DATA.byteLength - 7, DATA.byteLength],
    ['bytes=9-999999999', 9, DATA.byteLength],
  ])('answers the range %s', async (range, start, end) => {
    const { chain, get } = await house()
    const response = await get(`/raw/${await chain.addData({ data: DATA })}`, ranged(range))
    expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/${DATA.byteLength}`])
    expect(DATA.subarray(start, end).equals(await bytesOf(response))).toBe(true)
  })

  it('answers 416 to a range beyond the data', async () => {
    const { chain, get } = await house()
    const response = await get(`/${await chain.addData({ data: noise(10) })}`, ranged('bytes=10-'))
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10'])
  })

  it('is 404 for confirmed data of which a needed chunk was never seeded', async () => {
    const at = await house()
    const transaction = await made(at, DATA)
    await at.post('/tx', headerOf(transaction))
    await at.post('/chunk', transaction.getChunk(1, DATA))
    at.chain.mine(20)
    expect((await at.get(`/tx/${transaction.id}/status`)).status).toBe(200)
    expect((await at.get(`/${transaction.id}`)).status).toBe(404)
    expect((await at.get(`/${transaction.id}`, ranged(`bytes=${CHUNK}-`))).status).toBe(206)
  })

  it('serves pending data only when it is optimistic', async () => {
    const at = await house()
    const { id } = await uploaded(at, DATA)
    expect((await at.get(`/${id}`)).status).toBe(202)
    at.node.behaviour.optimistic = true
    expect(DATA.equals(await bytesOf(await at.get(`/${id}`)))).toBe(true)
  })

  it('serves the items of a bundle once it is mined, and while its data is there', async () => {
    const at = await house()
    const bundle = await uploaded(at, DATA)
    const id = b64url(noise(32, 'item'))
    at.chain.addItem({ id, bundle: bundle.id, data: noise(99), tags: [TYPE], owner: at.key.jwk.n })
    expect((await at.get(`/${id}`)).status).toBe(202)
    at.chain.mine()
    const response = await at.get(`/raw/${id}`)
    expect([response.headers.get('content-type'), (await bytesOf(response)).equals(noise(99))]).toEqual([TYPE.value, true])
    at.chain.tamper(id, 0, 0)
    expect((await bytesOf(await at.get(`/raw/${id}`)))[0]).toBe((noise(99)[0] ?? 0) ^ 1)
    at.chain.unseed(bundle.id, 0)
    expect((await at.get(`/raw/${id}`)).status).toBe(404)
  })
})

interface Listed {
  readonly pageInfo: { readonly hasNextPage: boolean }
  readonly edges: readonly {
    readonly cursor: string
    readonly node: { readonly id: string; readonly owner: { readonly address: string }; readonly tags: readonly Tag[] }
  }[]
}

const QUERY = 'query ($owners: [String!]) { transactions(owners: $owners) { edges { cursor } } }'

describe('the GraphQL of a fake Arweave gateway', { timeout: 120_000 }, () => {
  const asking = async (behaviour = {}) => {
    const at = await house(behaviour)
    const list = async (variables: object) => {
      const response = await at.post('/graphql', { query: QUERY, variables })
      return ((await response.json()) as { data: { transactions: Listed } }).data.transactions
    }
    const ids = async (variables: object) => (await list(variables)).edges.map(({ node }) => node.id)
    return { ...at, list, ids }
  }
  const app = (value: string) => ({ name: 'App', value })

  it('filters by ids, owners and tags, newest first, the pending without a block', async () => {
    const at = await asking()
    const old = await at.chain.addData({ data: noise(5), tags: [app('a'), TYPE], key: at.key })
    const other = await at.chain.addData({ data: noise(5), tags: [app('b')] })
    const item = b64url(noise(32, 'item'))
    at.chain.addItem({ id: item, bundle: other, data: noise(7), tags: [app('a')], owner: at.key.address })
    const pending = await uploaded(at, noise(6), { App: 'a' })
    expect(await at.ids({ owners: [at.key.address] })).toEqual([pending.id, item, old])
    expect(await at.ids({ tags: [{ name: 'App', values: ['b', 'c'] }] })).toEqual([other])
    expect(await at.ids({ ids: [other, old], sort: 'HEIGHT_ASC' })).toEqual([old, other])
    const block = at.chain.blockAt(1_600_001)
    expect((await at.list({ ids: [old] })).edges[0]?.node).toEqual({
      id: old,
      owner: { address: at.key.address, key: at.key.jwk.n },
      data: { size: '5', type: TYPE.value },
      tags: [app('a'), TYPE],
      block: { height: 1_600_001, timestamp: block?.timestamp, id: block?.indep_hash },
      bundledIn: null,
    })
    expect((await at.list({ ids: [pending.id] })).edges[0]?.node).toMatchObject({ block: null })
    expect((await at.list({ ids: [item] })).edges[0]?.node).toMatchObject({ bundledIn: { id: other }, data: { size: '7' } })
  })

  it('gives pages of at most 100, by cursors', async () => {
    const at = await asking()
    for (let n = 0; n < 105; n++) at.chain.addItem({ id: b64url(noise(32, `item ${n}`)), bundle: 'x', data: noise(1), owner: 'o' })
    const first = await at.list({ owners: ['o'], first: 1_000 })
    const second = await at.list({ owners: ['o'], first: 1_000, after: first.edges.at(-1)?.cursor })
    expect([first, second].map(({ edges, pageInfo }) => [edges.length, pageInfo.hasNextPage])).toEqual([
      [100, true],
      [5, false],
    ])
    expect(new Set([...first.edges, ...second.edges].map(({ node }) => node.id)).size).toBe(105)
    expect((await at.post('/graphql', { query: QUERY, variables: { after: 'nonsense' } })).status).toBe(400)
    expect((await at.post('/graphql', { query: '{ blocks }' })).status).toBe(400)
  })

  it('lists what was not asked for when it lies', async () => {
    const at = await asking({ listsForeign: true })
    const id = await at.chain.addData({ data: noise(5), tags: [app('a')], key: at.key })
    const { edges } = await at.list({ owners: [at.key.address], tags: [{ name: 'App', values: ['a'] }] })
    expect(edges.map(({ node }) => [node.owner.address === at.key.address, node.tags[0]?.value])).toEqual([
      [false, 'a'],
      [true, 'something else'],
      [true, 'a'],
    ])
    at.node.behaviour.hidesTx = [id]
    expect(await at.ids({ ids: [id] })).not.toContain(id)
  })
})

describe('a fake Arweave node that misbehaves', { timeout: 120_000 }, () => {
  it('hides transactions or their data, and chunks', async () => {
    const { chain, get, node } = await house()
    const id = await chain.addData({ data: noise(9) })
    const { offset } = (await (await get(`/tx/${id}/offset`)).json()) as { offset: string }
    const paths = [`/tx/${id}`, `/tx/${id}/status`, `/tx/${id}/offset`, `/${id}`, `/raw/${id}`, `/chunk/${offset}`]
    const statuses = async () => Promise.all(paths.map(async (path) => (await get(path)).status))
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 200])
    node.behaviour.hides = [id]
    expect(await statuses()).toEqual([200, 200, 200, 404, 404, 404])
    node.behaviour.hidesTx = [id]
    expect(await statuses()).toEqual([404, 404, 404, 404, 404, 404])
    Object.assign(node.behaviour, { hides: [], hidesTx: [], noChunks: true })
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 404])
  })

  it('confirms what nobody sent, and names any price', async () => {
    const { chain, get } = await house({ confirmsAnything: true, wrongPrice: '1' })
    const status = (await (await get(`/tx/${b64url(noise(32))}/status`)).json()) as { block_indep_hash: string; block_height: number }
    expect(status).toMatchObject({ block_height: 1_599_000, number_of_confirmations: 1_001 })
    expect([chain.blockOf(status.block_indep_hash), await (await get('/price/99')).text()]).toEqual([undefined, '1'])
  })

  it('flips a bit of what it serves, and is one byte off in its Content-Range', async () => {
    const { chain, get } = await house({ flipInData: 3, wrongContentRange: true })
    const id = await chain.addData({ data: noise(9) })
    const response = await get(`/${id}`, ranged('bytes=1-2'))
    expect(response.headers.get('content-range')).toBe('bytes 2-3/9')
    expect([...(await bytesOf(response))]).toEqual([(noise(9)[1] ?? 0) ^ 8, noise(9)[2]])
    const { offset } = (await (await get(`/tx/${id}/offset`)).json()) as { offset: string }
    const { chunk } = (await (await get(`/chunk/${offset}`)).json()) as { chunk: string }
    expect(Buffer.from(chunk, 'base64url')[0]).toBe((noise(9)[0] ?? 0) ^ 8)
  })

  it('ignores ranges slowly, and counts only what a client let it send', async () => {
    const { chain, get, node } = await house({ rangeIgnored: true })
    const data = noise(12 * CHUNK, 'ignored')
    const id = await chain.addData({ data })
    const whole = await get(`/${id}`, ranged('bytes=0-9'))
    expect([whole.status, whole.headers.get('content-range'), (await bytesOf(whole)).equals(data)]).toEqual([200, null, true])
    expect(node.bytesSent).toBe(data.byteLength)
    const cancelled = await get(`/${id}`, ranged('bytes=0-9'))
    await cancelled.body?.cancel()
    const seen = [-1]
    const stands = () => seen.push(node.bytesSent) > 0 && seen.at(-1) === seen.at(-2)
    await expect.poll(stands, { interval: 100, timeout: 20_000 }).toBe(true)
    expect(node.bytesSent).toBeLessThan(2 * data.byteLength)
  })

  it('answers everything with a refusal or a page', async () => {
    const { get, node, post } = await house({ rateLimited: 1 })
    const limited = await get('/info')
    expect([limited.status, limited.headers.get('retry-after'), (await get('/info')).status]).toEqual([429, '1', 200])
    node.behaviour.html = true
    const page = await post('/tx', {})
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    node.behaviour.denied = true
    expect((await get('/tx_anchor')).status).toBe(403)
    Object.assign(node.behaviour, { denied: false, rateLimited: true })
    expect([(await get('/info')).status, (await get('/info')).status]).toEqual([429, 429])
    expect(node.requests.at(-1)).toEqual({ index: 5, method: 'GET', path: '/info', status: 429 })
  })

  it('cuts one answer before or after it is handled', async () => {
    const at = await house({ failOnce: { method: 'POST', path: /^\/tx$/, when: 'after' } })
    const [lost, never] = [await made(at, noise(1)), await made(at, noise(2))]
    await expect(at.post('/tx', headerOf(lost))).rejects.toThrow()
    at.node.behaviour.failOnce = { method: 'POST', path: /^\/tx$/ }
    await expect(at.post('/tx', headerOf(never))).rejects.toThrow()
    expect(at.chain.payments.map(({ id }) => id)).toEqual([lost.id])
    expect((await at.post('/tx', headerOf(lost))).status).toBe(208)
  })

  it('dies at the n-th request from now on, before or after it takes effect', async () => {
    const at = await house({ latencyMs: 1 })
    const transaction = await made(at, noise(1))
    at.node.behaviour.failFrom = 2
    expect((await at.get('/info')).status).toBe(200)
    for (let n = 0; n < 2; n++) await expect(at.get('/info')).rejects.toThrow()
    at.node.behaviour.failFrom = { request: 1, handled: true }
    await expect(at.post('/tx', headerOf(transaction))).rejects.toThrow()
    await expect(at.get('/info')).rejects.toThrow()
    at.node.behaviour.failFrom = undefined
    expect((await at.get(`/tx/${transaction.id}`)).status).toBe(202)
  })

  it('never ends its headers when they are slow', async () => {
    const { get, node } = await house({ slowHeadersMs: 600_000 })
    await expect(get('/info', { signal: AbortSignal.timeout(200) })).rejects.toThrow(/timeout/)
    node.behaviour.slowHeadersMs = 1
    await expect(get('/info')).rejects.toThrow(/fetch failed/)
  })
})
