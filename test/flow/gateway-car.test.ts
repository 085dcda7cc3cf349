import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CarReader } from '@ipld/car'
import * as cbor from '@ipld/dag-cbor'
import * as pb from '@ipld/dag-pb'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VaultError } from '../../src/errors.ts'
import { type GatewayBlock, gatewayBlocks } from '../../src/flow/gateway-car.ts'
import { addressOf, DAG_CBOR, DAG_PB, RAW } from '../../src/format/address.ts'
import { readCar } from '../../src/format/car-read.ts'
import { trustlessGateway } from '../../src/ipfs.ts'
import { type FakeGateway, fakeGateway } from '../fakes/gateway.ts'

const NEVER_MS = 3_600_000

const block = (bytes: Uint8Array, codec = RAW): GatewayBlock => ({ cid: addressOf(bytes, codec), bytes })
const node = (...links: readonly CID[]) =>
  block(pb.encode(pb.prepare({ Links: links.map((Hash, i) => ({ Hash, Name: `${i}`, Tsize: 1 })) })), DAG_PB)
const prefixed = (...parts: readonly Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint.encodeTo(body.byteLength, new Uint8Array(varint.encodingLength(body.byteLength))), body])
}
const header = (value: unknown) => prefixed(cbor.encode(value))
const section = ({ cid, bytes }: GatewayBlock) => prefixed(cid.bytes, bytes)
const car = (root: CID, blocks: readonly GatewayBlock[]) => Buffer.concat([header({ version: 1, roots: [root] }), ...blocks.map(section)])

const a = block(Buffer.from('a leaf'))
const b = block(Buffer.from('another leaf'))
const inner = node(a.cid, b.cid)
const top = node(inner.cid, a.cid)
const whole = [top, inner, a, b]
const root = top.cid
const stranger = block(Buffer.from('nobody asked'))

let fake: FakeGateway
beforeEach(async () => {
  fake = await fakeGateway()
})
afterEach(() => fake[Symbol.asyncDispose]())

const open = (timeoutMs = NEVER_MS) => trustlessGateway(fake.url, { allowPrivate: true, timeoutMs })

/** What comes of a CAR: the CIDs that were given, and the code of the error at the end. */
async function reading(bytes: Uint8Array, { of = root, ...options }: { of?: CID; maxBlockBytes?: number } = {}) {
  fake.cars.set(of.toString(), bytes)
  const given: string[] = []
  try {
    for await (const { cid } of gatewayBlocks(open(), of, options)) given.push(cid.toString())
    return { given, code: undefined }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    expect(error.vault).toBe(`127.0.0.1:${fake.port}`)
    return { given, code: error.code }
  }
}

const names = (...blocks: readonly GatewayBlock[]) => blocks.map(({ cid }) => cid.toString())

describe('the CAR of a gateway', () => {
  it('is asked for by query and header alike, and gives every block once', async () => {
    expect(await reading(car(root, whole))).toEqual({ given: names(...whole), code: undefined })
    expect(fake.requests[0]?.url).toBe(`/ipfs/${root}?format=car`)
    expect(fake.requests[0]?.headers.accept).toBe('application/vnd.ipld.car;version=1;order=dfs;dups=n')
  })

  it('gives the bytes, hashed', async () => {
    fake.cars.set(root.toString(), car(root, whole))
    const given: Uint8Array[] = []
    for await (const { bytes } of gatewayBlocks(open(), root)) given.push(Buffer.from(bytes))
    expect(given).toEqual(whole.map(({ bytes }) => Buffer.from(bytes)))
  })

  it('may be in any order that has parents first, repeat blocks, and name them by either version', async () => {
    expect(await reading(car(root, [top, a, inner, b]))).toMatchObject({ code: undefined })
    expect(await reading(car(root, [top, inner, a, b, a, a]))).toEqual({ given: names(...whole), code: undefined })
    const v0 = { cid: top.cid.toV0(), bytes: top.bytes }
    expect(await reading(car(v0.cid, [v0, inner, a, b]))).toEqual({ given: names(...whole), code: undefined })
    expect(await reading(car(root, whole), { of: v0.cid })).toMatchObject({ code: undefined })
  })

  it('need not hold what a CID carries itself, whose links are followed', async () => {
    const small = node(a.cid)
    const carried = CID.createV1(DAG_PB, Digest.create(0, small.bytes))
    const parent = node(carried)
    expect(await reading(car(parent.cid, [parent, a]), { of: parent.cid })).toEqual({ given: names(parent, a), code: undefined })
    const with_ = car(parent.cid, [parent, { cid: carried, bytes: small.bytes }, a])
    expect(await reading(with_, { of: parent.cid })).toEqual({ given: names(parent, a), code: undefined })
    expect(await reading(car(parent.cid, [parent]), { of: parent.cid })).toEqual({ given: names(parent), code: 'unreachable' })
  })

  it('of a CID that carries itself is asked for by what it links to', async () => {
    const carried = CID.createV1(DAG_PB, Digest.create(0, node(inner.cid).bytes))
    fake.cars.set(inner.cid.toString(), car(inner.cid, [inner, a, b]))
    expect(await reading(new Uint8Array(0), { of: carried })).toEqual({ given: names(inner, a, b), code: undefined })
    expect(fake.requests).toHaveLength(1)
    expect(await reading(new Uint8Array(0), { of: CID.createV1(RAW, Digest.create(0, new Uint8Array(3))) })).toEqual({
      given: [],
      code: undefined,
    })
    expect(fake.requests).toHaveLength(1)
    await expect(open().carBytes(carried)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it.each<[string, () => Uint8Array, readonly GatewayBlock[], string]>([
    ['of another root', () => car(inner.cid, [inner, a, b]), [], 'damaged'],
    ['of two roots', () => Buffer.concat([header({ version: 1, roots: [root, root] }), ...whole.map(section)]), [], 'damaged'],
    ['of no root', () => Buffer.concat([header({ version: 1, roots: [] }), ...whole.map(section)]), [], 'damaged'],
    ['of version 2', () => Buffer.concat([header({ version: 2 }), car(root, whole)]), [], 'damaged'],
    ['with a block that nothing links to', () => car(root, [top, stranger, inner, a, b]), [top], 'damaged'],
    ['with such a block at its end', () => car(root, [...whole, stranger]), whole, 'damaged'],
    ['with children first', () => car(root, [a, top, inner, b]), [], 'damaged'],
    ['with other bytes', () => car(root, [top, { cid: inner.cid, bytes: Buffer.from('x') }]), [top], 'damaged'],
    ['with other bytes in a repetition', () => car(root, [...whole, { cid: a.cid, bytes: Buffer.from('x') }]), whole, 'damaged'],
    ['that repeats one block for ever', () => car(root, [...whole, ...Array<GatewayBlock>(1_100).fill(a)]), whole, 'damaged'],
    ['that ends between two blocks', () => car(root, [top, inner, a]), [top, inner, a], 'unreachable'],
    ['that ends after its header', () => car(root, []), [], 'unreachable'],
    ['that ends within a block', () => car(root, whole).subarray(0, -3), [top, inner, a], 'damaged'],
    ['that ends within its header', () => car(root, whole).subarray(0, 20), [], 'damaged'],
    ['that is empty', () => new Uint8Array(0), [], 'damaged'],
    ['with an empty section', () => Buffer.concat([car(root, [top]), Buffer.from([0])]), [top], 'damaged'],
    ['with zeros at its end', () => Buffer.concat([car(root, whole), Buffer.alloc(32)]), whole, 'damaged'],
    ['with a length without an end', () => Buffer.concat([car(root, [top]), Buffer.alloc(16, 0xff)]), [top], 'damaged'],
    ['with a header without an end', () => Buffer.from([0xff, 0xff, 0xff, 0x7f, ...Buffer.alloc(64)]), [], 'damaged'],
    [
      'with a section that is too long',
      () => Buffer.concat([car(root, [top]), Buffer.from([0x80, 0x80, 0x80, 0x80, 1, ...Buffer.alloc(16)])]),
      [top],
      'unsupported',
    ],
    ['that is a web page', () => Buffer.from('<!doctype html><p>please wait</p>'), [], 'damaged'],
  ])('%s is told', async (_, bytes, given, code) => {
    expect(await reading(bytes())).toEqual({ given: names(...given), code })
  })

  it('is refused where a block is larger than what is taken, before it is read', async () => {
    const large = block(Buffer.alloc(10_000))
    expect(await reading(car(large.cid, [large]), { of: large.cid, maxBlockBytes: 9_000 })).toEqual({ given: [], code: 'unsupported' })
  })

  it('is refused where its links cannot be followed or its hash not be checked', async () => {
    const map = block(cbor.encode({ a: a.cid }), DAG_CBOR)
    expect(await reading(car(map.cid, [map, a]), { of: map.cid })).toEqual({ given: [], code: 'unsupported' })
    const blake = { cid: CID.createV1(RAW, Digest.create(0xb220, new Uint8Array(32))), bytes: a.bytes }
    const above = node(blake.cid)
    expect(await reading(car(above.cid, [above, blake]), { of: above.cid })).toEqual({ given: names(above), code: 'unsupported' })
    fake.requests.splice(0)
    expect(await reading(car(blake.cid, [blake]), { of: blake.cid })).toEqual({ given: [], code: 'unsupported' })
    expect(fake.requests).toEqual([])
  })

  it('passes errors of the gateway on', async () => {
    fake.fault = { type: 'html' }
    expect(await reading(car(root, whole))).toMatchObject({ code: 'unreachable' })
    fake.fault = { type: 'status', status: 404 }
    expect(await reading(car(root, whole))).toMatchObject({ code: 'absent' })
    fake.fault = { type: 'cut' }
    expect(await reading(car(root, whole))).toMatchObject({ code: 'unreachable' })
    fake.fault = { type: 'redirect', to: ['http://other.example/'] }
    expect(await reading(car(root, whole))).toMatchObject({ code: 'unsupported' })
  })

  it('is left after the time limit when it stops coming', async () => {
    fake.cars.set(root.toString(), car(root, whole))
    fake.fault = { type: 'hangs-after-half' }
    const given: string[] = []
    const read = async () => {
      for await (const { cid } of gatewayBlocks(open(40), root)) given.push(cid.toString())
    }
    await expect(read()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('40 ms') })
    await fake.hungUp()
  })

  it('is let go when its reader stops, or gives up', async () => {
    const leaves = Array.from({ length: 8 }, (_, i) => block(Buffer.alloc(1_000_000, `${i}`)))
    const wide = node(...leaves.map(({ cid }) => cid))
    fake.cars.set(wide.cid.toString(), car(wide.cid, [wide, ...leaves]))
    for await (const { cid } of gatewayBlocks(open(), wide.cid)) if (cid.equals(wide.cid)) break
    await fake.hungUp()

    const stop = new AbortController()
    const read = async () => {
      for await (const _ of gatewayBlocks(open(), wide.cid, { signal: stop.signal })) stop.abort(new RangeError('enough'))
    }
    await expect(read()).rejects.toThrow(new RangeError('enough'))
  })
})

describe('CARs of others', () => {
  const vectors = new URL('../../../shared/vectors/', import.meta.url)
  const absent = !existsSync(fileURLToPath(new URL('gateway/', vectors)))
  if (absent) console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; CARs of other writers were not read`)
  const read = (name: string) => readFileSync(new URL(name, vectors))

  it.skipIf(absent).each<[string, string]>([
    ['sample-v1.car', 'perdure checks sha2-256 and sha2-512'],
    ['sample-v1-noidentity.car', 'perdure checks sha2-256 and sha2-512'],
    ['sample-v1-tailing-corrupt-section.car', 'ends in the middle of a section'],
    ['sample-v1-with-zero-len-section.car', 'a section is empty'],
    ['sample-v1-with-zero-len-section2.car', 'a section is empty'],
    ['sample-rootless-v42.car', 'not that of a CARv1'],
    ['sample-unixfs-v2.car', 'not that of a CARv1'],
    ['sample-wrapped-v2.car', 'not that of a CARv1'],
    ['sample-v2-corrupt-data-and-index.car', 'not that of a CARv1'],
    ['sample-corrupt-pragma.car', 'ends in the middle of a section'],
  ])('such as %s are refused: %s', async (name, reason) => {
    const bytes = read(`car/${name}`)
    const chunks = async function* () {
      yield bytes
    }
    const reads = async () => {
      const { root: of, blocks } = await readCar(chunks(), { maxBlockBytes: 2 ** 21 })
      if (!reason.startsWith('perdure')) for await (const _ of blocks);
      for await (const _ of gatewayBlocks({ url: 'https://gw.example', carBytes: chunks }, of));
    }
    await expect(reads()).rejects.toThrow(reason)
  })

  it.skipIf(absent)('of gateways are read as far as they go', async () => {
    const codes: Record<string, unknown> = {}
    for (const name of readdirSync(new URL('gateway/trustless_gateway_car/', vectors)).sort()) {
      const bytes = read(`gateway/trustless_gateway_car/${name}`)
      const [of = root] = await (await CarReader.fromBytes(bytes)).getRoots()
      const { given, code } = await reading(bytes, { of })
      codes[name] = [given.length, code]
    }
    expect(codes).toMatchInlineSnapshot(`
      {
        "dir-with-dag-cbor-with-links.car": [
          1,
          "unsupported",
        ],
        "dir-with-duplicate-files.car": [
          9,
          undefined,
        ],
        "file-3k-and-3-blocks-missing-block.car": [
          3,
          "unreachable",
        ],
        "single-layer-hamt-with-multi-block-files.car": [
          243,
          undefined,
        ],
        "subdir-with-mixed-block-files.car": [
          10,
          undefined,
        ],
        "subdir-with-two-single-block-files.car": [
          4,
          undefined,
        ],
      }
    `)
  })
})
