/** What is not taken, each time with nothing stored. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CarReader } from '@ipld/car'
import * as cbor from '@ipld/dag-cbor'
import * as pb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { PerdureError } from '../../src/errors.ts'
import { DAG_CBOR, DAG_PB, RAW } from '../../src/format/address.ts'
import { house, noise } from './house.ts'
import {
  type Block,
  block,
  carOf,
  type Dag,
  dagOf,
  expectNothing,
  fileOver,
  folder,
  gateway,
  identity,
  imported,
  inCarOrder,
  serve,
} from './import-house.ts'

const leaf = block(Buffer.from('a leaf'))
const other = block(Buffer.from('another leaf'))
const unixfs = (data: UnixFS, links: readonly pb.PBLink[] = []) =>
  block(pb.encode(pb.prepare({ Data: data.marshal(), Links: [...links] })), DAG_PB)
const blake = CID.createV1(RAW, Digest.create(0xb220, new Uint8Array(32)))

/** The codes and messages of an import of that root, with and without a CAR; nothing is left of either. */
async function refusal(root: CID, dag: Dag, given?: Uint8Array): Promise<readonly { readonly code: string; readonly message: string }[]> {
  const found: { code: string; message: string }[] = []
  for (const car of given ? [true] : [true, false]) {
    const fake = await gateway()
    for (const { cid, bytes } of dag.values()) fake.hold(cid, bytes)
    if (car) fake.cars.set(root.toString(), given ?? carOf(root, [...dag.values()].reverse()))
    const home = await house()
    const error: unknown = await home.archive.import(root, { from: fake.url, allowPrivate: true }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof PerdureError)) throw error
    found.push({ code: error.code, message: error.message })
    await expectNothing(home)
  }
  return found
}

function chain(length: number, above: (child: CID) => Block): { readonly root: CID; readonly dag: Dag } {
  let top = leaf
  const dag = dagOf(top)
  for (let depth = 0; depth < length; depth++) {
    top = above(top.cid)
    dag.set(top.cid.toString(), top)
  }
  return { root: top.cid, dag }
}

describe('an import refuses, and stores nothing of', () => {
  it.each<[string, readonly Block[], string, string]>([
    ['dag-pb without UnixFS', [block(pb.encode(pb.prepare({ Links: [] })), DAG_PB)], 'unsupported', 'without UnixFS'],
    ['dag-pb whose UnixFS is none', [block(pb.encode(pb.prepare({ Data: Buffer.from('hello') })), DAG_PB)], 'malformed', 'not well-formed'],
    ['UnixFS metadata', [unixfs(new UnixFS({ type: 'metadata' }))], 'unsupported', 'neither file'],
    ['dag-cbor', [block(cbor.encode({ a: 1 }), DAG_CBOR)], 'unsupported', '0x71'],
    [
      'dag-cbor in a directory',
      [block(cbor.encode({ a: 1 }), DAG_CBOR), folder([['a', block(cbor.encode({ a: 1 }), DAG_CBOR).cid]])],
      'unsupported',
      '0x71',
    ],
    ['bytes that are no dag-pb', [block(Buffer.from([0xff, 0xff]), DAG_PB)], 'malformed', 'not well-formed'],
    ['block sizes that are not those of the parts', [leaf, fileOver([[leaf.cid, 7]])], 'malformed', 'parent'],
    ['a size of 0 for a part that has bytes', [leaf, fileOver([[leaf.cid, 0]])], 'malformed', 'parent'],
    ['a directory as a part of a file', [folder([]), fileOver([[folder([]).cid, 0]])], 'malformed', 'part of a file'],
    ['a directory that gives a raw file another size', [leaf, folder([['a', leaf.cid, 5]])], 'malformed', 'the directory says 5'],
    ['a name that leads out', [leaf, folder([['..', leaf.cid]])], 'malformed', 'lead out'],
    [
      'one name twice',
      [
        leaf,
        other,
        folder([
          ['a', leaf.cid],
          ['a', other.cid],
        ]),
      ],
      'malformed',
      'twice',
    ],
    [
      'a shard with a name in the wrong slot',
      [
        leaf,
        unixfs(new UnixFS({ type: 'hamt-sharded-directory', fanout: 256n, data: Buffer.from([1]) }), [
          { Name: '00name', Hash: leaf.cid, Tsize: 6 },
        ]),
      ],
      'malformed',
      'wrong slot',
    ],
    ['a hash function that is not checked', [folder([['a', blake]])], 'unsupported', ''],
    ['an identity CID of more than 128 bytes', [folder([['a', identity(Buffer.alloc(129))]])], 'unsupported', ''],
    ['a block of more than 2 MiB', [block(noise(2 ** 21 + 1)), folder([['a', block(noise(2 ** 21 + 1)).cid]])], 'unsupported', ''],
    ['a DAG of which a block is nowhere', [folder([['a', leaf.cid]])], 'absent', ''],
  ])('%s', async (_, blocks, code, message) => {
    const root = blocks.at(-1)?.cid ?? leaf.cid
    const found = await refusal(root, dagOf(...blocks))
    expect(found).toMatchObject([{ code }, { code }])
    for (const one of found) expect(one.message).toContain(message)
  })

  it('a root that carries itself, or whose hash cannot be checked', async () => {
    expect(await refusal(identity(Buffer.from('x')), dagOf())).toMatchObject([{ code: 'unsupported' }, { code: 'unsupported' }])
    expect(await refusal(blake, dagOf())).toMatchObject([{ code: 'unsupported' }, { code: 'unsupported' }])
  })

  it.each<[string, (child: CID) => Block, { car: boolean }]>([
    ['directories', (child) => folder([['a', child]]), { car: true }],
    ['parts of a file', (child) => fileOver([[child, 6]]), { car: true }],
    ['directories, block by block,', (child) => folder([['a', child]]), { car: false }],
  ])('10 000 %s in each other', { timeout: 120_000 }, async (_, above, form) => {
    const { root, dag } = chain(10_000, above)
    const fake = await gateway()
    serve(fake, root, dag, form)
    const home = await house()
    await expect(home.archive.import(root, { from: fake.url, allowPrivate: true })).rejects.toMatchObject({
      name: 'FormatError',
      code: 'limit',
    })
    await expectNothing(home)
  })

  it.each<[string, (child: CID) => Block]>([
    [
      'more entries than a walk lists',
      (child) =>
        folder([
          ['a', child],
          ['b', child],
        ]),
    ],
  ])('%s, although it is a handful of blocks', async (_, above) => {
    const { root, dag } = chain(60, above)
    expect(await refusal(root, dag)).toMatchObject([{ code: 'limit' }, { code: 'limit' }])
  })

  it('a CAR of another root, with other bytes, or with blocks that do not belong', async () => {
    const { root, dag } = await imported({ a: noise(600_000), b: Buffer.from('b') }, 'unixfs-v0-2015')
    const order = inCarOrder(root, dag)
    const second = order[1]?.cid ?? root
    expect(await refusal(root, dag, carOf(second, order.slice(1)))).toMatchObject([{ code: 'damaged' }])
    expect(await refusal(root, dag, carOf(root, [...order, leaf]))).toMatchObject([{ code: 'damaged' }])
    const tampered = order.map((one, i) => (i === 2 ? { ...one, bytes: Buffer.concat([one.bytes, Buffer.from('x')]) } : one))
    expect(await refusal(root, dag, carOf(root, tampered))).toMatchObject([{ code: 'damaged' }])
  })

  it('wrong bytes from every gateway', async () => {
    const { root, dag } = await imported(noise(600_000), 'unixfs-v0-2015')
    const fake = await gateway()
    serve(fake, root, dag, { car: false })
    fake.fault = { type: 'wrong-bytes' }
    const home = await house()
    await expect(home.archive.import(root, { from: fake.url, allowPrivate: true })).rejects.toMatchObject({ code: 'damaged' })
    await expectNothing(home)
  })

  it('what has no address on IPFS', async () => {
    const home = await house()
    const options = { from: 'https://gw.example' }
    await expect(home.archive.import('ipns://name', options)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(home.archive.import('https://gw.example/x', options)).rejects.toMatchObject({ code: 'malformed' })
    await expect(home.archive.import('nonsense', options)).rejects.toMatchObject({ code: 'invalid-cid' })
    await expect(home.archive.import(leaf.cid, { from: 'ftp://gw.example' })).rejects.toMatchObject({ code: 'invalid' })
    await expectNothing(home)
  })

  it('content that is sealed here under that root', async () => {
    const key = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj'
    const home = await house({ recipients: [key] })
    const { root } = await home.archive.put(Buffer.from('secret'))
    const fake = await gateway()
    await expect(home.archive.import(root, { from: fake.url, allowPrivate: true })).rejects.toMatchObject({ code: 'exists' })
    expect(fake.requests).toEqual([])
  })
})

describe('CARs of other writers', () => {
  const vectors = new URL('../../../shared/vectors/gateway/trustless_gateway_car/', import.meta.url)
  const absent = !existsSync(fileURLToPath(vectors))
  if (absent) console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; CARs of other writers were not imported`)

  it.skipIf(absent)('are imported as far as they are whole UnixFS', async () => {
    const outcomes: Record<string, unknown> = {}
    for (const name of readdirSync(vectors).sort()) {
      const bytes = readFileSync(new URL(name, vectors))
      const [root] = await (await CarReader.fromBytes(bytes)).getRoots()
      if (!root) throw new RangeError(`${name} has no root`)
      const fake = await gateway()
      fake.cars.set(root.toString(), bytes)
      const home = await house()
      outcomes[name] = await home.archive.import(root, { from: fake.url, allowPrivate: true }).then(
        ({ receipt, blocks }) => [receipt.state, blocks, receipt.byteLength],
        (error: PerdureError) => error.code,
      )
      if (typeof outcomes[name] === 'string') await expectNothing(home)
    }
    expect(outcomes).toMatchInlineSnapshot(`
      {
        "dir-with-dag-cbor-with-links.car": "unsupported",
        "dir-with-duplicate-files.car": [
          "satisfied",
          9,
          1100,
        ],
        "file-3k-and-3-blocks-missing-block.car": "absent",
        "single-layer-hamt-with-multi-block-files.car": [
          "satisfied",
          243,
          1026000,
        ],
        "subdir-with-mixed-block-files.car": [
          "satisfied",
          10,
          1069,
        ],
        "subdir-with-two-single-block-files.car": [
          "satisfied",
          4,
          43,
        ],
      }
    `)
  })
})
