/** DAGs of other writers, imported from a gateway and served by ours: every block as it was, every file as another library reads it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CarReader } from '@ipld/car'
import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { Archive } from '../../src/contracts.ts'
import { PerdureError } from '../../src/errors.ts'
import { all, bytesOf, house } from '../flow/house.ts'
import { expectNothing, gateway } from '../flow/import-house.ts'
import { type Front, front } from './gateway-house.ts'

const vectors = new URL('../../../shared/vectors/gateway/', import.meta.url)
const absent = !existsSync(fileURLToPath(vectors))
if (absent) console.warn(`SKIPPED: vectors are not at ${vectors.pathname}; DAGs of other writers were not served`)

type Blocks = ReadonlyMap<string, Uint8Array>

/** A CAR by a library that is not ours. */
async function fixture(name: string): Promise<{ readonly bytes: Buffer; readonly root: CID; readonly blocks: Blocks }> {
  const bytes = readFileSync(new URL(name, vectors))
  const reader = await CarReader.fromBytes(bytes)
  const [root = CID.parse('')] = await reader.getRoots()
  const blocks = new Map<string, Uint8Array>()
  for (const { cid, bytes: body } of await all(reader.blocks())) blocks.set(`${cid}`, body)
  return { bytes, root, blocks }
}

const fixtures = () =>
  readdirSync(vectors, { recursive: true })
    .map((path) => path.toString())
    .filter((path) => path.endsWith('.car'))
    .sort()

/** `ipfs-unixfs-exporter` over the blocks of the CAR. */
const storeOf = (blocks: Blocks) => ({
  async *get(cid: CID) {
    const bytes = blocks.get(`${cid}`)
    if (!bytes) throw new RangeError(`no ${cid}`)
    yield bytes
  },
})

async function imported(name: string, archive: Archive): Promise<Awaited<ReturnType<typeof fixture>>> {
  const given = await fixture(name)
  const fake = await gateway()
  fake.cars.set(`${given.root}`, given.bytes)
  await archive.import(given.root, { from: fake.url, allowPrivate: true })
  return given
}

const REFUSED: Readonly<Record<string, string>> = {
  'path_gateway_dag/dag-cbor-traversal.car': 'unsupported',
  'path_gateway_dag/dag-json-traversal.car': 'unsupported',
  'path_gateway_dag/plain-cbor-that-can-be-dag-cbor.car': 'unsupported',
  'path_gateway_dag/plain-cbor-that-can-be-dag-json.car': 'unsupported',
  'path_gateway_dag/plain-cbor.car': 'unsupported',
  'path_gateway_dag/plain-json.car': 'unsupported',
  'path_gateway_tar/inside-root.car': 'malformed',
  'path_gateway_tar/outside-root.car': 'malformed',
  'trustless_gateway_car/dir-with-dag-cbor-with-links.car': 'unsupported',
  'trustless_gateway_car/file-3k-and-3-blocks-missing-block.car': 'absent',
}

const names = absent ? [] : fixtures()

async function blocksServed({ ask }: Front, { root, blocks }: { readonly root: CID; readonly blocks: Blocks }): Promise<void> {
  const { status, whole, body } = await ask(`/ipfs/${root}?format=car`)
  expect([status, whole]).toEqual([200, true])
  const sent = await CarReader.fromBytes(body)
  const given = new Map((await all(sent.blocks())).map(({ cid, bytes }) => [`${cid}`, Buffer.from(bytes)]))
  expect([...given.keys()].sort()).toEqual([...blocks.keys()].sort())
  for (const [cid, bytes] of blocks) {
    expect([cid, given.get(cid)?.equals(bytes)]).toEqual([cid, true])
    expect((await ask(`/ipfs/${cid}?format=raw`)).body.equals(bytes)).toBe(true)
  }
}

/** Everything that the other library finds under a root, asked for by its path. */
async function entriesServed({ ask }: Front, root: CID, blocks: Blocks): Promise<number> {
  let count = 0
  const visit = async (path: string): Promise<void> => {
    const entry = await exporter(`${root}${path}`, storeOf(blocks))
    const at = `/ipfs/${root}${path.split('/').map(encodeURIComponent).join('/')}`
    count++
    if (entry.type === 'directory') {
      expect([at, (await ask(`${at}/`)).status]).toEqual([at, 200])
      for await (const child of entry.entries()) await visit(`${path}/${child.name}`)
      return
    }
    const { status, body } = await ask(at)
    expect([at, status]).toEqual([at, 200])
    const isFile = entry.type === 'raw' || (entry.type === 'file' && entry.unixfs.type !== 'symlink')
    if (isFile) expect(body.equals(await bytesOf(entry.content()))).toBe(true)
  }
  await visit('')
  return count
}

describe.skipIf(absent)('the CAR of another writer', () => {
  it('is one of those that are known here', () => {
    expect(names).toHaveLength(22)
    expect(names).toEqual(expect.arrayContaining(Object.keys(REFUSED)))
  })

  it.each(names.filter((name) => !(name in REFUSED)))('%s is served block by block, as a CAR, and path by path', async (name) => {
    const { archive } = await house()
    const given = await imported(name, archive)
    const gate = await front(archive)
    await blocksServed(gate, given)
    if (!name.includes('hamt')) expect(await entriesServed(gate, given.root, given.blocks)).toBeGreaterThan(0)
  })

  it.each(Object.entries(REFUSED))('%s is not taken (%s), and nothing of it is served', async (name, code) => {
    const home = await house()
    const { root, blocks } = await fixture(name)
    const error: unknown = await imported(name, home.archive).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PerdureError)
    expect(error).toMatchObject({ code })
    await expectNothing(home)
    const { ask } = await front(home.archive)
    for (const cid of [`${root}`, ...blocks.keys()])
      for (const format of ['?format=raw', '?format=car', '']) expect((await ask(`/ipfs/${cid}${format}`)).status).toBe(404)
  })

  it.each([
    ['path_gateway_unixfs/symlink.car', 'bar', 'inode/symlink', 'foo'],
    ['path_gateway_unixfs/dir-with-percent-encoded-filename.car', 'Portugal%2C+España=Peninsula Ibérica.txt', 'text/plain', 'hello'],
  ])('%s has its names as they are', async (name, path, type, text) => {
    const { archive } = await house()
    const { root } = await imported(name, archive)
    const { ask } = await front(archive)
    const { status, headers, body } = await ask(`/ipfs/${root}/${encodeURIComponent(path)}`)
    expect([status, headers['content-type']]).toEqual([200, expect.stringContaining(type)])
    expect(`${body}`).toContain(text)
  })

  it('finds in a sharded directory what the other library finds', async () => {
    const { archive } = await house()
    const { root, blocks } = await imported('trustless_gateway_car/single-layer-hamt-with-multi-block-files.car', archive)
    const { ask } = await front(archive)
    for (const name of ['1.txt', '500.txt', '1000.txt']) {
      const found = await exporter(`${root}/${name}`, storeOf(blocks))
      if (found.type !== 'file' && found.type !== 'raw') throw new RangeError(`${name} is no file`)
      expect((await ask(`/ipfs/${root}/${name}`)).body.equals(await bytesOf(found.content()))).toBe(true)
    }
    expect((await ask(`/ipfs/${root}/1001.txt`)).status).toBe(404)
  })
})
