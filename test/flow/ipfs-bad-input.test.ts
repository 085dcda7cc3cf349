/** Hostile DAGs, CARs and gateways against an import: a typed error each time, and nothing stored. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as pb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { PerdureError, VaultError } from '../../src/errors.ts'
import { gatewayBlocks } from '../../src/flow/gateway-car.ts'
import { DAG_PB, RAW } from '../../src/format/address.ts'
import { carHeader } from '../../src/format/pack.ts'
import { trustlessGateway } from '../../src/ipfs.ts'
import type { FakeGateway, GatewayFault } from '../fakes/gateway.ts'
import { bytesOf, house, noise } from './house.ts'
import { type Block, block, carOf, dagOf, expectNothing, fileOver, folder, gateway, identity, inCarOrder, serve } from './import-house.ts'

const MIB = 1024 * 1024
const DAG_JSON = 0x129
const leaf = block(Buffer.from('a leaf'))
const small = block(Buffer.from('small'))
const top = folder([
  ['a', leaf.cid],
  ['b', small.cid],
])
const shortened = CID.createV1(RAW, Digest.create(0x12, leaf.cid.multihash.digest.subarray(0, 10)))
const noNode = CID.createV1(DAG_PB, leaf.cid.multihash)
const sha1 = CID.createV1(RAW, Digest.create(0x11, noise(20)))

/** The code of an import that fails, with nothing left of it. */
async function importCode(root: CID, fake: FakeGateway): Promise<string> {
  const home = await house()
  const error: unknown = await home.archive.import(root, { from: fake.url, allowPrivate: true }).then(
    () => new RangeError('it was taken'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof PerdureError)) throw error
  await expectNothing(home)
  return error.code
}

/** The code with which the blocks of a CAR end, and that of the root alone. */
async function clientCodes(root: CID, fake: FakeGateway): Promise<readonly (string | undefined)[]> {
  const client = trustlessGateway(fake.url, { allowPrivate: true })
  const codeOf = async (work: () => Promise<unknown>) => {
    try {
      await work()
      return undefined
    } catch (error) {
      if (error instanceof VaultError) return error.code
      throw error
    }
  }
  const drain = async () => {
    for await (const { bytes } of gatewayBlocks(client, root)) expect(bytes.byteLength).toBeLessThanOrEqual(2 * MIB)
  }
  return [await codeOf(drain), await codeOf(() => client.block(root))]
}

describe('a DAG, by CAR and block by block', () => {
  it.each<[string, readonly Block[], string]>([
    ['with a link whose hash was shortened', [{ cid: shortened, bytes: leaf.bytes }, folder([['a', shortened]])], 'unsupported'],
    ['with a part whose hash was shortened', [{ cid: shortened, bytes: leaf.bytes }, fileOver([[shortened, 6]])], 'unsupported'],
    ['with a link of SHA-1', [{ cid: sha1, bytes: leaf.bytes }, folder([['a', sha1]])], 'unsupported'],
    ['with dag-json in it', [block(Buffer.from('{}'), DAG_JSON), folder([['a', block(Buffer.from('{}'), DAG_JSON).cid]])], 'unsupported'],
    ['whose root is dag-json', [block(Buffer.from('{}'), DAG_JSON)], 'unsupported'],
    ['with a block that is linked to as dag-pb and is none', [{ cid: noNode, bytes: leaf.bytes }, folder([['a', noNode]])], 'malformed'],
    [
      'with a node that carries itself and links to nobody’s block',
      [folder([['a', identity(fileOver([[sha1, 6]]).bytes, DAG_PB)]])],
      'unsupported',
    ],
    [
      'with a file that carries itself and lies about its size',
      [leaf, folder([['a', identity(fileOver([[leaf.cid, 7]]).bytes, DAG_PB)]])],
      'malformed',
    ],
    ['whose data is empty', [block(pb.encode(pb.prepare({ Data: new Uint8Array(0) })), DAG_PB)], 'unsupported'],
    ['whose data has no type', [block(pb.encode(pb.prepare({ Data: Buffer.from('12026869', 'hex') })), DAG_PB)], 'unsupported'],
    ['with more links than a node may have', [fileOver(Array.from({ length: 65_537 }, () => [identity(new Uint8Array(0)), 0]))], 'limit'],
  ])('%s is refused', async (_, blocks, code) => {
    const root = blocks.at(-1)?.cid ?? leaf.cid
    for (const car of [true, false]) {
      const fake = await gateway()
      for (const { cid, bytes } of blocks) fake.hold(cid, bytes)
      if (car) fake.cars.set(`${root}`, carOf(root, [...blocks].reverse()))
      expect([car, await importCode(root, fake)]).toEqual([car, code])
    }
  })

  it('is the same by either version of its CID, and is kept by the one it was asked for', async () => {
    const dag = dagOf(leaf, small, top)
    for (const [asked, sent] of [
      [top.cid, top.cid.toV0()],
      [top.cid.toV0(), top.cid],
    ] as const) {
      for (const car of [true, false]) {
        const fake = await gateway()
        serve(fake, top.cid, dag, { car: false })
        if (car) fake.cars.set(`${asked}`, carOf(sent, [{ cid: sent, bytes: top.bytes }, leaf, small]))
        const home = await house()
        const { root } = await home.archive.import(asked, { from: fake.url, allowPrivate: true })
        expect(root).toBe(`${asked}`)
        expect(`${await bytesOf(home.archive.get(root, { path: 'a' }))}`).toBe('a leaf')
      }
    }
  })

  it('of one block that is raw in one place and a file in another is read as each of them', async () => {
    const node = fileOver([[leaf.cid, 6]])
    const asRaw = CID.createV1(RAW, node.cid.multihash)
    const both = folder([
      ['file', node.cid],
      ['raw', asRaw],
    ])
    for (const car of [true, false]) {
      const fake = await gateway()
      serve(fake, both.cid, dagOf(leaf, node, both), { car: false })
      if (car) fake.cars.set(`${both.cid}`, carOf(both.cid, [both, node, leaf, { cid: asRaw, bytes: node.bytes }]))
      const home = await house()
      await home.archive.import(both.cid, { from: fake.url, allowPrivate: true })
      expect(`${await bytesOf(home.archive.get(both.cid, { path: 'file' }))}`).toBe('a leaf')
      expect(await bytesOf(home.archive.get(both.cid, { path: 'raw' }))).toEqual(Buffer.from(node.bytes))
    }
  })
})

describe('a CAR, of a gateway that has no blocks beside it', () => {
  const order = inCarOrder(top.cid, dagOf(leaf, small, top))
  const header = carHeader(top.cid)
  it.each<[string, () => Uint8Array, string]>([
    ['with a header length of 2^60', () => Buffer.from('808080808080808010'.padEnd(200, '0'), 'hex'), 'damaged'],
    ['with a header of 2 GiB', () => Buffer.from('8080808008'.padEnd(200, '0'), 'hex'), 'damaged'],
    ['with a section of 2 GiB', () => Buffer.concat([header, Buffer.from('8080808008'.padEnd(200, '0'), 'hex')]), 'unsupported'],
    ['with a section of 2^60', () => Buffer.concat([header, Buffer.from('808080808080808010'.padEnd(200, '0'), 'hex')]), 'damaged'],
    ['of a block that is too large', () => carOf(top.cid, [{ cid: top.cid, bytes: Buffer.alloc(2 * MIB + 1) }]), 'unsupported'],
    ['of another root', () => carOf(leaf.cid, [leaf]), 'damaged'],
    ['with a block that is not of it', () => carOf(top.cid, [...order, block(noise(10))]), 'damaged'],
    ['with a block that was tampered with', () => carOf(top.cid, [top, { cid: leaf.cid, bytes: Buffer.from('a lead') }, small]), 'damaged'],
    ['with the bytes of one block for another', () => carOf(top.cid, [top, { cid: leaf.cid, bytes: small.bytes }, small]), 'damaged'],
    ['that ends too early', () => carOf(top.cid, order.slice(0, -1)), 'unreachable'],
    ['that is empty', () => new Uint8Array(0), 'damaged'],
  ])('%s is refused', async (_, bytes, code) => {
    const fake = await gateway()
    fake.cars.set(`${top.cid}`, bytes())
    expect(await clientCodes(top.cid, fake)).toEqual([code, 'absent'])
    expect(await importCode(top.cid, fake)).toMatch(code === 'damaged' ? /^(damaged|absent)$/ : /^absent$/)
  })
})

describe('a gateway', () => {
  it.each<[string, GatewayFault, string]>([
    ['that sends without end', { type: 'endless' }, 'unsupported'],
    ['that announces more than a block', { type: 'content-length', length: 2 * MIB + 1 }, 'unsupported'],
    ['that sends web pages', { type: 'html' }, 'unreachable'],
    ['that breaks off', { type: 'cut' }, 'unreachable'],
    ['that sends other bytes', { type: 'wrong-bytes' }, 'damaged'],
    ['that knows nothing', { type: 'status', status: 404 }, 'absent'],
  ])('%s gives nothing to an import', async (_, fault, code) => {
    const fake = await gateway()
    serve(fake, top.cid, dagOf(leaf, small, top), { car: false })
    fake.fault = fault
    expect(await importCode(top.cid, fake)).toBe(code)
  })
})

describe('CARs of other writers', () => {
  const vectors = new URL('../../../shared/vectors/car/', import.meta.url)
  const absent = !existsSync(fileURLToPath(vectors))
  if (absent) console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; CARs of other writers were not imported`)

  it.skipIf(absent)('in place of the one that was asked for are refused', async () => {
    const names = readdirSync(vectors).sort()
    expect(names).toHaveLength(12)
    for (const name of names) {
      const fake = await gateway()
      fake.cars.set(`${top.cid}`, readFileSync(new URL(name, vectors)))
      expect([name, ...(await clientCodes(top.cid, fake))]).toEqual([name, 'damaged', 'absent'])
      expect([name, await importCode(top.cid, fake)]).toEqual([name, expect.stringMatching(/^(damaged|absent)$/)])
    }
  })
})
