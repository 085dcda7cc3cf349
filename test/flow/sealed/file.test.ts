import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Decrypter } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { toCID } from '../../../src/format/address.ts'
import { LEAF_BYTES, LEAF_PLAINTEXT_BYTES } from '../../../src/format/age-layout.ts'
import { readFile as readDag } from '../../../src/format/unixfs-export.ts'
import { all, bytesOf, fileOf, flip, house, noise } from '../house.ts'
import { alice, bob, sealedHouse } from './keys.ts'

const LEAF = LEAF_PLAINTEXT_BYTES

const stock = async (bytes: Uint8Array): Promise<Buffer> => {
  const decrypter = new Decrypter()
  decrypter.addIdentity(alice.identity)
  return Buffer.from(await decrypter.decrypt(bytes))
}

describe('a sealed file', () => {
  it.each([0, 1, 65_536, LEAF - 1, LEAF, LEAF + 1, 3 * LEAF + 12_345])('of %i bytes comes back, whole', async (byteLength) => {
    const { archive } = await sealedHouse()
    const content = noise(byteLength)
    const receipt = await archive.put(content)
    expect(receipt).toMatchObject({ visibility: 'sealed', state: 'satisfied', complete: true })
    expect((await bytesOf(archive.get(receipt.root))).equals(content)).toBe(true)
    expect(await all(archive.entries(receipt.root))).toMatchObject([{ path: '', kind: 'file', byteLength }])
  })

  it('is an ordinary age file for whoever reads the DAG of its root', async () => {
    const built = await sealedHouse()
    const content = noise(2 * LEAF + 5)
    const { root, byteLength } = await built.archive.put(content)
    await built.archive.close()
    const blocks = await blocksOfVault(built.folder)
    const file = await bytesOf(readDag(toCID(root), async (cid) => blocks.get(cid.toString()) ?? new Uint8Array(0)))
    expect(file.byteLength).toBe(byteLength)
    expect((await stock(file)).equals(content)).toBe(true)
  })

  it('is never the same twice, and never what the public put of the same content is', async () => {
    const { archive } = await sealedHouse()
    const content = noise(100_000)
    const roots = [
      (await archive.put(content)).root,
      (await archive.put(content, { reuse: false })).root,
      (await archive.put(content, { public: true })).root,
    ]
    expect(new Set(roots).size).toBe(3)
    for (const root of roots) expect((await bytesOf(archive.get(root))).equals(content)).toBe(true)
  })

  it('is refused for another profile than the one its layout is made for', async () => {
    const { archive } = await sealedHouse()
    await expect(archive.put(noise(10), { profile: 'unixfs-v0-2015' })).rejects.toMatchObject({ name: 'ConfigError', code: 'invalid' })
    expect(await archive.put(noise(10), { profile: 'unixfs-v0-2015', public: true })).toMatchObject({ visibility: 'public' })
  })

  it('opens for no identity and for the wrong one with errors that say so', async () => {
    const built = await sealedHouse()
    const { root } = await built.archive.put(noise(1000))
    const without = await built.reopen({ identities: undefined })
    await expect(bytesOf(without.get(root))).rejects.toMatchObject({ code: 'no-identity' })
    await expect(all(without.entries(root))).rejects.toMatchObject({ code: 'no-identity' })
    await expect(without.restore(root, join(built.folder, 'out'))).rejects.toMatchObject({ code: 'no-identity' })
    const other = await built.reopen({ identities: [bob.identity] })
    await expect(bytesOf(other.get(root))).rejects.toMatchObject({ code: 'wrong-identity' })
    await expect(bytesOf(other.get(root, { range: { offset: 10, length: 1 } }))).rejects.toMatchObject({ code: 'wrong-identity' })
  })

  it('opens for every recipient', async () => {
    const built = await sealedHouse({ recipients: [alice.recipient, bob.recipient] })
    const content = noise(LEAF + 1)
    const { root } = await built.archive.put(content)
    const other = await built.reopen({ identities: [bob.identity] })
    expect((await bytesOf(other.get(root))).equals(content)).toBe(true)
  })
})

describe('a padded file', () => {
  it('comes back without its padding, whole, in parts and on disk', async () => {
    const { archive, folder } = await sealedHouse()
    const content = noise(LEAF + 77_777)
    const { root, byteLength } = await archive.put(content, { padding: 'padme', name: 'padded.bin' })
    expect(byteLength).toBeGreaterThan(content.byteLength + 2000)
    expect((await bytesOf(archive.get(root))).equals(content)).toBe(true)
    const range = { offset: content.byteLength - 10, length: 100 }
    expect(await bytesOf(archive.get(root, { range }))).toEqual(content.subarray(-10))
    await expect(bytesOf(archive.get(root, { range: { offset: content.byteLength + 1 } }))).rejects.toMatchObject({ code: 'bad-range' })
    await archive.restore(root, join(folder, 'out.bin'))
    expect((await readFile(join(folder, 'out.bin'))).equals(content)).toBe(true)
  })
})

describe('restoring a sealed file', () => {
  it('gives it its name, mode and mtime, knows it again, and refuses another file in its place', async () => {
    const built = await sealedHouse()
    const source = join(built.folder, 'letter.txt')
    await writeFile(source, 'dear you', { mode: 0o640 })
    await utimes(source, 1_600_000_000.25, 1_600_000_000.25)
    const { root } = await built.archive.put(source)
    const out = join(built.folder, 'out')
    await mkdir(out)
    expect(await built.archive.restore(root, out)).toMatchObject({ files: 1, byteLength: 8, reused: 0, warnings: [] })
    const at = join(out, 'letter.txt')
    expect(await readFile(at, 'utf8')).toBe('dear you')
    expect(await stat(at)).toMatchObject({ mode: 0o100640, mtimeMs: 1_600_000_000_250 })
    expect(await built.archive.restore(root, out)).toMatchObject({ files: 1, reused: 1 })
    await writeFile(at, 'dear me!')
    await expect(built.archive.restore(root, out)).rejects.toMatchObject({ code: 'exists' })
    await built.archive.restore(root, out, { overwrite: true })
    expect(await readFile(at, 'utf8')).toBe('dear you')
  })
})

describe('a range of a sealed file', () => {
  it.each([
    [0, 10],
    [LEAF - 5, 10],
    [65_530, 12],
    [3 * LEAF, undefined],
    [3 * LEAF + 99, 5000],
    [3 * LEAF + 100, 1],
  ])('from %i of length %s is what the file has there', async (offset, length) => {
    const { archive } = await sealedHouse()
    const content = noise(3 * LEAF + 100)
    const { root } = await archive.put(content)
    const end = length === undefined ? undefined : offset + length
    expect((await bytesOf(archive.get(root, { range: { offset, length } }))).equals(content.subarray(offset, end))).toBe(true)
  })

  it('beyond its end, negative or broken is refused', async () => {
    const { archive } = await sealedHouse()
    const { root } = await archive.put(noise(1000))
    for (const range of [{ offset: 1001 }, { offset: -1 }, { offset: 0.5 }, { offset: 0, length: -1 }])
      await expect(bytesOf(archive.get(root, { range }))).rejects.toMatchObject({ code: 'bad-range' })
  })
})

describe('damage', () => {
  it('in a leaf is never yielded, is found by verify and mended by repair, with no key at all', async () => {
    const built = await sealedHouse()
    const content = noise(3 * LEAF)
    const { root, replicas } = await built.archive.put(content)
    for (const replica of replicas) await flip(fileOf(built.folder, replica), 59 + 300 + LEAF_BYTES + 5000)
    const keyless = await built.reopen({ identities: undefined, recipients: undefined })
    expect((await keyless.verify(root, { level: 'whole' })).state).not.toBe('satisfied')
    const reader = await built.reopen()
    const got: Uint8Array[] = []
    await expect(
      (async () => {
        for await (const bytes of reader.get(root)) got.push(bytes)
      })(),
    ).rejects.toMatchObject({ code: 'unavailable' })
    const yielded = Buffer.concat(got)
    expect(yielded.byteLength).toBeLessThanOrEqual(LEAF)
    expect(content.subarray(0, yielded.byteLength).equals(yielded)).toBe(true)
    const only = replicas[0]
    if (only) await flip(fileOf(built.folder, only), 59 + 300 + LEAF_BYTES + 5000)
    const auditor = await built.reopen({ identities: undefined, recipients: undefined })
    expect(await auditor.verify(root, { level: 'whole' })).toMatchObject({ state: 'damaged' })
    expect(await auditor.repair(root)).toMatchObject({ state: 'satisfied' })
  })
})

describe('an archive without recipients', () => {
  it('puts in clear', async () => {
    const { archive } = await house()
    expect(await archive.put(noise(10))).toMatchObject({ visibility: 'public' })
  })
})

/** Every block of the packs in vault `a`. */
async function blocksOfVault(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const { CarReader } = await import('@ipld/car')
  const { readdir } = await import('node:fs/promises')
  const blocks = new Map<string, Uint8Array>()
  for (const name of await readdir(join(folder, 'a', 'packs'), { recursive: true })) {
    if (!name.endsWith('.car')) continue
    const reader = await CarReader.fromBytes(await readFile(join(folder, 'a', 'packs', name)))
    for await (const { cid, bytes } of reader.blocks()) blocks.set(cid.toString(), bytes)
  }
  return blocks
}
