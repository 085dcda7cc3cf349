import { encode, type PBLink, prepare } from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { addressOf, DAG_PB, matches, RAW } from '../../src/format/address.ts'
import { type BlockSource, heliaNode } from '../../src/ipfs.ts'
import { type PinningClient, pinningClient } from '../../src/vaults/ipfs/pinning/client.ts'
import type { PinQuery } from '../../src/vaults/ipfs/pinning/list.ts'
import type { PinState } from '../../src/vaults/ipfs/pinning/pins.ts'
import { noise } from '../flow/house.ts'
import { keyOf } from './pinning/blocks.ts'
import {
  corruptsLeaf,
  fetchesRootOnly,
  gatewayHangs,
  gatewaySendsHtml,
  type Lie,
  losesBlocks,
  losesShare,
  neverFetches,
  queuesForEver,
  unpinsButCaches,
} from './pinning/lies.ts'
import { type FakePinning, startFakePinning } from './pinning/service.ts'

interface Tree {
  readonly root: CID
  readonly blocks: ReadonlyMap<string, Uint8Array>
}

/** A root, nodes of 64 links, and leaves of 256 bytes. */
function tree(leaves: number, seed = 'tree'): Tree {
  const blocks = new Map<string, Uint8Array>()
  const kept = (bytes: Uint8Array, codec: number) => {
    const cid = addressOf(bytes, codec)
    blocks.set(`${cid}`, bytes)
    return cid
  }
  const node = (links: readonly CID[]) =>
    kept(encode(prepare({ Links: links.map((Hash): PBLink => ({ Name: '', Hash, Tsize: 0 })) })), DAG_PB)
  const all = Array.from({ length: leaves }, (_, at) => kept(noise(256, `${seed} ${at}`), RAW))
  const middle = Array.from({ length: Math.ceil(leaves / 64) }, (_, at) => node(all.slice(at * 64, at * 64 + 64)))
  return { root: node(middle), blocks }
}

/** A node that has trees; `held` keeps every answer back until it resolves. */
async function origin(trees: readonly Tree[], held?: Promise<void>) {
  const all = new Map(trees.flatMap(({ blocks }) => [...blocks]))
  const source: BlockSource = {
    has: async (cid) => all.has(keyOf(cid)),
    block: async (cid) => {
      await held
      return all.get(keyOf(cid))
    },
  }
  const node = await heliaNode({ blocks: [source] })
  onTestFinished(() => node.close())
  return node
}

async function service(lie?: Lie, patienceMs = 5_000): Promise<{ readonly fake: FakePinning; readonly client: PinningClient }> {
  const fake = await startFakePinning({ patienceMs, ...(lie && { lie }) })
  onTestFinished(() => fake.close())
  return { fake, client: pinningClient({ endpoint: fake.endpoint, token: fake.token }) }
}

const reaches = (client: PinningClient, requestid: string, state: PinState) =>
  expect.poll(async () => (await client.get(requestid)).status, { timeout: 20_000 }).toBe(state)

async function listed(client: PinningClient, query: PinQuery = {}) {
  const pins = []
  for await (const pin of client.list(query)) pins.push(pin)
  return pins
}
const namesOf = async (client: PinningClient, query: PinQuery) => (await listed(client, query)).map(({ pin }) => pin.name)

const blockAt = async ({ gateway }: FakePinning, cid: CID | string) => fetch(`${gateway}/ipfs/${cid}?format=raw`)

/** What the gateway says of each block of a tree: intact, changed or not there. */
async function judged(fake: FakePinning, { blocks }: Tree) {
  const found = { intact: 0, changed: 0, absent: 0 }
  for (const [key, bytes] of blocks) {
    const answer = await blockAt(fake, key)
    const came = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 404) found.absent++
    else if (answer.status === 200 && Buffer.compare(came, bytes) === 0) found.intact++
    else found.changed++
  }
  return found
}

/** A service that lies, and a tree that it says is pinned. */
async function pinnedBy(lie: Lie, leaves = 20) {
  const content = tree(leaves)
  const node = await origin([content])
  const { fake, client } = await service(lie)
  const { requestid } = await client.add({ cid: `${content.root}`, origins: node.addresses })
  return { content, fake, client, requestid }
}

describe('an honest service', () => {
  it('gets a DAG by bitswap from its origins, block by block, and serves it by gateway and by bitswap', async () => {
    const content = tree(150)
    const node = await origin([content])
    const { fake, client } = await service()
    const { requestid, status, delegates } = await client.add({
      cid: `${content.root}`,
      name: 'tree',
      origins: node.addresses,
      meta: { a: 'b' },
    })
    expect(status).toBe('queued')
    expect(delegates).toEqual(fake.delegates)
    await reaches(client, requestid, 'pinned')
    expect((await client.get(requestid)).pin).toEqual({ cid: `${content.root}`, name: 'tree', meta: { a: 'b' } })
    expect([...fake.pulled].sort()).toEqual([...content.blocks.keys()].sort())
    expect(await judged(fake, content)).toEqual({ intact: content.blocks.size, changed: 0, absent: 0 })
    await node.close()
    const reader = await heliaNode({ bootstrap: delegates })
    onTestFinished(() => reader.close())
    expect(matches(content.root, await reader.fetch(content.root))).toBe(true)
  })

  it('is pinning while blocks are on their way, and has nothing of them when the pin is removed then', async () => {
    const content = tree(3)
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const node = await origin([content], held)
    const { fake, client } = await service()
    const { requestid } = await client.add({ cid: `${content.root}`, origins: node.addresses })
    await reaches(client, requestid, 'pinning')
    await client.remove(requestid)
    release()
    await expect(client.get(requestid)).rejects.toMatchObject({ code: 'absent' })
    expect(fake.blocks.size).toBe(0)
  })

  it('fails a pin that no peer has the blocks of, and says why', async () => {
    const node = await origin([])
    const { fake, client } = await service({}, 200)
    const { requestid } = await client.add({ cid: `${tree(1).root}`, origins: node.addresses })
    await reaches(client, requestid, 'failed')
    expect((await client.get(requestid)).info.status_details).toMatch(/\w/)
    const alone = await service({}, 100)
    await reaches(alone.client, (await alone.client.add({ cid: `${tree(1).root}` })).requestid, 'failed')
    expect(fake.blocks.size).toBe(0)
  })

  it('takes blocks from a client that calls its delegates, and goes past origins that do not answer', async () => {
    const content = tree(5)
    const node = await origin([content])
    const { client } = await service()
    const { requestid, delegates } = await client.add({ cid: `${content.root}`, origins: ['/ip4/127.0.0.1/tcp/1/p2p/nobody'] })
    await node.connect(delegates[0] ?? '')
    await reaches(client, requestid, 'pinned')
  })

  it('keeps the blocks that another pin needs, and no others', async () => {
    const [small, large, other] = [tree(64), tree(128), tree(2, 'other')]
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const [near, far] = [await origin([small, other]), await origin([large], held)]
    const { fake, client } = await service()
    const [first, third] = [await client.add({ cid: `${small.root}`, origins: near.addresses }), await client.add({ cid: `${other.root}` })]
    for (const { requestid } of [first, third]) await reaches(client, requestid, 'pinned')
    const second = await client.replace(first.requestid, { cid: `${large.root}`, origins: far.addresses })
    expect(second.requestid).not.toBe(first.requestid)
    await client.remove(third.requestid)
    expect(new Set(fake.blocks.keys())).toEqual(new Set(small.blocks.keys()))
    release()
    await expect(client.get(first.requestid)).rejects.toMatchObject({ code: 'absent' })
    await reaches(client, second.requestid, 'pinned')
    expect(new Set(fake.pulled).size).toBe(fake.pulled.length)
    expect(new Set(fake.blocks.keys())).toEqual(new Set(large.blocks.keys()))
    await client.remove(second.requestid)
    await client.remove(second.requestid)
    expect(fake.blocks.size).toBe(0)
    expect((await blockAt(fake, large.root)).status).toBe(404)
    await expect(client.replace(second.requestid, { cid: `${large.root}` })).rejects.toMatchObject({ code: 'absent' })
  })

  it('lists by every filter, and every pin once', async () => {
    const { client } = await service(queuesForEver())
    const cids = Array.from({ length: 23 }, (_, at) => `${addressOf(noise(9, `${at}`), RAW)}`)
    const added = []
    for (const [at, cid] of cids.entries())
      added.push(await client.add({ cid, name: `Pin ${at}`, meta: { even: `${at % 2 === 0}`, all: 'y' } }))
    const [first, last] = [added[0], added[22]]
    const newestFirst = added.map(({ requestid }) => requestid).reverse()
    for (const limit of [1, 10, 22, 23, 24])
      expect((await listed(client, { limit })).map(({ requestid }) => requestid)).toEqual(newestFirst)
    expect(await listed(client, { status: 'pinned' })).toEqual([])
    expect(await namesOf(client, { cid: cids.slice(3, 5) })).toEqual(['Pin 4', 'Pin 3'])
    expect(await namesOf(client, { name: 'pin 7' })).toEqual([])
    expect(await namesOf(client, { name: 'pin 7', match: 'iexact' })).toEqual(['Pin 7'])
    expect(await namesOf(client, { name: 'n 2', match: 'partial' })).toEqual(['Pin 22', 'Pin 21', 'Pin 20', 'Pin 2'])
    expect(await namesOf(client, { name: 'N 22', match: 'ipartial' })).toEqual(['Pin 22'])
    expect((await listed(client, { meta: { even: 'true', all: 'y' }, limit: 5 })).length).toBe(12)
    expect(await namesOf(client, { before: last?.created, after: first?.created, name: 'Pin 22' })).toEqual([])
    expect((await listed(client, { before: last?.created, after: first?.created, limit: 4 })).length).toBe(21)
  })

  it('refuses strangers, and what is no pin or query', async () => {
    const { fake, client } = await service()
    const stranger = pinningClient({ endpoint: fake.endpoint, token: 'another' })
    await expect(listed(stranger)).rejects.toMatchObject({ code: 'denied' })
    await expect(client.add({ cid: 'nonsense' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(listed(client, { before: 'yesterday' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(client.get('unknown')).rejects.toMatchObject({ code: 'absent' })
    expect((await fetch(`${fake.gateway}/ipfs/${tree(1).root}`)).status).toBe(406)
    expect((await fetch(`${fake.gateway}/ipfs/nonsense?format=raw`)).status).toBe(400)
  })
})

describe('a service that lies', () => {
  it('says pinned, and never fetched a block', async () => {
    const { content, fake, client, requestid } = await pinnedBy(neverFetches())
    await reaches(client, requestid, 'pinned')
    expect(fake.pulled).toEqual([])
    expect(await judged(fake, content)).toEqual({ intact: 0, changed: 0, absent: content.blocks.size })
  })

  it('says pinned, and has the root only', async () => {
    const { content, fake, client, requestid } = await pinnedBy(fetchesRootOnly())
    await reaches(client, requestid, 'pinned')
    expect(fake.pulled).toEqual([`${content.root}`])
    expect(await judged(fake, content)).toEqual({ intact: 1, changed: 0, absent: content.blocks.size - 1 })
  })

  it('says pinned, and lost 1 % of the blocks, or three of them', async () => {
    for (const [lie, leaves, absent] of [
      [losesShare(0.01), 400, 4],
      [losesBlocks(3), 40, 3],
    ] as const) {
      const { content, fake, client, requestid } = await pinnedBy(lie, leaves)
      await reaches(client, requestid, 'pinned')
      expect(fake.pulled.length).toBe(content.blocks.size)
      expect((await blockAt(fake, content.root)).status).toBe(200)
      expect(await judged(fake, content)).toEqual({ intact: content.blocks.size - absent, changed: 0, absent })
    }
  })

  it('says pinned, and serves a leaf that has changed', async () => {
    const { content, fake, client, requestid } = await pinnedBy(corruptsLeaf())
    await reaches(client, requestid, 'pinned')
    expect(await judged(fake, content)).toEqual({ intact: content.blocks.size - 1, changed: 1, absent: 0 })
  })

  it('drops a pin, and still serves its blocks from a cache', async () => {
    const { content, fake, client, requestid } = await pinnedBy(unpinsButCaches())
    await expect.poll(() => listed(client), { timeout: 20_000 }).toEqual([])
    await expect(client.get(requestid)).rejects.toMatchObject({ code: 'absent' })
    expect(await judged(fake, content)).toEqual({ intact: content.blocks.size, changed: 0, absent: 0 })
  })

  it('leaves a pin in the queue for ever', async () => {
    const { content, fake, client, requestid } = await pinnedBy(queuesForEver())
    for (let turn = 0; turn < 20; turn++) expect((await client.get(requestid)).status).toBe('queued')
    expect(fake.pulled).toEqual([])
    expect((await blockAt(fake, content.root)).status).toBe(404)
  })

  it('answers 200 with a page in place of a block', async () => {
    const { content, fake, client, requestid } = await pinnedBy(gatewaySendsHtml())
    await reaches(client, requestid, 'pinned')
    const answer = await blockAt(fake, content.root)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await answer.text()).toContain('<html>')
    fake.lie = {}
    expect(await judged(fake, content)).toMatchObject({ intact: content.blocks.size })
  })

  it('sends half of a block, and then hangs', async () => {
    const { content, fake, client, requestid } = await pinnedBy(gatewayHangs())
    await reaches(client, requestid, 'pinned')
    const [leaf = ''] = content.blocks.keys()
    const answer = await blockAt(fake, leaf)
    expect(answer.headers.get('content-length')).toBe('256')
    const reader = answer.body?.getReader()
    expect((await reader?.read())?.value?.byteLength).toBe(128)
    const more = reader?.read().then(
      () => 'came',
      () => 'broke off',
    )
    await fake.close()
    expect(await more).toBe('broke off')
  })
})
