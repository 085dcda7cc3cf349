import { CarReader } from '@ipld/car'
import { decode } from '@ipld/dag-pb'
import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, it, vi } from 'vitest'
import type { Archive, Profile } from '../../src/contracts.ts'
import { gatewayBlocks } from '../../src/flow/gateway-car.ts'
import { trustlessGateway } from '../../src/ipfs.ts'
import { bytesOf, contentOf, fleet, noise } from '../flow/house.ts'
import { sealedHouse } from '../flow/sealed/keys.ts'
import { type Front, front, type Got, wideTree } from './gateway-house.ts'

const MIB = 1024 * 1024

interface Block {
  readonly cid: string
  readonly bytes: Buffer
}

/** Read by the stock library, each block hashed by another one than ours. */
async function carOf({ status, body, whole, headers }: Got): Promise<{ readonly root: string; readonly blocks: readonly Block[] }> {
  expect([status, whole]).toEqual([200, true])
  expect(headers['content-type']).toMatch(/^application\/vnd\.ipld\.car; version=1; /)
  const reader = await CarReader.fromBytes(body)
  const blocks: Block[] = []
  for await (const { cid, bytes } of reader.blocks()) {
    expect(Buffer.from((await sha256.digest(bytes)).digest)).toEqual(Buffer.from(cid.multihash.digest))
    blocks.push({ cid: cid.toString(), bytes: Buffer.from(bytes) })
  }
  return { root: `${(await reader.getRoots())[0]}`, blocks }
}

/** Depth first by the links alone, written without a look at ours. */
async function walked({ ask }: Front, root: string, { dups = false } = {}): Promise<readonly string[]> {
  const held = new Map<string, Buffer>()
  const order: string[] = []
  const visit = async (cid: CID): Promise<void> => {
    const text = cid.toString()
    if (!dups && order.includes(text)) return
    order.push(text)
    if (!held.has(text)) held.set(text, (await ask(`/ipfs/${text}?format=raw`)).body)
    if (cid.code === 0x70) for (const { Hash } of decode(Buffer.from(held.get(text) ?? [])).Links) await visit(Hash)
  }
  await visit(CID.parse(root))
  return order
}

const names = (blocks: readonly Block[]) => blocks.map(({ cid }) => cid)

async function serving() {
  const { archive } = await fleet(['a', 'b'])
  return { archive, gate: await front(archive) }
}

const nested = () => [
  { path: 'deep/er/most/file.bin', content: noise(2.5 * MIB, 'deep') },
  { path: 'deep/twice.bin', content: noise(2.5 * MIB, 'deep') },
  { path: 'zeros.bin', content: Buffer.alloc(4 * MIB) },
  { path: 'a.txt', content: Buffer.from('a') },
]

async function roots(archive: Archive): Promise<readonly (readonly [string, string])[]> {
  const put = async (...args: Parameters<Archive['put']>) => (await archive.put(...args)).root
  const file = (profile: Profile) => put(noise(5 * MIB + 7, profile), { profile })
  return [
    ['a file', await file('unixfs-v1-2025')],
    ['a file of dag-pb leaves', await file('unixfs-v0-2015')],
    ['one block', await put(Buffer.from('small'))],
    ['an empty file', await put(Buffer.alloc(0))],
    ['a tree with blocks that repeat', await put(nested())],
    ['a sharded directory', await put(wideTree())],
  ]
}

describe('a CAR of everything', () => {
  it('is depth first, each block once, and what our own client reads', async () => {
    const { archive, gate } = await serving()
    const client = trustlessGateway(gate.server.url, { allowPrivate: true })
    for (const [what, root] of await roots(archive)) {
      const got = await gate.ask(`/ipfs/${root}?format=car`)
      const { blocks, ...car } = await carOf(got)
      expect([what, car.root]).toEqual([what, root])
      expect(got.headers['content-type']).toContain('order=dfs; dups=n')
      expect(names(blocks)).toEqual(what === 'a sharded directory' ? [...new Set(names(blocks))] : await walked(gate, root))
      const read: string[] = []
      for await (const { cid } of gatewayBlocks(client, CID.parse(root))) read.push(cid.toString())
      expect(read).toEqual(names(blocks))
    }
  })

  it('holds what the stock exporter needs to read the same bytes', async () => {
    const { archive, gate } = await serving()
    const tree = wideTree()
    const { root } = await archive.put(tree)
    const { blocks } = await carOf(await gate.ask(`/ipfs/${root}?format=car`))
    const held = new Map(blocks.map(({ cid, bytes }) => [cid, bytes]))
    const store = {
      async *get(cid: CID) {
        yield new Uint8Array(held.get(cid.toString()) ?? [])
      },
    }
    const picked = tree[700]
    const entry = await exporter(`${root}/${picked?.path}`, store as never)
    if (!('content' in entry)) expect.fail('it is a file')
    expect(await bytesOf(entry.content())).toEqual(picked?.content)
  })

  it('repeats blocks with dups=y, and gives them as they are stored with order=unk', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(nested())
    const once = names((await carOf(await gate.ask(`/ipfs/${root}?format=car`))).blocks)
    const repeated = await gate.ask(`/ipfs/${root}`, { headers: { accept: 'application/vnd.ipld.car; order=dfs; dups=y' } })
    expect(repeated.headers['content-type']).toContain('order=dfs; dups=y')
    expect(names((await carOf(repeated)).blocks)).toEqual(await walked(gate, root, { dups: true }))
    const stored = await gate.ask(`/ipfs/${root}?format=car&car-order=unk`)
    expect(stored.headers['content-type']).toContain('order=unk; dups=n')
    const { blocks, ...car } = await carOf(stored)
    expect([car.root, names(blocks).at(-1)]).toEqual([root, root])
    expect(names(blocks).toSorted()).toEqual(once.toSorted())
  })

  it('is given by a CID of the other version, and names it as it was asked for', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(noise(MIB, 'v0'), { profile: 'unixfs-v0-2015' })
    const other = CID.parse(root).toV1().toString()
    const { blocks, ...car } = await carOf(await gate.ask(`/ipfs/${other}?format=car`))
    expect([car.root, names(blocks)[0]]).toEqual([other, other])
    expect((await gate.ask(`/ipfs/${other}?format=raw`)).body).toEqual((await gate.ask(`/ipfs/${root}?format=raw`)).body)
  })
})

describe('a part of a DAG', () => {
  it('begins with the blocks of the path', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(nested())
    const all = await walked(gate, root)
    const path = 'deep/er/most/file.bin'
    const { blocks, ...car } = await carOf(await gate.ask(`/ipfs/${root}/${path}?format=car`))
    expect(car.root).toBe(root)
    // The root, three directories, the file's node and its three leaves; the walk meets them in that order.
    expect(names(blocks)).toHaveLength(8)
    expect(all.filter((cid) => names(blocks).includes(cid))).toEqual(names(blocks))
    const shallow = await carOf(await gate.ask(`/ipfs/${root}/${path}?format=car&dag-scope=block`))
    expect(names(shallow.blocks)).toEqual(names(blocks).slice(0, 5))
  })

  it('is the top alone, or the entity: a file whole, a directory without what its names lead to', async () => {
    const { archive, gate } = await serving()
    const tree = await archive.put(nested())
    const file = await archive.put(noise(3 * MIB, 'entity'))
    const scope = async (root: string, of: string) =>
      names((await carOf(await gate.ask(`/ipfs/${root}?format=car&dag-scope=${of}`))).blocks)
    expect(await scope(tree.root, 'block')).toEqual([tree.root])
    expect(await scope(tree.root, 'entity')).toEqual([tree.root])
    expect(await scope(file.root, 'block')).toEqual([file.root])
    expect(await scope(file.root, 'entity')).toEqual(await walked(gate, file.root))
    const wide = await archive.put(wideTree())
    const shards = await scope(wide.root, 'entity')
    expect(shards.length).toBeGreaterThan(10)
    expect(shards.length).toBeLessThan(400)
    expect(new Set(shards.map((cid) => CID.parse(cid).code))).toEqual(new Set([0x70]))
  })

  it.each<[string, number, readonly number[]]>([
    ['0:*', 0, [0, 1, 2, 3, 4]],
    ['0:0', 0, [0]],
    [`${MIB}:${MIB}`, 0, [1]],
    [`${MIB - 1}:${MIB}`, 0, [0, 1]],
    ['-1:*', 0, [4]],
    [`-${MIB}:-2`, 0, [3, 4]],
    [`${2 * MIB}:-${MIB + 100}`, 0, [2, 3]],
    ['-99999999:9', 0, [0]],
    [`${4 * MIB}:99999999`, 0, [4]],
    ['5:4', 0, []],
  ])('holds the leaves of entity-bytes=%s and no others', async (bytes, _, leaves) => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(noise(4 * MIB + 100, 'range'))
    const [top, ...below] = await walked(gate, root)
    const got = await carOf(await gate.ask(`/ipfs/${root}?format=car&entity-bytes=${bytes}`))
    expect(names(got.blocks)).toEqual([top, ...leaves.map((at) => below[at])])
  })

  it('passes over entity-bytes of a directory, and refuses those behind the end of a file', async () => {
    const { archive, gate } = await serving()
    const tree = await archive.put(nested())
    expect(names((await carOf(await gate.ask(`/ipfs/${tree.root}?format=car&entity-bytes=0:9`))).blocks)).toEqual([tree.root])
    const { root } = await archive.put(noise(100))
    expect((await gate.ask(`/ipfs/${root}?format=car&entity-bytes=100:*`)).status).toBe(400)
  })

  it.each([
    ['?format=car&dag-scope=most', {}, 400],
    ['?format=car&entity-bytes=1', {}, 400],
    ['?format=car&entity-bytes=a:b', {}, 400],
    ['?format=car&car-version=2', {}, 400],
    ['?format=car&car-order=bfs', {}, 400],
    ['?format=car&car-dups=x', {}, 400],
    ['?format=tar', {}, 400],
    ['', { accept: 'application/vnd.ipld.car; version=2' }, 406],
    ['', { accept: 'application/vnd.ipld.car; order=bfs' }, 406],
    ['', { accept: 'application/vnd.ipld.dag-json' }, 406],
    ['/no/such/path?format=car', {}, 404],
  ])('is refused when it cannot be as asked for: %s %j', async (rest, headers, status) => {
    const { archive, gate } = await serving()
    const { root } = await archive.put([{ path: 'x', content: Buffer.from('x') }])
    expect((await gate.ask(`/ipfs/${root}${rest}`, { headers })).status).toBe(status)
  })

  it('takes the second choice of a client where the first is not given', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(noise(10))
    const accept = 'application/vnd.ipld.car;order=bfs, application/vnd.ipld.car;order=dfs;dups=y;q=0.5, */*;q=0.1'
    const got = await gate.ask(`/ipfs/${root}`, { headers: { accept } })
    expect(got.headers['content-type']).toContain('dups=y')
    expect(got.headers['content-location']).toBe(`/ipfs/${root}?format=car&car-version=1&car-order=dfs&car-dups=y`)
  })

  it('has a tag of its own for everything that makes it differ', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(noise(3 * MIB, 'tags'))
    const of = ['', '&dag-scope=block', '&dag-scope=entity', '&entity-bytes=0:9', '&entity-bytes=0:8', '&car-dups=y', '&car-order=unk']
    const tags = await Promise.all(of.map(async (query) => (await gate.ask(`/ipfs/${root}?format=car${query}`)).headers.etag))
    expect(new Set(tags).size).toBe(of.length)
    for (const tag of tags) expect(tag).toMatch(/^W\/"/)
    const again = await gate.ask(`/ipfs/${root}?format=car`, { headers: { 'if-none-match': `"other", ${tags[0]}` } })
    expect([again.status, again.body.byteLength, again.headers.etag]).toEqual([304, 0, tags[0]])
  })
})

describe('blocks that are not what they should be', () => {
  const leaves = 40

  it('never reach a client: the other copy is read, and what no copy has cuts the CAR off', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const gate = await front(archive)
    const content = noise(leaves * MIB, 'damage')
    const { root } = await archive.put(content)
    const half = (leaves / 2) * MIB
    members.a.faults.flip = { where: 'all', offset: half }
    expect((await carOf(await gate.ask(`/ipfs/${root}?format=car`))).blocks).toHaveLength(leaves + 1)
    expect((await gate.ask(`/ipfs/${root}`)).body.equals(content)).toBe(true)
    members.b.faults.flip = { where: 'all', offset: half }
    for (const query of ['?format=car', '?format=car&car-order=unk', '']) {
      const got = await gate.ask(`/ipfs/${root}${query}`)
      expect([query, got.status, got.whole]).toEqual([query, 200, false])
      if (query === '') expect(content.subarray(0, got.body.byteLength).equals(got.body)).toBe(true)
    }
    await vi.waitFor(() => expect(gate.answered.filter(({ cut }) => cut)).toHaveLength(3))
    expect(gate.answered.at(-1)?.reason).toContain('no replica gave intact bytes')
    // What stands before the leaves moves that offset into the one before.
    const top = decode((await gate.ask(`/ipfs/${root}?format=raw`)).body)
    const damaged = top.Links[leaves / 2 - 1]?.Hash
    expect((await gate.ask(`/ipfs/${damaged}?format=raw`)).status).toBe(502)
  })

  it('are 502 when the first of them is already missing', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const gate = await front(archive)
    const { root } = await archive.put(noise(3 * MIB, 'gone'))
    for (const member of [members.a, members.b]) for (const at of contentOf(member)) member.store.delete(at)
    for (const query of ['?format=raw', '?format=car', '']) {
      const got = await gate.ask(`/ipfs/${root}${query}`)
      expect([got.status, got.headers['content-type']]).toEqual([502, 'text/plain; charset=utf-8'])
    }
  })
})

describe('what is sealed', () => {
  it('is answered as what is not there, whatever is asked for', async () => {
    const { archive } = await sealedHouse()
    const gate = await front(archive)
    const sealed = await archive.put(noise(3 * MIB, 'secret'))
    const open = await archive.put(noise(3 * MIB, 'open'), { public: true })
    const unknown = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    for (const query of ['', '?format=raw', '?format=car', '?format=car&dag-scope=block'])
      for (const method of ['GET', 'HEAD']) {
        const [one, other] = await Promise.all([sealed.root, unknown].map((root) => gate.ask(`/ipfs/${root}${query}`, { method })))
        expect(one).toEqual({ ...other, headers: { ...other?.headers, date: one?.headers.date } })
        expect(one?.status).toBe(404)
      }
    expect((await gate.ask(`/ipfs/${open.root}?format=raw`)).status).toBe(200)
    const cached = { headers: { 'cache-control': 'only-if-cached' } }
    expect((await gate.ask(`/ipfs/${sealed.root}?format=raw`, cached)).status).toBe(412)
    expect((await gate.ask(`/ipfs/${open.root}?format=raw`, cached)).status).toBe(200)
  })

  it('goes for what was removed: a block that no object uses is not given', async () => {
    const { archive } = await fleet(['a', 'b'])
    const gate = await front(archive)
    const { root } = await archive.put(noise(3 * MIB, 'forgotten'))
    expect((await gate.ask(`/ipfs/${root}?format=raw`)).status).toBe(200)
    await archive.rm(root)
    expect((await gate.ask(`/ipfs/${root}?format=raw`)).status).toBe(404)
  })
})
