import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CarReader } from '@ipld/car'
import { encode, type PBLink, prepare } from '@ipld/dag-pb'
import fc from 'fast-check'
import { UnixFS, type UnixFSOptions } from 'ipfs-unixfs'
import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { addressOf, DAG_CBOR, DAG_PB, RAW } from '../../src/format/address.ts'
import { fileData } from '../../src/format/unixfs-data.ts'
import { fileByteLength, type GetBlock, readFile, resolvePath, walkTree } from '../../src/format/unixfs-export.ts'
import { all } from '../bytes/all.ts'
import { blockStore, importAll, keystream, rootOf } from './unixfs-store.ts'

const V0 = 'unixfs-v0-2015'
const V1 = 'unixfs-v1-2025'
const MIB = 1024 * 1024
const paths = (entries: readonly { readonly path: string }[]) => entries.map(({ path }) => path)
const bytesOf = async (stream: AsyncIterable<Uint8Array>) => Buffer.concat(await all(stream))

/** Hand-made DAGs. */
function forge() {
  const store = blockStore()
  const add = (bytes: Uint8Array, codec: number) => {
    const cid = addressOf(bytes, codec)
    store.blocks.set(cid.toString(), bytes)
    return cid
  }
  const node = (options: UnixFSOptions, links: readonly PBLink[] = []) =>
    add(encode(prepare({ Data: new UnixFS(options).marshal(), Links: [...links] })), DAG_PB)
  const raw = (text: string) => add(Buffer.from(text), RAW)
  const file = (children: readonly (readonly [CID, number])[], own?: Uint8Array) => {
    const sizes = children.map(([, size]) => size)
    const data = own ? new UnixFS({ type: 'file', data: own, blockSizes: sizes.map(BigInt) }).marshal() : fileData(sizes)
    return add(encode(prepare({ Data: data, Links: children.map(([Hash, Tsize]) => ({ Hash, Name: '', Tsize })) })), DAG_PB)
  }
  const directory = (entries: readonly (readonly [string, CID])[]) =>
    node(
      { type: 'directory' },
      entries.map(([Name, Hash]) => ({ Hash, Name, Tsize: 1 })),
    )
  const shard = (entries: readonly (readonly [string, CID])[], fanout = 256n) =>
    node(
      { type: 'hamt-sharded-directory', fanout, hashType: 0x22n },
      entries.map(([Name, Hash]) => ({ Hash, Name, Tsize: 1 })),
    )
  return { ...store, add, node, raw, file, directory, shard }
}

describe('readFile', () => {
  it.each([V0, V1] as const)('gives the bytes that were put, whole and for any range (%s)', async (profile) => {
    const content = Buffer.concat([...keystream('read', 2.3 * MIB)])
    const store = blockStore()
    const root = await rootOf(content, store, profile)
    expect(await bytesOf(readFile(root, store.get))).toEqual(content)
    expect(await fileByteLength(root, store.get)).toBe(content.byteLength)
    await fc.assert(
      fc.asyncProperty(fc.nat(content.byteLength), fc.option(fc.nat(3 * MIB), { nil: undefined }), async (offset, length) => {
        const expected = content.subarray(offset, length === undefined ? undefined : offset + length)
        expect(Buffer.compare(await bytesOf(readFile(root, store.get, { range: { offset, length } })), expected)).toBe(0)
      }),
      { numRuns: 25 },
    )
  })

  it('agrees with ipfs-unixfs-exporter on a DAG three levels deep', async () => {
    const store = blockStore()
    const root = await rootOf(keystream('deep', 175 * 262_144 + 1), store, V0)
    const theirs = await exporter(root.toString(), {
      get: async function* (cid: CID) {
        yield await store.get(cid)
      },
    } as never)
    if (theirs.type !== 'file') throw new TypeError(theirs.type)
    const ours = await bytesOf(readFile(root, store.get))
    expect(Buffer.compare(ours, await bytesOf(theirs.content()))).toBe(0)
  })

  it('asks only for the blocks on the way to a range', async () => {
    const store = blockStore()
    const root = await rootOf(keystream('range', 6 * MIB), store)
    expect((await bytesOf(readFile(root, store.get, { range: { offset: 3 * MIB - 1, length: 2 } }))).byteLength).toBe(2)
    expect(store.asked).toHaveLength(3)
    store.asked.length = 0
    expect(await all(readFile(root, store.get, { range: { offset: 6 * MIB } }))).toEqual([])
    expect(await all(readFile(root, store.get, { range: { offset: 5, length: 0 } }))).toEqual([])
    expect(store.asked).toEqual([root.toString(), root.toString()])
  })

  it.each([
    [6, undefined],
    [-1, 2],
    [0.5, 2],
    [Number.NaN, undefined],
    [0, -1],
  ])('refuses offset %d and length %s of five bytes', async (offset, length) => {
    const { raw, get } = forge()
    await expect(all(readFile(raw('12345'), get, { range: { offset, length } }))).rejects.toMatchObject({ code: 'bad-range' })
  })

  it('has at most readAhead blocks under way, keeps the order whatever arrives first, and stops them when its reader leaves', async () => {
    const store = blockStore()
    const content = Buffer.concat([...keystream('ahead', 12 * MIB)])
    const root = await rootOf(content, store)
    let now = 0
    let most = 0
    const signals: AbortSignal[] = []
    const get: GetBlock = async (cid, { signal } = {}) => {
      most = Math.max(most, ++now)
      if (signal) signals.push(signal)
      await new Promise((resolve) => setTimeout(resolve, (store.asked.length * 7) % 5))
      now--
      return store.get(cid)
    }
    expect(Buffer.compare(await bytesOf(readFile(root, get, { readAhead: 3 })), content)).toBe(0)
    expect(most).toBe(3)
    signals.length = 0
    for await (const _ of readFile(root, get, { readAhead: 4 })) break
    expect(signals.length).toBeLessThanOrEqual(6)
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
  })

  it('yields everything before a lost block, then what get threw', async () => {
    const store = blockStore()
    const root = await rootOf(keystream('lost', 5 * MIB), store)
    store.blocks.delete(store.order[3] ?? '')
    let read = 0
    const reading = async () => {
      for await (const bytes of readFile(root, store.get)) read += bytes.byteLength
    }
    await expect(reading()).rejects.toMatchObject({ code: 'hash-mismatch' })
    expect(read).toBe(3 * MIB)
  })

  it('stops with the reason of its signal', async () => {
    const controller = new AbortController()
    const { raw, file, get } = forge()
    const root = file([
      [raw('abc'), 3],
      [raw('def'), 3],
    ])
    const reading = async () => {
      for await (const _ of readFile(root, get, { signal: controller.signal })) controller.abort(new RangeError('stop'))
    }
    await expect(reading()).rejects.toThrow('stop')
  })

  it('reads own bytes before those of children, and identity CIDs without asking', async () => {
    const { raw, file, get, asked } = forge()
    const inline = CID.createV1(RAW, Digest.create(0, Buffer.from('in')))
    const root = file(
      [
        [raw('side'), 4],
        [inline, 2],
      ],
      Buffer.from('in'),
    )
    expect((await bytesOf(readFile(root, get, { range: { offset: 1, length: 6 } }))).toString()).toBe('nsidei')
    expect(asked).not.toContain(inline.toString())
  })

  it('refuses lengths that differ from what the parent says', async () => {
    const { raw, file, get } = forge()
    for (const root of [file([[raw('abc'), 2]]), file([[raw('abc'), 4]]), file([[file([[raw('abc'), 3]]), 4]])]) {
      await expect(all(readFile(root, get))).rejects.toMatchObject({ name: 'FormatError', code: 'malformed' })
    }
  })

  it('refuses what is not a file, by name', async () => {
    const { node, directory, shard, get, add } = forge()
    for (const root of [directory([]), shard([]), node({ type: 'symlink', data: Buffer.from('x') })]) {
      await expect(all(readFile(root, get))).rejects.toMatchObject({ code: 'not-a-file' })
    }
    await expect(all(readFile(node({ type: 'metadata' }), get))).rejects.toMatchObject({ code: 'unsupported' })
    await expect(all(readFile(add(encode({ Links: [] }), DAG_PB), get))).rejects.toMatchObject({ code: 'unsupported' })
    await expect(all(readFile(add(Uint8Array.of(0xa0), DAG_CBOR), get))).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('refuses garbage in dag-pb and in UnixFS with a typed error, whatever it is', async () => {
    const { add, get } = forge()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (garbage, wrapped) => {
        const root = add(wrapped ? encode({ Data: garbage, Links: [] }) : garbage, DAG_PB)
        for (const run of [all(readFile(root, get)), all(walkTree(root, get)), resolvePath(root, 'a/b', get)]) {
          await run.catch((error: unknown) => expect(error).toMatchObject({ name: 'FormatError' }))
        }
      }),
      { numRuns: 300 },
    )
    await expect(all(readFile(add(Buffer.from('<html>404</html>'), DAG_PB), get))).rejects.toMatchObject({ code: 'malformed' })
  })

  it('ends a chain of ten thousand nodes by its depth, and 64 levels are read', async () => {
    const { raw, file, get } = forge()
    const chain = (levels: number) => {
      let root = raw('x')
      for (let level = 0; level < levels; level++) root = file([[root, 1]])
      return root
    }
    await expect(all(readFile(chain(10_000), get))).rejects.toMatchObject({ code: 'limit' })
    expect((await bytesOf(readFile(chain(64), get))).toString()).toBe('x')
    await expect(all(readFile(chain(65), get))).rejects.toMatchObject({ code: 'limit' })
  })

  it('ends a file that expands from 40 small nodes to a terabyte by its bytes, before the first', async () => {
    const { raw, file, get, asked } = forge()
    let root = raw('x')
    for (let size = 1; size < 2 ** 40; size *= 2)
      root = file([
        [root, size],
        [root, size],
      ])
    await expect(all(readFile(root, get, { limits: { maxBytes: 2 ** 30 } }))).rejects.toMatchObject({ code: 'limit' })
    expect(asked).toHaveLength(1)
    expect((await bytesOf(readFile(root, get, { range: { offset: 2 ** 39, length: 3 }, limits: { maxBytes: 3 } }))).toString()).toBe('xxx')
  })

  it('never expands nodes that claim no bytes', async () => {
    const { raw, file, get, asked } = forge()
    let root = raw('')
    for (let level = 0; level < 40; level++)
      root = file([
        [root, 0],
        [root, 0],
      ])
    expect(await all(readFile(root, get))).toEqual([])
    expect(asked).toHaveLength(1)
  })

  it('refuses more links than its limit, and sizes beyond any file', async () => {
    const { raw, file, get } = forge()
    const root = file([
      [raw('a'), 1],
      [raw('b'), 1],
    ])
    await expect(all(readFile(root, get, { limits: { maxLinksPerNode: 1 } }))).rejects.toMatchObject({ code: 'limit' })
    await expect(
      all(
        readFile(
          file([
            [raw('a'), Number.MAX_SAFE_INTEGER],
            [raw('b'), 2],
          ]),
          get,
        ),
      ),
    ).rejects.toMatchObject({ code: 'malformed' })
  })
})

describe('walkTree', () => {
  const tree = [
    { path: 'b/deep/file', content: Buffer.from('deep') },
    { path: 'b/link', target: '../a' },
    { path: 'a', content: Buffer.concat([...keystream('a', 1.5 * MIB)]) },
    { path: 'empty' },
  ]

  it.each([V0, V1] as const)('lists what was put, parents first, and itself with an empty path (%s)', async (profile) => {
    const store = blockStore()
    const imported = await importAll(tree, store, profile)
    const root = imported.at(-1)?.cid ?? CID.parse('')
    const entries = await all(walkTree(root, store.get))
    expect(paths(entries)).toEqual(['', 'a', 'b', 'b/deep', 'b/deep/file', 'b/link', 'empty'])
    for (const { path, kind, cid, byteLength } of imported) {
      const entry = entries.find((each) => each.path === path)
      expect(entry?.cid.toString()).toBe(cid.toString())
      expect(entry).toMatchObject({ kind, byteLength: kind === 'file' ? byteLength : 0 })
    }
    expect(entries.find(({ path }) => path === 'b/link')).toMatchObject({ kind: 'symlink', target: '../a' })
    expect(paths(await all(walkTree(root, store.get, { path: '/b/deep/' })))).toEqual(['b/deep', 'b/deep/file'])
  })

  it('does not fetch files of one raw block', async () => {
    const store = blockStore()
    const root = await rootOf(
      Array.from({ length: 50 }, (_, index) => ({ path: `f${index}`, content: Buffer.from(`${index}`) })),
      store,
    )
    expect(await all(walkTree(root, store.get))).toHaveLength(51)
    expect(store.asked).toEqual([root.toString()])
  })

  it('lists a sharded directory flat and complete; a look-up reads only the shards on its way', async () => {
    const store = blockStore()
    const names = Array.from({ length: 6000 }, (_, index) => `${'long-name-'.repeat(4)}${index}`)
    const root = await rootOf(
      names.map((path) => ({ path: `sub/${path}`, content: Buffer.from(path) })),
      store,
    )
    const entries = await all(walkTree(root, store.get))
    expect(paths(entries).sort()).toEqual(['', 'sub', ...names.map((name) => `sub/${name}`)].sort())
    for (const name of names.slice(0, 300)) {
      store.asked.length = 0
      const found = await resolvePath(root, `sub/${name}`, store.get)
      expect(found).toMatchObject({ path: `sub/${name}`, kind: 'file', byteLength: name.length })
      expect(store.asked.length).toBeLessThanOrEqual(6)
    }
    await expect(resolvePath(root, 'sub/nobody', store.get)).rejects.toMatchObject({ code: 'no-such-path' })
  })

  it('reads modes and times that other writers put into the DAG', async () => {
    const { node, get } = forge()
    const root = node({ type: 'file', mode: 0o600, mtime: { secs: -5n, nsecs: 7 } })
    expect(await resolvePath(root, '', get)).toMatchObject({ mode: 0o600, mtime: { secs: -5n, nsecs: 7 } })
    expect(await resolvePath(node({ type: 'directory' }), '', get)).not.toHaveProperty('mode')
  })

  it.each(['', '.', '..', '../up', 'a/b', 'nul\0'])('never yields an entry named %j', async (name) => {
    const { directory, shard, raw, get } = forge()
    for (const root of [
      directory([
        ['good', raw('x')],
        [name, raw('x')],
      ]),
      shard([[`00${name}`, raw('x')]]),
    ]) {
      const seen: string[] = []
      const walking = async () => {
        for await (const { path } of walkTree(root, get)) seen.push(path)
      }
      // In a shard a bare slot is another shard, which a raw block cannot be.
      await expect(walking()).rejects.toMatchObject({ code: 'malformed' })
      expect(seen.filter((path) => path !== '')).toEqual([])
    }
    const flat = directory([
      ['good', raw('x')],
      [name, raw('x')],
    ])
    await expect(resolvePath(flat, 'good', get)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('refuses a name that is there twice, in one node or by lying in the wrong slot', async () => {
    const { directory, shard, raw, get } = forge()
    const store = blockStore()
    const right = Array.from({ length: 256 }, (_, slot) => slot.toString(16).toUpperCase().padStart(2, '0'))
    await expect(
      all(
        walkTree(
          directory([
            ['a', raw('x')],
            ['a', raw('y')],
          ]),
          get,
        ),
      ),
    ).rejects.toMatchObject({ code: 'malformed' })
    const good = await Promise.all(
      right.map((prefix) =>
        all(walkTree(shard([[`${prefix}name`, raw('x')]]), get)).then(
          () => prefix,
          () => undefined,
        ),
      ),
    )
    expect(good.filter((prefix) => prefix !== undefined)).toHaveLength(1)
    expect(store.order).toEqual([])
    await expect(all(walkTree(shard([['0Za', raw('x')]]), get))).rejects.toMatchObject({ code: 'malformed' })
    await expect(all(walkTree(shard([], 255n), get))).rejects.toMatchObject({ code: 'malformed' })
    await expect(all(walkTree(shard([['00', directory([])]]), get))).rejects.toMatchObject({ code: 'malformed' })
  })

  it('ends a walk at its limits: depth of directories and of shards, entries, bytes', async () => {
    const { directory, shard, raw, get, file } = forge()
    let deep = directory([])
    for (let level = 0; level < 10_000; level++) deep = directory([['d', deep]])
    await expect(all(walkTree(deep, get))).rejects.toMatchObject({ code: 'limit' })
    let wide = raw('x')
    for (let level = 0; level < 40; level++)
      wide = directory([
        ['l', wide],
        ['r', wide],
      ])
    await expect(all(walkTree(wide, get, { limits: { maxEntries: 1000 } }))).rejects.toMatchObject({ code: 'limit' })
    let shards = shard([])
    for (let level = 0; level < 100; level++) shards = shard([['00', shards]])
    await expect(all(walkTree(shards, get))).rejects.toMatchObject({ code: 'limit' })
    const big = directory([
      ['a', file([[raw('x'), 10]])],
      ['b', file([[raw('y'), 10]])],
    ])
    await expect(all(walkTree(big, get, { limits: { maxBytes: 15 } }))).rejects.toMatchObject({ code: 'limit' })
  })
})

describe('resolvePath', () => {
  it('tells a path that is not there from one that leads through a file or symlink', async () => {
    const { directory, raw, node, get } = forge()
    const root = directory([
      ['f', raw('x')],
      ['l', node({ type: 'symlink', data: Buffer.from('f') })],
    ])
    expect(await resolvePath(root, 'f', get)).toMatchObject({ path: 'f', kind: 'file', byteLength: 1 })
    expect(await resolvePath(root, '', get)).toMatchObject({ path: '', kind: 'directory' })
    await expect(resolvePath(root, 'g', get)).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(resolvePath(root, '../f', get)).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(resolvePath(root, 'f/x', get)).rejects.toMatchObject({ code: 'not-a-directory' })
    await expect(resolvePath(root, 'l/x', get)).rejects.toMatchObject({ code: 'not-a-directory' })
  })
})

describe("other people's DAGs", () => {
  const vectors = new URL('../../../shared/vectors/gateway/', import.meta.url)
  const absent = !existsSync(fileURLToPath(vectors))
  if (absent) console.warn(`SKIPPED: gateway vectors are not at ${vectors.pathname}; DAGs of Kubo were not read`)
  const open = async (name: string) => {
    const car = await CarReader.fromBytes(readFileSync(new URL(name, vectors)))
    const [root = CID.parse('')] = await car.getRoots()
    const get: GetBlock = async (cid) => (await car.get(cid))?.bytes ?? Promise.reject(new RangeError(`no ${cid}`))
    return { root, get }
  }

  it.skipIf(absent)('reads directories, symlinks and names in other scripts', async () => {
    const files = await open('trustless_gateway_car/dir-with-duplicate-files.car')
    expect(paths(await all(walkTree(files.root, files.get)))).toEqual(['', 'ascii-copy.txt', 'ascii.txt', 'hello.txt', 'multiblock.txt'])
    const { cid } = await resolvePath(files.root, 'multiblock.txt', files.get)
    expect((await bytesOf(readFile(cid, files.get))).byteLength).toBe(1026)
    const links = await open('path_gateway_unixfs/symlink.car')
    expect(await resolvePath(links.root, 'bar', links.get)).toMatchObject({ kind: 'symlink', target: 'foo' })
    const scripts = await open('dir_listing/fixtures.car')
    expect(await resolvePath(scripts.root, 'ą/ę/file-źł.txt', scripts.get)).toMatchObject({ byteLength: 34 })
  })

  it.skipIf(absent)('finds every name of a sharded directory where Kubo put it', async () => {
    const { root, get } = await open('trustless_gateway_car/single-layer-hamt-with-multi-block-files.car')
    const entries = await all(walkTree(root, get))
    expect(entries).toHaveLength(1001)
    for (const { path, cid } of entries) expect((await resolvePath(root, path, get)).cid).toEqual(cid)
  })

  it.skipIf(absent)('refuses names that lead out of their directory', async () => {
    for (const name of ['outside-root', 'inside-root']) {
      const { root, get } = await open(`path_gateway_tar/${name}.car`)
      await expect(all(walkTree(root, get))).rejects.toMatchObject({ code: 'malformed', message: expect.stringContaining('../') })
    }
  })

  it.skipIf(absent)('reads what is there of a file with a missing block, and refuses dag-cbor', async () => {
    const lossy = await open('trustless_gateway_car/file-3k-and-3-blocks-missing-block.car')
    expect((await bytesOf(readFile(lossy.root, lossy.get, { range: { offset: 0, length: 1024 } }))).byteLength).toBe(1024)
    await expect(all(readFile(lossy.root, lossy.get))).rejects.toThrow('no ')
    const cbor = await open('trustless_gateway_car/dir-with-dag-cbor-with-links.car')
    await expect(all(walkTree(cbor.root, cbor.get))).rejects.toMatchObject({ code: 'unsupported' })
  })
})
