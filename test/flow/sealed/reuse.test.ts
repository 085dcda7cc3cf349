import { mkdir, readFile, rename, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base58btc } from 'multiformats/bases/base58'
import { describe, expect, it } from 'vitest'
import { openSource } from '../../../src/bytes/source.ts'
import { openCatalog } from '../../../src/catalog/open.ts'
import type { Archive, PutEvent, PutOptions, Receipt } from '../../../src/contracts.ts'
import { itemsOf } from '../../../src/flow/sealed-items.ts'
import { LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { fingerprints } from '../../../src/format/fingerprint.ts'
import { recipientSet } from '../../../src/format/recipients.ts'
import { all, bytesOf, files, fleet, house, noise, treeOf } from '../house.ts'
import { alice, bob, sealedHouse } from './keys.ts'

const LEAF = LEAF_PLAINTEXT_BYTES

interface Said {
  readonly receipt: Receipt
  readonly packs: number
  readonly reusedBytes: number
  readonly reusedFiles: number | undefined
  readonly readBytes: number
}

async function put(archive: Archive, source: Parameters<Archive['put']>[0], options: PutOptions = {}): Promise<Said> {
  const events: PutEvent[] = []
  const receipt = await archive.put(source, { ...options, onProgress: (event) => void events.push(event) })
  const sealed = events.find((event) => event.type === 'sealed')
  const readBytes = events.reduce((sum, event) => sum + (event.type === 'bytes-read' ? event.byteLength : 0), 0)
  return { receipt, packs: sealed?.packs ?? -1, reusedBytes: sealed?.reusedBytes ?? -1, reusedFiles: sealed?.reusedFiles, readBytes }
}

async function opened(path: string) {
  const catalog = await openCatalog({ path })
  return { catalog, [Symbol.asyncDispose]: () => catalog.close() }
}

async function printsOf(folder: string) {
  const secret = base58btc.decode((await readFile(join(folder, 'archive', 'fingerprint.key'), 'utf8')).trim())
  const local = base58btc.decode((await readFile(join(folder, 'archive', 'archive.key'), 'utf8')).trim()).subarray(2)
  const recipients = recipientSet([{ text: alice.recipient, wrapFileKey: () => [] }]) ?? new Uint8Array(0)
  return { secret, prints: fingerprints(secret, local, { visibility: 'sealed', profile: 'unixfs-v1-2025', padding: 'none', recipients }) }
}

const tree = (folder: string) =>
  files(join(folder, 'tree'), {
    'big.bin': noise(3 * LEAF + 17, 'big'),
    'exact.bin': noise(LEAF, 'exact'),
    'small.txt': 'small',
    'sub/twin.txt': 'small',
    'empty.txt': '',
  })

describe('a file that was sealed before', () => {
  it.each([0, 5, LEAF, LEAF + 1, 3 * LEAF])('of %i bytes is not stored again, and keeps its root', async (byteLength) => {
    const { archive, folder } = await sealedHouse()
    const path = join(folder, 'file.bin')
    await writeFile(path, noise(byteLength))
    const first = await put(archive, path)
    const again = await put(archive, path, { name: 'other name' })
    expect(again).toMatchObject({
      packs: 0,
      reusedFiles: 1,
      readBytes: byteLength,
      receipt: { root: first.receipt.root, state: 'satisfied' },
    })
    expect(again.reusedBytes).toBeGreaterThanOrEqual(first.receipt.byteLength)
    expect((await bytesOf(archive.get(again.receipt.root))).equals(noise(byteLength))).toBe(true)
    expect((await archive.status(again.receipt.root)).name).toBe('other name')
    // Bytes in memory are known as well, and those of a stream once they were read: a stream cannot be read twice.
    expect(await put(archive, noise(byteLength))).toMatchObject({ packs: 0, receipt: { root: first.receipt.root } })
  })

  it('is sealed anew when a byte of it changed, whether its length did or not', async () => {
    const { archive, folder } = await sealedHouse()
    const path = join(folder, 'file.bin')
    const content = noise(2 * LEAF + 9)
    await writeFile(path, content)
    const first = await put(archive, path)
    content.writeUInt8(content.readUInt8(LEAF) ^ 1, LEAF)
    await writeFile(path, content)
    const second = await put(archive, path)
    expect(second).toMatchObject({ reusedFiles: 0, reusedBytes: 0, readBytes: content.byteLength })
    expect(second.receipt.root).not.toBe(first.receipt.root)
    expect((await bytesOf(archive.get(second.receipt.root))).equals(content)).toBe(true)
    await truncate(path, LEAF)
    const third = await put(archive, path)
    expect((await bytesOf(archive.get(third.receipt.root))).equals(content.subarray(0, LEAF))).toBe(true)
  })

  it('is sealed anew for other recipients, with other padding, in another archive, on request, and when it is to be public', async () => {
    const built = await sealedHouse()
    const content = noise(LEAF + 5)
    const roots = new Set<string>()
    const store = async (archive: Archive, options: PutOptions = {}) => {
      const said = await put(archive, content, options)
      expect(said.receipt.packs.length).toBeGreaterThan(0)
      roots.add(said.receipt.root)
      return said
    }
    await store(built.archive)
    await store(built.archive, { padding: 'padme' })
    await store(built.archive, { reuse: false })
    expect(await store(built.archive, { public: true })).toMatchObject({ reusedBytes: 0, receipt: { visibility: 'public' } })
    await store(await built.reopen({ recipients: [bob.recipient], identities: [bob.identity] }))
    const both = [bob.recipient, alice.recipient]
    await store(await built.reopen({ recipients: both }))
    await store((await sealedHouse()).archive)
    expect(roots.size).toBe(7)
    // The order of recipients does not matter, nor how often one is named.
    const same = await built.reopen({ recipients: [alice.recipient, bob.recipient, alice.recipient] })
    expect((await put(same, content)).packs).toBe(0)
  })

  it('is sealed anew when its replicas are lost or its pack is gone, and then known by the new one', async () => {
    const built = await fleet(['a', 'b'], { recipients: [alice.recipient], identities: [alice.identity] })
    const content = noise(1000)
    const first = await put(built.archive, content)
    for (const { store } of Object.values(built.members)) for (const at of store.keys()) if (at.startsWith('content/')) store.delete(at)
    await built.archive.verify(first.receipt.root, { level: 'whole' })
    const second = await put(built.archive, content)
    expect(second).toMatchObject({ packs: 1, reusedFiles: 0, receipt: { state: 'satisfied' } })
    expect(second.receipt.root).not.toBe(first.receipt.root)
    expect(await put(built.archive, content)).toMatchObject({ packs: 0, receipt: { root: second.receipt.root } })
    await built.archive.rm(second.receipt.root)
    const fourth = await put(built.archive, content)
    expect(fourth).toMatchObject({ packs: 1, receipt: { state: 'satisfied' } })
    expect((await bytesOf(built.archive.get(fourth.receipt.root))).equals(content)).toBe(true)
  })
})

describe('a directory that was sealed before', () => {
  it('keeps its root and stores nothing while nothing changes', async () => {
    const built = await sealedHouse()
    const source = await tree(built.folder)
    const first = await put(built.archive, source)
    expect(first).toMatchObject({ reusedFiles: 0, reusedBytes: 0 })
    const total = first.readBytes
    expect(await put(built.archive, source)).toMatchObject({
      packs: 0,
      reusedFiles: 5,
      readBytes: total,
      receipt: { root: first.receipt.root },
    })
    const reopened = await built.reopen()
    expect(await put(reopened, source)).toMatchObject({ packs: 0, reusedFiles: 5, receipt: { root: first.receipt.root } })
    await reopened.restore(first.receipt.root, join(built.folder, 'out'))
    expect(await treeOf(join(built.folder, 'out'))).toEqual(await treeOf(source))
  })

  it('stores what changed, its index and its directory, and no more', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await tree(folder)
    const first = await put(archive, source)
    await writeFile(join(source, 'small.txt'), 'other')
    await writeFile(join(source, 'new.txt'), 'new')
    await rename(join(source, 'sub/twin.txt'), join(source, 'moved.txt'))
    const second = await put(archive, source)
    expect(second).toMatchObject({ packs: 1, reusedFiles: 4 })
    const stored = second.receipt.packs.find(({ name }) => first.receipt.packs.every((old) => old.name !== name))
    // Two files, the index, the directory.
    expect(stored).toMatchObject({ blocks: 4 })
    await archive.restore(second.receipt.root, join(folder, 'out'))
    expect(await treeOf(join(folder, 'out'))).toEqual(await treeOf(source))
    const names = async (root: string) => (await all(archive.entries(root))).map(({ path, cid }) => `${path} ${cid}`)
    const [before, after] = [await names(first.receipt.root), await names(second.receipt.root)]
    expect(after.filter((line) => before.includes(line)).map((line) => line.split(' ')[0])).toEqual(['big.bin', 'empty.txt', 'exact.bin'])
  })

  it('is known by times and modes as well: another mtime is another index, with the same files', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await tree(folder)
    const first = await put(archive, source)
    await utimes(join(source, 'small.txt'), 1_000_000, 1_000_000)
    const second = await put(archive, source)
    expect(second).toMatchObject({ packs: 1, reusedFiles: 5 })
    expect(second.receipt.root).not.toBe(first.receipt.root)
    const found = (await all(archive.entries(second.receipt.root))).find(({ path }) => path === 'small.txt')
    expect(found?.mtime).toEqual({ secs: 1_000_000n, nsecs: 0 })
  })

  it('shares its files with single puts and with putAll', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await tree(folder)
    await put(archive, source)
    expect(await put(archive, join(source, 'big.bin'))).toMatchObject({ packs: 0, reusedFiles: 1 })
    const receipts = await archive.putAll([
      { path: 'x', content: await readFile(join(source, 'exact.bin')) },
      { path: 'y', content: new TextEncoder().encode('quite new') },
    ])
    expect((await bytesOf(archive.get(receipts[0]?.root ?? ''))).equals(noise(LEAF, 'exact'))).toBe(true)
    expect((await bytesOf(archive.get(receipts[1]?.root ?? ''))).toString()).toBe('quite new')
    expect((await archive.verify(receipts[0]?.root ?? '', { level: 'whole' })).state).toBe('satisfied')
  })

  it('has random names and nothing in common with itself when nothing may be reused', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await tree(folder)
    const cids = async (options: PutOptions) => {
      const { receipt } = await put(archive, source, options)
      const entries = await all(archive.entries(receipt.root))
      return [receipt.root, ...entries.filter(({ kind }) => kind === 'file').map(({ cid }) => cid.toString())]
    }
    await cids({})
    const [one, two] = [await cids({ reuse: false }), await cids({ reuse: false })]
    expect(one.filter((cid) => two.includes(cid))).toEqual([])
  })
})

describe('trusting times', () => {
  it('does not read what did not change, and reads what did', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await tree(folder)
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    await put(archive, source, { trustMtime: true })
    // The same size and, forged, the same mtime: the ctime tells.
    const { mtime } = await stat(join(source, 'small.txt'))
    await writeFile(join(source, 'small.txt'), 'SMALL')
    await utimes(join(source, 'small.txt'), mtime, mtime)
    const changed = await put(archive, source, { trustMtime: true })
    expect((await bytesOf(archive.get(changed.receipt.root, { path: 'small.txt' }))).toString()).toBe('SMALL')
    expect(changed).toMatchObject({ reusedFiles: 4 })
  })

  it('opens no file that is believed', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await files(join(folder, 'tree'), { 'a.txt': 'a', 'big.bin': noise(LEAF + 1) })
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    await put(archive, source, { trustMtime: true })
    const again = await put(archive, source, { trustMtime: true })
    expect(again).toMatchObject({ packs: 0, reusedFiles: 2 })
    await using catalog = await opened(join(folder, 'archive', 'catalog.sqlite'))
    const { prints, secret } = await printsOf(folder)
    async function* unreadable() {
      for await (const entry of (await openSource(source, { chunkSize: LEAF })).entries()) {
        const open = () => {
          throw new TypeError('it was opened')
        }
        yield entry.kind === 'file' ? { ...entry, open } : entry
      }
    }
    const items = await all(itemsOf(unreadable(), { catalog: catalog.catalog, reuse: { prints, secret, trustMtime: true } }))
    expect(items.map(({ entry, known }) => [entry.path, known !== undefined])).toEqual([
      ['', false],
      ['a.txt', true],
      ['big.bin', true],
    ])
    const reading = all(itemsOf(unreadable(), { catalog: catalog.catalog, reuse: { prints, secret, trustMtime: false } }))
    await expect(reading).rejects.toThrow('it was opened')
  })

  it('does not remember a file that was written to a moment before it was listed', async () => {
    const { archive, folder } = await sealedHouse()
    const path = join(folder, 'fresh.txt')
    await writeFile(path, 'one')
    await put(archive, path, { trustMtime: true })
    await using catalog = await opened(join(folder, 'archive', 'catalog.sqlite'))
    const { prints } = await printsOf(folder)
    const { size, mtimeNs, ctimeNs, ino, dev } = await stat(path, { bigint: true })
    const remembered = () =>
      catalog.catalog.knownFiles([{ path: prints.file(path), state: prints.state({ size, mtimeNs, ctimeNs, ino, dev }) }])
    expect(await remembered()).toEqual([undefined])
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    await put(archive, path, { trustMtime: true })
    expect(await remembered()).not.toEqual([undefined])
  })
})

describe('the secret of fingerprints', () => {
  it('is made by the first sealed put, for its owner alone, and not by public ones', async () => {
    const built = await house()
    await built.archive.put(noise(10))
    const path = join(built.folder, 'archive', 'fingerprint.key')
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    const sealing = await built.reopen({ recipients: [alice.recipient] })
    await sealing.put(noise(10))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const kept = await readFile(path, 'utf8')
    await sealing.put(noise(20))
    expect(await readFile(path, 'utf8')).toBe(kept)
  })

  it('that is broken is an error that says what to do and does not repeat it', async () => {
    const { archive, folder } = await sealedHouse()
    await mkdir(join(folder, 'archive'), { recursive: true })
    await writeFile(join(folder, 'archive', 'fingerprint.key'), 'no such secret\n')
    await expect(archive.put(noise(10))).rejects.toMatchObject({ code: 'invalid', message: expect.not.stringContaining('no such secret') })
  })
})
