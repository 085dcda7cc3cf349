/** What leaves as a bag opens with other people's tools. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CarReader } from '@ipld/car'
import * as cbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { verifyReceipt } from '../../../src/format/receipt.ts'
import { openSigned } from '../../../src/format/record.ts'
import { fromMultikey } from '../../../src/format/sign.ts'
import { all, bytesOf, contentOf, files, fleet, flip, house, noise, only, tempFolder, treeOf } from '../house.ts'
import { alice, sealedHouse } from '../sealed/keys.ts'
import { keyedFleet } from '../sealed/shred-house.ts'
import { decrypt, restoreByHand, unpack } from '../sealed/stock.ts'
import { flawsOf } from './bag.ts'

const run = promisify(execFile)
const age = await run('age', ['--version']).then(
  () => true,
  () => false,
)
if (!age) console.warn('SKIPPED: there is no age on this machine; exports were opened with age-encryption alone')

const out = async () => join(await tempFolder(), 'bag')
const carOf = (bag: string, root: string) => join(bag, 'data', 'objects', `${root}.car`)
const linesOf = async (bag: string) =>
  (await readFile(join(bag, 'data', 'objects.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** DAG-JSON back to what it was. */
function undo(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(undo)
  if (typeof value !== 'object' || value === null) return value
  const { '/': slash } = value as { readonly '/'?: string | { readonly bytes: string } }
  if (typeof slash === 'string') return CID.parse(slash)
  if (slash !== undefined) return new Uint8Array(Buffer.from(slash.bytes, 'base64'))
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, undo(each)]))
}

describe('export', () => {
  it('writes a valid bag with one whole CAR per object, also of an object in many packs, that ipfs-car unpacks', async () => {
    const { archive, folder } = await house({ maxPackBytes: 700_000 })
    const tree = await files(join(folder, 'tree'), {
      'one.bin': noise(1_900_000, 'one'),
      'sub/two.bin': noise(500_000, 'two'),
      'sub/three.txt': 'three',
    })
    const receipt = await archive.put(tree)
    expect(receipt.packs.length).toBeGreaterThan(2)
    const single = await archive.put(noise(10_000), { name: 'noise.bin', mediaType: 'application/octet-stream' })
    const bag = await out()
    const report = await archive.export(bag)
    expect(report).toMatchObject({ folder: bag, objects: 2, reused: 0, missing: { count: 0 } })
    expect(await flawsOf(bag)).toEqual([])
    await unpack(carOf(bag, receipt.root), join(folder, 'unpacked'))
    expect(await treeOf(join(folder, 'unpacked'))).toEqual(await treeOf(tree))
    await unpack(carOf(bag, single.root), join(folder, 'noise.bin'))
    expect((await readFile(join(folder, 'noise.bin'))).equals(noise(10_000))).toBe(true)
    const reader = await CarReader.fromBytes(await readFile(carOf(bag, receipt.root)))
    expect((await reader.getRoots()).map(String)).toEqual([receipt.root])
    const cids = (await all(reader.cids())).map(String)
    expect(new Set(cids).size, 'each block once').toBe(cids.length)
    expect(cids.at(-1)).toBe(receipt.root)
    expect(await linesOf(bag)).toMatchObject([
      { root: receipt.root, type: 'directory', visibility: 'public', car: `objects/${receipt.root}.car` },
      { root: single.root, name: 'noise.bin', mediaType: 'application/octet-stream' },
    ])
  })

  it('writes a block once that a file repeats, and holds one pack of it at most', async () => {
    const { archive, folder } = await house()
    const { root } = await archive.put(Buffer.alloc(50 * 1024 * 1024))
    const bag = await out()
    const { byteLength } = await archive.export(bag)
    expect(byteLength).toBeLessThan(2_000_000)
    await unpack(carOf(bag, root), join(folder, 'zeros'))
    expect((await readFile(join(folder, 'zeros'))).equals(Buffer.alloc(50 * 1024 * 1024))).toBe(true)
  })

  it('brings records as they were signed, receipts, TOCs, attributes, and the format that explains them', async () => {
    const { archive } = await fleet(['a', 'b'])
    const receipt = await archive.put([{ path: 'x', content: noise(10), mode: 0o640, mtime: new Date(5_000) }], { name: 'x' })
    const bag = await out()
    await archive.export(bag)
    const data = join(bag, 'data')
    const record = undo(JSON.parse(await readFile(join(data, 'records', `${receipt.root}.json`), 'utf8')))
    const statement = await openSigned(cbor.encode(record), fromMultikey(archive.publicKey))
    expect(statement).toMatchObject({ kind: 'record', sequence: 1, name: 'x' })
    const saved = JSON.parse(await readFile(join(data, 'receipts', `${receipt.root}.json`), 'utf8'))
    expect(await verifyReceipt(saved, archive.publicKey)).toBe(true)
    const [toc] = await readdir(join(data, 'tocs'))
    const bytes = await readFile(join(data, 'tocs', toc ?? ''))
    expect(
      createHash('sha256')
        .update(bytes)
        .digest()
        .equals(Buffer.from(CID.parse((toc ?? '').replace('.cbor', '')).multihash.digest)),
    ).toBe(true)
    const rows = JSON.parse(await readFile(join(data, 'attributes', `${receipt.root}.json`), 'utf8')) as unknown[][]
    expect(rows.map((row) => row.slice(0, 4))).toContainEqual(['x', 0o640, 5, 0])
    expect(await readFile(join(data, 'FORMAT.md'), 'utf8')).toBe(await readFile(new URL('../../../FORMAT.md', import.meta.url), 'utf8'))
    expect(await readFile(join(data, 'README.txt'), 'utf8')).toMatch(/ipfs-car unpack/)
  })

  it('of sealed objects stays sealed, says no name, and opens with age, ipfs-car and jq alone', async () => {
    const { archive, folder } = await sealedHouse()
    const tree = await files(join(folder, 'secret-plans'), { 'one.bin': noise(1_200_000, 'one'), 'sub/two.txt': 'two' })
    const sealed = await archive.put(tree)
    const file = await archive.put(Buffer.from('the deed'), { name: 'deed.txt' })
    const bag = await out()
    await archive.export(bag)
    expect(await flawsOf(bag)).toEqual([])
    for (const entry of await readdir(bag, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'FORMAT.md') continue
      const bytes = await readFile(join(entry.parentPath, entry.name))
      for (const secret of ['secret-plans', 'deed', 'two.txt']) expect(bytes.includes(secret), `${entry.name} says ${secret}`).toBe(false)
    }
    await unpack(carOf(bag, sealed.root), join(folder, 'unpacked'))
    await restoreByHand(join(folder, 'unpacked'), join(folder, 'opened'), alice.identity)
    expect(await treeOf(join(folder, 'opened'))).toEqual(await treeOf(tree))
    await unpack(carOf(bag, file.root), join(folder, 'deed.age'))
    expect((await decrypt(join(folder, 'deed.age'), alice.identity)).toString()).toBe('the deed')
    const meta = JSON.parse((await decrypt(join(bag, 'data', 'attributes', `${file.root}.age`), alice.identity)).toString())
    expect(meta).toMatchObject({ name: 'deed.txt', size: 8 })
    if (!age) return
    await writeFile(join(folder, 'key.txt'), alice.identity, { mode: 0o600 })
    const { stdout } = await run('age', ['-d', '-i', join(folder, 'key.txt'), join(folder, 'deed.age')])
    expect(stdout).toBe('the deed')
  })

  it('brings the packs as they are when asked, and only the objects that are named', async () => {
    const { archive, members } = await fleet(['a', 'b'], { maxPackBytes: 100_000 })
    const first = await archive.put(noise(2_000_000, 'first'))
    await archive.put(noise(1_000, 'second'))
    const bag = await out()
    const report = await archive.export(bag, { roots: [first.root, first.root], form: 'packs' })
    expect(report.objects).toBe(1)
    expect(await flawsOf(bag)).toEqual([])
    const names = (await readdir(join(bag, 'data', 'packs'))).sort()
    expect(names).toEqual(first.packs.map(({ name }) => `${name}.car`).sort())
    for (const name of names) {
      const stored = members.a.store.get(`content/${name.replace('.car', '')}`)
      expect((await readFile(join(bag, 'data', 'packs', name))).equals(Buffer.from(stored ?? new Uint8Array()))).toBe(true)
    }
  })

  it('reads around damage, and names what no vault can give, in the report and in the bag', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const good = await archive.put(noise(100_000, 'good'))
    const before = new Set(contentOf(members.a))
    const bad = await archive.put(noise(100_000, 'bad'))
    const lost = only(contentOf(members.a).filter((at) => !before.has(at)))
    for (const at of before) members.a.store.get(at)?.fill(0, 1_000, 2_000)
    for (const member of [members.a, members.b]) member.store.delete(lost)
    const bag = await out()
    const report = await archive.export(bag)
    expect(report).toMatchObject({ objects: 1, missing: { count: 1, first: [{ root: bad.root }] } })
    expect(await flawsOf(bag)).toEqual([])
    expect(await linesOf(bag)).toMatchObject([{ root: good.root }])
    expect(JSON.parse(await readFile(join(bag, 'data', 'archive.json'), 'utf8'))).toMatchObject({
      missing: { first: [{ root: bad.root }] },
    })
  })

  it('leaves out what was shredded, and warns of what can be shredded elsewhere', async () => {
    const { archive } = await keyedFleet(['a', 'b'])
    const gone = await archive.put(noise(100_000, 'gone'), { erasable: true })
    await archive.put(noise(100_000, 'kept'), { erasable: true })
    await archive.shred(gone.root)
    const bag = await out()
    expect(await archive.export(bag)).toMatchObject({ objects: 1, erasable: 1, missing: { first: [{ root: gone.root }] } })
    expect(await readFile(join(bag, 'data', 'README.txt'), 'utf8')).toMatch(/shredding them\nelsewhere does not reach it/)
  })

  it('never writes over anything', async () => {
    const { archive } = await house()
    await archive.put(noise(10))
    const bag = await out()
    await mkdir(bag)
    await writeFile(join(bag, 'mine.txt'), 'mine')
    await expect(archive.export(bag)).rejects.toMatchObject({ code: 'exists' })
    expect(await readdir(bag)).toEqual(['mine.txt'])
  })

  it('goes on after it was stopped: CARs that are whole stay, others are written anew, strays are not in the bag', async () => {
    const { archive } = await fleet(['a', 'b'])
    const first = await archive.put(noise(300_000, 'first'))
    const second = await archive.put(noise(300_000, 'second'))
    const third = await archive.put(noise(300_000, 'third'))
    const bag = await out()
    const stop = new AbortController()
    let seen = 0
    const onProgress = ({ type }: { readonly type: string }) => {
      if (type === 'exporting' && ++seen === 3) stop.abort()
    }
    await expect(archive.export(bag, { signal: stop.signal, onProgress })).rejects.toThrow()
    await expect(readdir(bag)).rejects.toMatchObject({ code: 'ENOENT' })
    const part = join(bag, '..', '.bag.part')
    await flip(carOf(part, first.root), 200)
    await archive.rm(second.root)
    const report = await archive.export(bag)
    expect(report).toMatchObject({ objects: 2, reused: 0 })
    expect(await flawsOf(bag)).toEqual([])
    expect((await readdir(join(bag, 'data', 'objects'))).sort()).toEqual([first.root, third.root].map((root) => `${root}.car`).sort())
    await rename(bag, part)
    expect(await archive.export(bag), 'both CARs of the earlier run').toMatchObject({ objects: 2, reused: 2 })
    expect((await bytesOf(archive.get(first.root))).equals(noise(300_000, 'first'))).toBe(true)
  })
})
