/** What a gateway is asked for that it cannot give, and that it neither fails by it nor shows what is not public. */
import * as cbor from '@ipld/dag-cbor'
import * as pb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { addressOf, DAG_CBOR, DAG_PB, RAW } from '../../src/format/address.ts'
import { memory } from '../../src/vaults/memory.ts'
import { fleet, house, noise } from '../flow/house.ts'
import { block, dagOf, fileOver, folder, gateway, identity, serve } from '../flow/import-house.ts'
import { front } from './gateway-house.ts'

const DAG_JSON = 0x129
const MIB = 1024 * 1024
const digest = (code: number, byteLength: number) => CID.createV1(RAW, Digest.create(code, noise(byteLength)))

async function serving() {
  const { archive } = await fleet(['a', 'b'])
  return { archive, gate: await front(archive) }
}

describe('a CID', () => {
  it.each<[string, () => string, number]>([
    ['that nobody has', () => `${addressOf(noise(9), RAW)}`, 404],
    ['that nobody has, in version 0', () => `${addressOf(noise(9), DAG_PB).toV0()}`, 404],
    ['of a hash function that is not known', () => `${digest(0xb220, 32)}`, 404],
    ['of SHA-1', () => `${digest(0x11, 20)}`, 404],
    ['of a shortened hash', () => `${digest(0x12, 4)}`, 404],
    ['that carries more than 128 bytes', () => `${identity(Buffer.alloc(129))}`, 404],
    ['that is cut', () => `${addressOf(noise(9), RAW)}`.slice(0, -3), 400],
    ['of version 0 that is cut', () => `${addressOf(noise(9), DAG_PB).toV0()}`.slice(0, -3), 400],
    ['in a base that is not read', () => `7${addressOf(noise(9), RAW)}`, 400],
    ['of 9,000 characters', () => 'b'.repeat(9_000), 400],
    ['of NULs', () => '%00%00', 400],
  ])('%s has an answer, whatever format is asked for', async (_, cid, status) => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(Buffer.from('there'))
    for (const format of ['?format=raw', '?format=car', '', '/name', '/?format=car&dag-scope=entity']) {
      const path = `/ipfs/${cid()}${format}`
      expect([path, (await gate.ask(path)).status]).toEqual([path, status])
    }
    expect((await gate.ask(`/ipfs/${root}`)).status).toBe(200)
  })

  it('of 128 bytes is read by itself, and no object', async () => {
    const { archive, gate } = await serving()
    const cid = identity(Buffer.alloc(128, 7))
    for (const format of ['?format=raw', '']) expect((await gate.ask(`/ipfs/${cid}${format}`)).body).toEqual(Buffer.alloc(128, 7))
    expect(await archive.totals()).toMatchObject({ objects: 0, packs: 0 })
  })

  it('of another codec gives the same bytes as a block, and nothing that would have to be read by it', async () => {
    const { archive, gate } = await serving()
    const content = noise(2.5 * MIB, 'node')
    const { root } = await archive.put(content, { profile: 'unixfs-v0-2015' })
    const { multihash } = CID.parse(root)
    const plain = await gate.ask(`/ipfs/${root}?format=raw`)
    for (const code of [RAW, DAG_PB, DAG_CBOR, DAG_JSON, 0x0200]) {
      const other = CID.createV1(code, multihash)
      expect((await gate.ask(`/ipfs/${other}?format=raw`)).body).toEqual(plain.body)
      const read = await gate.ask(`/ipfs/${other}`)
      if (code === DAG_PB) expect(read.body.equals(content)).toBe(true)
      else if (code === RAW) expect(read.body).toEqual(plain.body)
      else for (const format of ['', '?format=car']) expect((await gate.ask(`/ipfs/${other}${format}`)).status).toBe(406)
    }
  })

  it('that reads other bytes as dag-pb gives the block, and a failure for the rest', async () => {
    const { archive, gate } = await serving()
    const { root } = await archive.put(Buffer.from('no node at all'))
    const node = CID.createV1(DAG_PB, CID.parse(root).multihash)
    expect(`${(await gate.ask(`/ipfs/${node}?format=raw`)).body}`).toBe('no node at all')
    for (const format of ['', '/x', '?format=car']) {
      const { status, headers } = await gate.ask(`/ipfs/${node}${format}`)
      expect([status, headers['cache-control']]).toEqual([500, 'no-store'])
    }
  })
})

describe('a CID that carries a node', () => {
  it('leads to what is used, and not to what was removed and is still there', async () => {
    const vaults = ['a', 'b'].map((id) => memory({ id, operator: id, canForget: false }))
    const { archive } = await house({ vaults })
    const gate = await front(archive)
    const open = await archive.put(noise(100, 'open'))
    const removed = await archive.put(noise(100, 'removed'))
    expect((await archive.rm(removed.root)).kept).not.toEqual([])
    const carried = (root: string) => identity(fileOver([[CID.parse(root), 100]]).bytes, DAG_PB)
    expect((await gate.ask(`/ipfs/${carried(open.root)}`)).body).toEqual(noise(100, 'open'))
    expect((await gate.ask(`/ipfs/${removed.root}`)).status).toBe(404)
    for (const format of ['', '?format=car']) {
      // Cut before its headers, or after them.
      const got = await gate.ask(`/ipfs/${carried(removed.root)}${format}`).catch(() => undefined)
      expect(got?.body.includes(noise(100, 'removed'))).not.toBe(true)
      expect(gate.answered.at(-1)).toMatchObject({ cut: true })
    }
  })

  it.each([
    ['dag-cbor', cbor.encode({ a: 1 }), DAG_CBOR, 406],
    ['dag-pb without UnixFS', pb.encode({ Links: [] }), DAG_PB, 406],
    ['bytes that are no dag-pb', Buffer.from([0xff, 0xff]), DAG_PB, 500],
    ['a directory whose name leads out', folder([['..', addressOf(noise(1), RAW)]]).bytes, DAG_PB, 500],
  ] as const)('of %s is answered with an error', async (_, bytes, codec, status) => {
    const { gate } = await serving()
    const cid = identity(bytes, codec)
    for (const format of ['', '/', '/x', '?format=car']) {
      const path = `/ipfs/${cid}${format}`
      expect([format, (await gate.ask(path)).status]).toEqual([format, status])
    }
    expect((await gate.ask(`/ipfs/${cid}?format=raw`)).status).toBe(200)
  })
})

describe('a DAG that was imported', () => {
  it('with diamonds is sent each block once, and read along any of its paths', async () => {
    let top = block(Buffer.from('deep'))
    const dag = dagOf(top)
    for (let depth = 0; depth < 18; depth++) {
      top = folder([
        ['a', top.cid],
        ['b', top.cid],
      ])
      dag.set(top.cid.toString(), top)
    }
    const fake = await gateway()
    serve(fake, top.cid, dag)
    const { archive, gate } = await serving()
    await archive.import(top.cid, { from: fake.url, allowPrivate: true })
    const { status, whole, body } = await gate.ask(`/ipfs/${top.cid}?format=car`)
    expect([status, whole]).toEqual([200, true])
    expect(body.byteLength).toBeLessThan(dag.size * 200)
    expect(`${(await gate.ask(`/ipfs/${top.cid}/${'a/b/'.repeat(9)}`)).body}`).toBe('deep')
  })
})
