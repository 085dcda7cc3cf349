import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CarReader } from '@ipld/car'
import * as pb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { describe, expect, it } from 'vitest'
import type { ImportEvent, Profile } from '../../src/contracts.ts'
import { ConfigError } from '../../src/errors.ts'
import { DAG_PB } from '../../src/format/address.ts'
import { all, bytesOf, fileOf, house, noise, spooled } from './house.ts'
import {
  asked,
  block,
  carOf,
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

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./import-crash.child.ts', import.meta.url))
const V0 = 'unixfs-v0-2015'
const V1 = 'unixfs-v1-2025'
const PROFILES: readonly Profile[] = [V0, V1]

describe('an import', () => {
  it.each(PROFILES)('keeps the root of a file of %s, and all of its bytes', async (profile) => {
    const home = await house()
    const fake = await gateway()
    const content = noise(3_200_000, profile)
    const { root, dag } = await imported(content, profile)
    serve(fake, root, dag)
    const events: ImportEvent[] = []
    const report = await home.archive.import(`ipfs://${root}`, {
      from: fake.url,
      allowPrivate: true,
      name: 'noise.bin',
      onProgress: (event) => void events.push(event),
    })
    expect(report).toMatchObject({ root: root.toString(), cid: root.toString(), blocks: dag.size })
    expect(report.bytesFetched).toBe([...dag.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0))
    expect(report.receipt).toMatchObject({
      state: 'satisfied',
      complete: true,
      visibility: 'public',
      profile,
      byteLength: 3_200_000,
      name: 'noise.bin',
    })
    expect(report.receipt.replicas).toHaveLength(2)
    expect(events.filter(({ type }) => type === 'block-fetched')).toHaveLength(dag.size)
    expect(Buffer.compare(await bytesOf(home.archive.get(root)), content)).toBe(0)
    expect(asked(fake)).toEqual({ cars: 1, blocks: 0 })
    expect(await spooled(home.folder)).toEqual([])
    expect((await home.archive.verify(root)).state).toBe('satisfied')
  })

  it.each(PROFILES)('is the object that put makes of the same files under %s', async (profile) => {
    const contents = {
      'a/one.bin': noise(1_500_000, 'one'),
      'a/two.txt': Buffer.from('two'),
      'three.txt': Buffer.from('three'),
      empty: Buffer.alloc(0),
    }
    const { root, dag } = await imported(contents, profile)
    const fake = await gateway()
    serve(fake, root, dag)
    const [mine, theirs] = [await house(), await house()]
    const { receipt } = await mine.archive.import(root, { from: fake.url, allowPrivate: true })
    const put = await theirs.archive.put(
      Object.entries(contents).map(([path, content]) => ({ path, content })),
      { profile },
    )
    expect(receipt.root).toBe(put.root)
    expect(receipt.byteLength).toBe(put.byteLength)
    expect(receipt.packs.map(({ blocks }) => blocks)).toEqual(put.packs.map(({ blocks }) => blocks))
    const target = join(mine.folder, 'out')
    await mine.archive.restore(root, target)
    for (const [path, bytes] of Object.entries(contents)) expect(Buffer.compare(await readFile(join(target, path)), bytes), path).toBe(0)
    expect((await mine.archive.restore(root, target)).reused).toBe(4)
  })

  it('stores children before parents and the root last, each once', async () => {
    const { root, dag } = await imported({ 'x/a': noise(600_000), 'y/a': noise(600_000), 'y/b': noise(10) }, V0)
    const fake = await gateway()
    serve(fake, root, dag)
    const home = await house()
    const { receipt } = await home.archive.import(root, { from: fake.url, allowPrivate: true })
    const [replica] = receipt.replicas
    if (!replica) throw new RangeError('no replica')
    const car = await CarReader.fromBytes(await readFile(fileOf(home.folder, replica)))
    const order = (await all(car.cids())).map(String)
    expect(order.at(-1)).toBe(root.toString())
    expect(new Set(order).size).toBe(order.length)
    expect(order).toHaveLength(dag.size)
    for (const { cid, bytes } of dag.values()) {
      if (cid.code !== DAG_PB) continue
      for (const { Hash } of pb.decode(bytes).Links) expect(order.indexOf(Hash.toString())).toBeLessThan(order.indexOf(cid.toString()))
    }
  })

  it.each(PROFILES)('takes sharded directories of %s', async (profile) => {
    const contents = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`file-${i}`, Buffer.from(`content ${i}`)]))
    const { root, dag } = await imported(contents, profile, { shardSplitThresholdBytes: 2_000 })
    expect(UnixFS.unmarshal(pb.decode(dag.get(root.toString())?.bytes ?? Buffer.alloc(0)).Data ?? Buffer.alloc(0)).type).toBe(
      'hamt-sharded-directory',
    )
    const fake = await gateway()
    serve(fake, root, dag)
    const home = await house()
    const { receipt } = await home.archive.import(root, { from: fake.url, allowPrivate: true })
    expect(receipt).toMatchObject({
      root: root.toString(),
      byteLength: Object.values(contents).reduce((sum, { byteLength }) => sum + byteLength, 0),
    })
    const paths = (await all(home.archive.entries(root))).map(({ path }) => path).sort()
    expect(paths).toEqual(['', ...Object.keys(contents)].sort())
    expect((await bytesOf(home.archive.get(root, { path: 'file-699' }))).toString()).toBe('content 699')
  })

  it('takes layouts of other writers, which a second restore knows again', async () => {
    const { root, dag } = await imported({ odd: noise(1_000_000) }, V1, { chunkSize: 70_000 })
    const fake = await gateway()
    serve(fake, root, dag)
    const home = await house()
    await home.archive.import(root, { from: fake.url, allowPrivate: true })
    const target = join(home.folder, 'out')
    await home.archive.restore(root, target)
    expect((await home.archive.restore(root, target)).reused).toBe(1)
    const changed = noise(1_000_000)
    changed.writeUInt8(changed.readUInt8(999_999) ^ 1, 999_999)
    await writeFile(join(target, 'odd'), changed)
    await expect(home.archive.restore(root, target)).rejects.toMatchObject({ code: 'exists' })
  })

  it('of a path is of what lies there, and says both', async () => {
    const { root, dag } = await imported({ 'a/b/c.txt': Buffer.from('c'), 'a/d': noise(400_000) }, V1)
    const fake = await gateway()
    serve(fake, root, dag, { car: false })
    const home = await house()
    const report = await home.archive.import(`https://named.example/ipfs/${root}/a/b/c.txt`, { from: [fake.url], allowPrivate: true })
    expect(report).toMatchObject({ cid: root.toString(), path: 'a/b/c.txt', receipt: { name: 'c.txt', byteLength: 1 } })
    expect(report.root).not.toBe(root.toString())
    expect((await bytesOf(home.archive.get(report.root))).toString()).toBe('c')
    await expect(home.archive.status(root)).rejects.toMatchObject({ code: 'unknown-root' })
    await expect(home.archive.import(`${root}/a/x`, { from: fake.url, allowPrivate: true })).rejects.toMatchObject({ code: 'no-such-path' })
  })

  it('takes a symlink and an empty directory', async () => {
    const link = block(
      pb.encode(pb.prepare({ Data: new UnixFS({ type: 'symlink', data: Buffer.from('a/b') }).marshal(), Links: [] })),
      DAG_PB,
    )
    const top = folder([
      ['link', link.cid],
      ['none', folder([]).cid],
    ])
    const fake = await gateway()
    serve(fake, top.cid, dagOf(link, top, folder([])))
    const home = await house()
    await home.archive.import(top.cid, { from: fake.url, allowPrivate: true })
    expect((await all(home.archive.entries(top.cid))).map(({ path, kind }) => [path, kind])).toEqual([
      ['', 'directory'],
      ['link', 'symlink'],
      ['none', 'directory'],
    ])
    expect((await home.archive.import(link.cid, { from: fake.url, allowPrivate: true })).receipt.root).toBe(link.cid.toString())
  })

  it('reads what CIDs carry themselves, and does not store it', async () => {
    const leaf = block(Buffer.from('a block of its own'))
    const small = fileOver([[leaf.cid, 18]])
    const carried = identity(small.bytes, DAG_PB)
    const top = folder([
      ['inline', identity(Buffer.from('inline'))],
      ['file', carried],
    ])
    const fake = await gateway()
    serve(fake, top.cid, dagOf(leaf, top))
    const home = await house()
    const { receipt } = await home.archive.import(top.cid, { from: fake.url, allowPrivate: true })
    expect(receipt).toMatchObject({ byteLength: 24, packs: [{ blocks: 2 }] })
    expect((await bytesOf(home.archive.get(top.cid, { path: 'inline' }))).toString()).toBe('inline')
    expect((await bytesOf(home.archive.get(top.cid, { path: 'file' }))).toString()).toBe('a block of its own')
  })

  it('finds a block that is linked to in both versions under both', async () => {
    const one = fileOver([[block(Buffer.from('x')).cid, 1]])
    const top = folder([
      ['v0', one.cid.toV0()],
      ['v1', one.cid],
    ])
    const fake = await gateway()
    serve(fake, top.cid, dagOf(block(Buffer.from('x')), one, top))
    const home = await house()
    await home.archive.import(top.cid, { from: fake.url, allowPrivate: true })
    for (const path of ['v0', 'v1']) expect((await bytesOf(home.archive.get(top.cid, { path }))).toString()).toBe('x')
  })

  it('takes thousands of directories in each other, and diamonds once', async () => {
    let top = block(Buffer.from('deep'))
    const dag = dagOf(top)
    for (let depth = 0; depth < 3_000; depth++) {
      // Twenty doublings: a million paths to the one file, and a walk can list them.
      top = folder(
        depth < 20
          ? [
              ['a', top.cid],
              ['b', top.cid],
            ]
          : [['a', top.cid]],
      )
      dag.set(top.cid.toString(), top)
    }
    const fake = await gateway()
    serve(fake, top.cid, dag)
    const home = await house()
    const { receipt } = await home.archive.import(top.cid, { from: fake.url, allowPrivate: true })
    expect(receipt).toMatchObject({ byteLength: 4 * 2 ** 20, packs: [{ blocks: dag.size }] })
    expect((await bytesOf(home.archive.get(top.cid, { path: 'a/'.repeat(3_000) }))).toString()).toBe('deep')
  })
})

describe('gateways of an import', () => {
  const twice = async () => ({
    fake: await gateway(),
    other: await gateway(),
    home: await house(),
    ...(await imported(noise(2_500_000), V0)),
  })

  it('are asked for blocks where there is no CAR', async () => {
    const { fake, home, root, dag } = await twice()
    serve(fake, root, dag, { car: false })
    const report = await home.archive.import(root, { from: fake.url, allowPrivate: true })
    expect(report.blocks).toBe(dag.size)
    expect(asked(fake)).toEqual({ cars: 1, blocks: dag.size })
    expect(Buffer.compare(await bytesOf(home.archive.get(root)), noise(2_500_000))).toBe(0)
  })

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['between two blocks', (bytes) => bytes],
    ['within a block', (bytes) => bytes.subarray(0, -20)],
  ])('are asked for what a CAR lacks that ends %s', async (_, cut) => {
    const { fake, home, root, dag } = await twice()
    serve(fake, root, dag)
    const order = inCarOrder(root, dag)
    fake.cars.set(root.toString(), cut(carOf(root, order.slice(0, 6))))
    const report = await home.archive.import(root, { from: fake.url, allowPrivate: true })
    expect(report.blocks).toBe(dag.size)
    expect(asked(fake).blocks).toBe(dag.size - (cut(Buffer.alloc(100)).byteLength < 100 ? 5 : 6))
  })

  it('may each hold a part', async () => {
    const { fake, other, home, root, dag } = await twice()
    for (const [index, one] of [...dag.values()].entries()) (index % 2 === 0 ? fake : other).hold(one.cid, one.bytes)
    expect((await home.archive.import(root, { from: [fake.url, other.url], allowPrivate: true })).root).toBe(root.toString())
  })

  it('that lie are passed over where another tells the truth', async () => {
    const { fake, other, home, root, dag } = await twice()
    const order = inCarOrder(root, dag)
    fake.cars.set(
      root.toString(),
      carOf(
        root,
        order.map((one, i) => (i === 3 ? { ...one, bytes: Buffer.from('x') } : one)),
      ),
    )
    serve(other, root, dag)
    await home.archive.import(root, { from: [fake.url, other.url], allowPrivate: true })
    expect(asked(fake)).toEqual({ cars: 1, blocks: 0 })
    expect(Buffer.compare(await bytesOf(home.archive.get(root)), noise(2_500_000))).toBe(0)
  })

  it('have to be named, by an option or by the URL', async () => {
    const { fake, home, root, dag } = await twice()
    serve(fake, root, dag)
    await expect(home.archive.import(root)).rejects.toThrow(ConfigError)
    await expect(home.archive.import(`ipfs://${root}`, { from: [] })).rejects.toThrow(/no gateway was named/)
    await expectNothing(home)
    await expect(home.archive.import(`${fake.url}/ipfs/${root}`)).rejects.toMatchObject({ message: expect.stringContaining('private') })
    expect(fake.requests).toEqual([])
    expect((await home.archive.import(`${fake.url}/ipfs/${root}`, { allowPrivate: true })).root).toBe(root.toString())
  })
})

describe('what is here already', () => {
  it('is not asked for when it is imported again, and gets the new name', async () => {
    const fake = await gateway()
    const home = await house()
    const { root, dag } = await imported(noise(1_000_000), V0)
    serve(fake, root, dag)
    const options = { from: fake.url, allowPrivate: true }
    const first = await home.archive.import(root, options)
    fake.requests.splice(0)
    const report = await home.archive.import(root, { ...options, name: 'again' })
    expect(report).toMatchObject({ blocks: 0, bytesFetched: 0, receipt: { state: 'satisfied', name: 'again' } })
    expect(fake.requests).toEqual([])
    expect(report.receipt.packs).toEqual(first.receipt.packs)
    expect(await home.archive.totals()).toMatchObject({ objects: 1 })
  })

  it('as a part is not asked for block by block, and not stored again from a CAR', async () => {
    const fake = await gateway()
    const content = noise(3_000_000)
    const { root, dag } = await imported({ big: content, small: Buffer.from('small') }, V1)
    serve(fake, root, dag, { car: false })
    const home = await house()
    const put = await home.archive.put(content)
    const report = await home.archive.import(root, { from: fake.url, allowPrivate: true })
    expect(report).toMatchObject({ blocks: 2, receipt: { root: root.toString() } })
    expect(dag.has(put.root)).toBe(true)

    const second = await house()
    await second.archive.put(content)
    serve(fake, root, dag)
    const { receipt } = await second.archive.import(root, { from: fake.url, allowPrivate: true })
    expect(receipt.packs.map(({ blocks }) => blocks).sort()).toEqual([2, 4])
    expect(Buffer.compare(await bytesOf(second.archive.get(root, { path: 'big' })), content)).toBe(0)
  })

  it('inside of an object that was put needs no gateway that answers', async () => {
    const fake = await gateway()
    const home = await house()
    const put = await home.archive.put([
      { path: 'in/one', content: noise(2_000_000) },
      { path: 'in/two', content: Buffer.from('two') },
    ])
    const entry = (await all(home.archive.entries(put.root))).find(({ path }) => path === 'in')
    const report = await home.archive.import(`${put.root}/in`, { from: fake.url, allowPrivate: true })
    expect(report).toMatchObject({ root: entry?.cid.toString(), path: 'in', blocks: 0, receipt: { byteLength: 2_000_003 } })
    expect(fake.requests).toEqual([])
  })
})

describe('an import that ends early', () => {
  it('leaves nothing, and can be begun again', async () => {
    const fake = await gateway()
    const home = await house()
    const { root, dag } = await imported(noise(2_500_000), V0)
    serve(fake, root, dag)
    for (const last of [1, 4, dag.size]) {
      const stop = new AbortController()
      let seen = 0
      const onProgress = ({ type }: ImportEvent) => {
        if (type === 'block-fetched' && ++seen === last) stop.abort(new RangeError('enough'))
      }
      const ended = home.archive.import(root, { from: fake.url, allowPrivate: true, signal: stop.signal, onProgress })
      await expect(ended).rejects.toThrow('enough')
      await expectNothing(home)
    }
    expect((await home.archive.import(root, { from: fake.url, allowPrivate: true })).receipt.state).toBe('satisfied')
  })

  it.each<[type: ImportEvent['type'], nth: number]>([
    ['block-fetched', 5],
    ['pack-closed', 1],
  ])('since its process was killed at %s is forgotten at the next opening, and can be begun again', async (type, nth) => {
    const fake = await gateway()
    const home = await house()
    await home.archive.close()
    const { root, dag } = await imported(noise(2_500_000), V0)
    serve(fake, root, dag)
    const dying = run(process.execPath, [CHILD, home.folder, `${fake.url}/ipfs/${root}`, type, String(nth)])
    await expect(dying).rejects.toMatchObject({ signal: 'SIGKILL' })
    expect(await spooled(home.folder)).not.toEqual([])
    await home.reopen()
    await expectNothing(home)
    expect((await home.archive.import(root, { from: fake.url, allowPrivate: true })).receipt.state).toBe('satisfied')
  })

  it('by a full spool stores nothing', async () => {
    const fake = await gateway()
    const { root, dag } = await imported(noise(1_000_000), V0)
    serve(fake, root, dag)
    // Once for what is fetched, once for the packs.
    for (const spoolBytes of [500_000, 1_500_000]) {
      const home = await house({ spoolBytes })
      await expect(home.archive.import(root, { from: fake.url, allowPrivate: true })).rejects.toMatchObject({ code: 'exhausted' })
      await expectNothing(home)
    }
  })
})
