import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CarReader } from '@ipld/car'
import { describe, expect, it } from 'vitest'
import type { Profile, Receipt } from '../../src/contracts.ts'
import { matches, toCID } from '../../src/format/address.ts'
import { carHeader, encodeToc } from '../../src/format/pack.ts'
import { all, bytesOf, files, house, noise, only, spooled, tempFolder, treeOf } from './house.ts'

const MIB = 1024 * 1024
const UNPACK = fileURLToPath(new URL('../../node_modules/ipfs-car/bin.js', import.meta.url))

/** What the reference tool makes of a CAR. */
async function unpacked(car: Uint8Array, root: string): Promise<string> {
  const folder = await tempFolder()
  await writeFile(join(folder, 'in.car'), car)
  await promisify(execFile)(process.execPath, [UNPACK, 'unpack', join(folder, 'in.car'), '--root', root, '--output', join(folder, 'out')])
  return join(folder, 'out')
}

const at = (receipt: Receipt, vault: string, folder: string) =>
  receipt.packs.map(({ name }) => {
    const replica = only(receipt.replicas.filter((one) => one.vault === vault && one.pack === name))
    return join(folder, vault, replica.locator ?? '')
  })

describe('a pack', () => {
  it.each<Profile>(['unixfs-v1-2025', 'unixfs-v0-2015'])('of one file unpacks with ipfs-car to the same bytes (%s)', async (profile) => {
    const { archive, folder } = await house({ profile })
    const receipt = await archive.put(noise(2 * MIB + 7))
    const out = await unpacked(await readFile(only(at(receipt, 'a', folder))), receipt.root)
    expect((await readFile(out)).equals(noise(2 * MIB + 7))).toBe(true)
  })

  it('of a directory unpacks with ipfs-car to the same tree', async () => {
    const { archive, folder } = await house()
    const tree = await files(await tempFolder(), {
      'a b.txt': 'spaces',
      'sub/deep/x.bin': noise(300_000, 'x'),
      'sub/y.txt': 'y',
      'z.txt': 'spaces',
    })
    const receipt = await archive.put(tree)
    const out = await unpacked(await readFile(only(at(receipt, 'b', folder))), receipt.root)
    expect(await treeOf(out)).toEqual(await treeOf(tree))
  })

  it('is read by @ipld/car: the root of the object in every header, each block once, children before parents, all of them hashing', async () => {
    const { archive, folder } = await house({ maxPackBytes: 1_500_000 })
    const receipt = await archive.put(noise(6 * MIB))
    expect(receipt.packs.length).toBeGreaterThan(3)
    const seen: string[] = []
    for (const [index, path] of at(receipt, 'a', folder).entries()) {
      const bytes = await readFile(path)
      expect(bytes.byteLength).toBe(receipt.packs[index]?.byteLength)
      expect(bytes.byteLength).toBeLessThanOrEqual(1_500_000)
      const car = await CarReader.fromBytes(bytes)
      expect((await car.getRoots()).map(String)).toEqual([receipt.root])
      const blocks = await all(car.blocks())
      expect(blocks).toHaveLength(receipt.packs[index]?.blocks ?? 0)
      for (const { cid, bytes } of blocks) {
        expect(matches(toCID(cid.toString()), bytes)).toBe(true)
        seen.push(cid.toString())
      }
      const toc = { root: toCID(receipt.root), blocks: blocks.map(({ cid, bytes }) => [toCID(cid.toString()), bytes.byteLength] as const) }
      expect(encodeToc(toc).name.toString(), 'the pack is named by its table of contents').toBe(receipt.packs[index]?.name)
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.at(-1)).toBe(receipt.root)
  })

  it('of an object in several packs unpacks when the others are joined to the last, as FORMAT.md says', async () => {
    const { archive, folder } = await house({ maxPackBytes: 1_500_000 })
    const receipt = await archive.put(noise(5 * MIB))
    const header = carHeader(toCID(receipt.root)).byteLength
    const cars = await Promise.all(at(receipt, 'a', folder).map((path) => readFile(path)))
    const last = cars.pop() ?? Buffer.alloc(0)
    const joined = Buffer.concat([last, ...cars.map((car) => car.subarray(header))])
    expect((await readFile(await unpacked(joined, receipt.root))).equals(noise(5 * MIB))).toBe(true)
    expect((await bytesOf(archive.get(receipt.root))).equals(noise(5 * MIB))).toBe(true)
    expect((await archive.verify(receipt.root, { level: 'whole' })).state).toBe('satisfied')
  })

  it('has the same name and the same bytes in another archive that is given the same', async () => {
    const receipts: Receipt[] = []
    const packs: Buffer[] = []
    for (const source of [noise(3 * MIB), new Blob([new Uint8Array(noise(3 * MIB))])]) {
      const { archive, folder } = await house()
      const receipt = await archive.put(source)
      receipts.push(receipt)
      packs.push(await readFile(only(at(receipt, 'a', folder))))
    }
    expect(receipts[0]?.packs).toEqual(receipts[1]?.packs)
    expect(packs[0]?.equals(packs[1] ?? Buffer.alloc(0))).toBe(true)
  })
})

it('one inode serves one vault: two directories on one device get files of their own, and the spool keeps none', async () => {
  const { archive, folder } = await house()
  const receipt = await archive.put(noise(500_000))
  const [a, b] = await Promise.all([...at(receipt, 'a', folder), ...at(receipt, 'b', folder)].map((path) => stat(path)))
  expect(a?.dev).toBe(b?.dev)
  expect(a?.ino).not.toBe(b?.ino)
  expect([a?.nlink, b?.nlink]).toEqual([1, 1])
  expect(await spooled(folder)).toEqual([])
  expect(await readdir(join(folder, 'a', 'tmp'))).toEqual([])
})
