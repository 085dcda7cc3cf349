import { chmod, lchown, lstat, mkdir, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { all, bytesOf, files, noise, treeOf } from '../house.ts'
import { alice, sealedHouse } from './keys.ts'
import { carsOf, indexLines, restoreByHand, unpack } from './stock.ts'

const BIG = 2 * LEAF_PLAINTEXT_BYTES + 1234

/** A tree with a bit of everything. */
async function album(folder: string): Promise<string> {
  const at = await files(join(folder, 'album'), {
    'summer/beach.jpg': noise(BIG, 'beach'),
    'summer/list of things.txt': 'towel, book',
    'a name with "quotes"\n and a line feed': 'odd',
    'empty.txt': '',
    'grüße.txt': 'hello',
  })
  await mkdir(join(at, 'nothing here'))
  await symlink('summer/beach.jpg', join(at, 'best'))
  await chmod(join(at, 'empty.txt'), 0o600)
  await chmod(join(at, 'summer'), 0o750)
  await utimes(join(at, 'empty.txt'), 1_234_567_890.125, 1_234_567_890.125)
  await utimes(join(at, 'summer'), 1_111_111_111, 1_111_111_111)
  return at
}

describe('a sealed directory', () => {
  it('comes back whole: bytes, links, empty folders, modes and mtimes', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await album(folder)
    const receipt = await archive.put(source)
    expect(receipt).toMatchObject({ visibility: 'sealed', state: 'satisfied' })
    expect(receipt).not.toHaveProperty('name')
    const out = join(folder, 'out')
    expect(await archive.restore(receipt.root, out)).toMatchObject({ files: 5, reused: 0, warnings: [] })
    expect(await treeOf(out)).toEqual(await treeOf(source))
    expect(await readlink(join(out, 'best'))).toBe('summer/beach.jpg')
    expect((await lstat(join(out, 'nothing here'))).isDirectory()).toBe(true)
    for (const path of ['', 'empty.txt', 'summer', 'summer/beach.jpg', 'nothing here']) {
      const [restored, original] = [await lstat(join(out, path)), await lstat(join(source, path))]
      expect([path, restored.mode, Math.trunc(restored.mtimeMs)]).toEqual([path, original.mode, Math.trunc(original.mtimeMs)])
    }
  })

  it('is finished by a second restore: right files are known again, others are refused or replaced', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await album(folder)
    const { root } = await archive.put(source)
    const out = join(folder, 'out')
    await archive.restore(root, out)
    await rm(join(out, 'summer/beach.jpg'))
    expect(await archive.restore(root, out)).toMatchObject({ files: 5, reused: 4 })
    const changed = await readFile(join(out, 'summer/beach.jpg'))
    changed.writeUInt8(changed.readUInt8(BIG - 1) ^ 1, BIG - 1)
    await writeFile(join(out, 'summer/beach.jpg'), changed)
    await expect(archive.restore(root, out)).rejects.toMatchObject({ code: 'exists' })
    expect(await archive.restore(root, out, { overwrite: true })).toMatchObject({ files: 5, reused: 4 })
    expect(await treeOf(out)).toEqual(await treeOf(source))
  })

  it('is listed, searched and read by path', async () => {
    const { archive, folder } = await sealedHouse()
    const { root } = await archive.put(await album(folder))
    const entries = await all(archive.entries(root))
    expect(entries.map(({ path, kind, byteLength }) => [path, kind, byteLength])).toEqual([
      ['', 'directory', 0],
      ['a name with "quotes"\n and a line feed', 'file', 3],
      ['best', 'symlink', 0],
      ['empty.txt', 'file', 0],
      ['grüße.txt', 'file', 5],
      ['nothing here', 'directory', 0],
      ['summer', 'directory', 0],
      ['summer/beach.jpg', 'file', BIG],
      ['summer/list of things.txt', 'file', 11],
    ])
    expect((await all(archive.entries(root, { path: '/summer/' }))).map(({ path }) => path)).toEqual([
      'summer',
      'summer/beach.jpg',
      'summer/list of things.txt',
    ])
    expect((await bytesOf(archive.get(root, { path: 'summer/list of things.txt' }))).toString()).toBe('towel, book')
    const range = { offset: LEAF_PLAINTEXT_BYTES - 10, length: 20 }
    const part = await bytesOf(archive.get(root, { path: 'summer/beach.jpg', range }))
    expect(part.equals(noise(BIG, 'beach').subarray(range.offset, range.offset + 20))).toBe(true)
    await expect(bytesOf(archive.get(root))).rejects.toMatchObject({ code: 'not-a-file' })
    await expect(bytesOf(archive.get(root, { path: 'summer' }))).rejects.toMatchObject({ code: 'not-a-file' })
    await expect(bytesOf(archive.get(root, { path: 'winter' }))).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(bytesOf(archive.get(root, { path: 'empty.txt/x' }))).rejects.toMatchObject({ code: 'not-a-directory' })
    await expect(all(archive.entries(root, { path: 'winter' }))).rejects.toMatchObject({ code: 'no-such-path' })
  })

  it('is restored in part, by path', async () => {
    const { archive, folder } = await sealedHouse()
    const { root } = await archive.put(await album(folder))
    const out = join(folder, 'part')
    expect(await archive.restore(root, out, { path: 'summer' })).toMatchObject({ files: 2 })
    expect((await readdir(out)).sort()).toEqual(['beach.jpg', 'list of things.txt'])
    await archive.restore(root, join(folder, 'one.txt'), { path: 'grüße.txt' })
    expect(await readFile(join(folder, 'one.txt'), 'utf8')).toBe('hello')
  })

  it('may be a list of named things, and may be empty', async () => {
    const { archive, folder } = await sealedHouse()
    const list = [
      { path: 'a/b.txt', content: new TextEncoder().encode('b'), mtime: new Date(5_250) },
      { path: 'link', target: 'a/b.txt' },
    ]
    const { root } = await archive.put(list)
    expect((await all(archive.entries(root))).map(({ path, mtime }) => [path, mtime])).toEqual([
      ['a', undefined],
      ['a/b.txt', { secs: 5n, nsecs: 250_000_000 }],
      ['link', undefined],
    ])
    await mkdir(join(folder, 'void'))
    const nothing = await archive.put(join(folder, 'void'))
    expect((await all(archive.entries(nothing.root))).map(({ path }) => path)).toEqual([''])
  })

  it('is restored by ipfs-car, age and a JSON reader alone', async () => {
    const built = await sealedHouse()
    const source = await album(built.folder)
    const { root } = await built.archive.put(source)
    const [car = '', ...more] = await carsOf(join(built.folder, 'a'))
    expect(more).toEqual([])
    const unpacked = join(built.folder, 'unpacked')
    await unpack(car, unpacked)
    const lines = await indexLines(unpacked, alice.identity)
    expect((await readdir(unpacked)).sort()).toEqual([...lines.flatMap(({ name }) => name ?? []), 'index.age'].sort())
    expect(lines.filter(({ name }) => name && !/^[a-z2-7]{26}\.age$/.test(name))).toEqual([])
    const out = join(built.folder, 'by-hand')
    await restoreByHand(unpacked, out, alice.identity)
    expect(await treeOf(out)).toEqual(await treeOf(source))
    // What was restored by hand is, for perdure, restored already.
    expect(await built.archive.restore(root, out)).toMatchObject({ files: 5, reused: 5 })
  })

  it('may be padded, its index too, and is listed, read and restored as if it were not', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await album(folder)
    const { root, byteLength } = await archive.put(source, { padding: 'padme' })
    expect(byteLength).toBeGreaterThan((await archive.put(source)).byteLength)
    expect((await all(archive.entries(root))).find(({ path }) => path === 'grüße.txt')).toMatchObject({ byteLength: 5 })
    expect((await bytesOf(archive.get(root, { path: 'summer/list of things.txt' }))).toString()).toBe('towel, book')
    await archive.restore(root, join(folder, 'out'))
    expect(await treeOf(join(folder, 'out'))).toEqual(await treeOf(source))
    expect((await archive.put(source, { padding: 'padme' })).root).toBe(root)
  })

  it('of ten thousand files is sharded, and lists and gives one without reading the others', { timeout: 120_000 }, async () => {
    const { archive } = await sealedHouse()
    const list = Array.from({ length: 10_000 }, (_, index) => ({
      path: `f/${index}`,
      content: new TextEncoder().encode(`number ${index}`),
    }))
    const { root } = await archive.put(list)
    expect((await all(archive.entries(root))).length).toBe(10_001)
    expect((await bytesOf(archive.get(root, { path: 'f/7777' }))).toString()).toBe('number 7777')
  })
})

describe('owners', () => {
  const root = process.getuid?.() === 0

  it.runIf(root)('are kept on request, restored on request, and otherwise those of whoever restores', async () => {
    const { archive, folder } = await sealedHouse()
    const source = await files(join(folder, 'tree'), { 'a.txt': 'a', 'sub/b.txt': 'b' })
    await symlink('a.txt', join(source, 'link'))
    for (const [path, uid] of [
      ['a.txt', 12_345],
      ['sub', 23_456],
      ['link', 34_567],
    ] as const)
      await lchown(join(source, path), uid, uid + 1)
    const owners = async (at: string) =>
      Promise.all(
        ['a.txt', 'sub', 'link', 'sub/b.txt'].map(async (path) => [(await lstat(join(at, path))).uid, (await lstat(join(at, path))).gid]),
      )
    const kept = (await archive.put(source, { keepOwner: true })).root
    const without = (await archive.put(source)).root
    expect(without).not.toBe(kept)
    await archive.restore(kept, join(folder, 'one'), { owner: true })
    expect(await owners(join(folder, 'one'))).toEqual(await owners(source))
    await archive.restore(kept, join(folder, 'two'))
    expect(await owners(join(folder, 'two'))).toEqual(Array.from({ length: 4 }, () => [0, 0]))
    expect(await archive.restore(without, join(folder, 'three'), { owner: true })).toMatchObject({ warnings: [] })
    const single = (await archive.put(join(source, 'a.txt'), { keepOwner: true })).root
    await archive.restore(single, join(folder, 'four'), { owner: true })
    expect((await lstat(join(folder, 'four'))).uid).toBe(12_345)
  })

  it('and padding are refused where nothing is sealed', async () => {
    const { archive } = await sealedHouse()
    for (const options of [{ keepOwner: true }, { padding: 'padme' as const }])
      await expect(archive.put(noise(3), { ...options, public: true })).rejects.toMatchObject({ name: 'ConfigError', code: 'invalid' })
  })
})

describe('putAll with recipients', () => {
  it('seals every file as an object of its own', async () => {
    const { archive } = await sealedHouse()
    const entries = ['one', 'two'].map((path) => ({ path: `${path}.txt`, content: new TextEncoder().encode(path) }))
    const receipts = await archive.putAll([...entries, { path: 'folder' }])
    expect(receipts.map(({ visibility, state }) => [visibility, state])).toEqual([
      ['sealed', 'satisfied'],
      ['sealed', 'satisfied'],
    ])
    for (const [index, { root }] of receipts.entries())
      expect((await bytesOf(archive.get(root))).toString()).toBe(entries[index]?.path.slice(0, -4))
    expect(new Set(receipts.flatMap(({ packs }) => packs.map(({ name }) => name))).size).toBe(1)
  })
})
