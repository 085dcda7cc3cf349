import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CarReader } from '@ipld/car'
import { describe, expect, it } from 'vitest'
import type { Dag, Pack, Receipt, Vault } from '../../src/contracts.ts'
import { addressOf, matches, RAW, toCID } from '../../src/format/address.ts'
import { memory } from '../../src/vaults/memory.ts'
import { dagHouse } from '../fakes/dag-house.ts'
import { type DagKeeper, dagKeeper, reachable } from '../fakes/dag-vault.ts'
import { all, bytesOf, files, house, noise, only, spooled, tempFolder, treeOf } from './house.ts'

const MIB = 1024 * 1024
const UNPACK = fileURLToPath(new URL('../../node_modules/ipfs-car/bin.js', import.meta.url))

const put = async (archive: { put(source: Uint8Array): Promise<Receipt> }, bytes: Uint8Array) => archive.put(bytes)

async function unpacked(car: Uint8Array, root: string): Promise<string> {
  const folder = await tempFolder()
  await writeFile(join(folder, 'in.car'), car)
  await promisify(execFile)(process.execPath, [UNPACK, 'unpack', join(folder, 'in.car'), '--root', root, '--output', join(folder, 'out')])
  return join(folder, 'out')
}

/** One header root, every block hashing and once, every link resolved, the root last. */
async function assertWhole({ root, car }: DagKeeper['pushes'][number], count?: number): Promise<readonly string[]> {
  const reader = await CarReader.fromBytes(car)
  expect((await reader.getRoots()).map(String)).toEqual([root])
  const blocks = await all(reader.blocks())
  for (const { cid, bytes } of blocks) expect(matches(toCID(`${cid}`), bytes)).toBe(true)
  const names = blocks.map(({ cid }) => `${cid}`)
  expect(new Set(names).size).toBe(names.length)
  expect(names.at(-1)).toBe(root)
  const held = reachable(new Map(blocks.map(({ cid, bytes }) => [`${cid}`, bytes])), [root])
  expect([...held].sort()).toEqual(names.toSorted())
  if (count !== undefined) expect(names).toHaveLength(count)
  return names
}

describe('the DAG of a pack', () => {
  it('is the whole object when it lies in several packs, pushed once under its root', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 1_500_000 })
    const receipt = await put(archive, noise(5 * MIB))
    expect(receipt.state).toBe('satisfied')
    expect(receipt.packs.length).toBeGreaterThan(3)
    const push = only(keeper.pushes)
    await assertWhole(push, 6)
    expect((await readFile(await unpacked(push.car, receipt.root))).equals(noise(5 * MIB))).toBe(true)
    const locators = receipt.replicas.filter(({ vault }) => vault === 'ipfs').map(({ locator }) => locator)
    expect(new Set(locators)).toEqual(new Set([`ipfs:${receipt.root}`]))
  })

  it('is the directory around entries that were put together, names and all', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 700_000 })
    const entries = ['x.bin', 'sub/y.bin', 'sub/deeper/z.bin'].map((path, at) => ({ path, content: noise(500_000 + at, path) }))
    const receipts = await archive.putAll(entries)
    const push = only(keeper.pushes)
    await assertWhole(push)
    expect(receipts.map(({ root }) => root)).not.toContain(push.root)
    const out = await unpacked(push.car, push.root)
    expect(Object.keys(await treeOf(out)).sort()).toEqual(['sub/deeper/z.bin', 'sub/y.bin', 'x.bin'])
  })

  it('takes along what it reuses of older puts: blocks, whole files, and unchanged folders', async () => {
    const { archive, keeper } = await dagHouse({ maxPackBytes: 1_500_000 })
    const old = noise(3 * MIB)
    await put(archive, old)
    const grown = Buffer.concat([old, noise(2 * MIB, 'more')])
    const receipt = await put(archive, grown)
    expect(keeper.pushes).toHaveLength(2)
    const push = keeper.pushes[1] as DagKeeper['pushes'][number]
    await assertWhole(push, 6)
    expect((await readFile(await unpacked(push.car, receipt.root))).equals(grown)).toBe(true)

    const same = ['s/one', 's/two', 'big'].map((path) => ({ path, content: path === 'big' ? grown : noise(2_000, path) }))
    await archive.putAll(same)
    await assertWhole(keeper.pushes[2] as DagKeeper['pushes'][number], 6 + 2 + 2)
    await archive.putAll([...same, { path: 'new', content: noise(2_000, 'new') }])
    await assertWhole(keeper.pushes[3] as DagKeeper['pushes'][number], 6 + 2 + 2 + 1)
  })

  it('is the same bytes from the spool and, once the packs have left it, from replicas', async () => {
    const { archive, keeper, folder } = await dagHouse({ maxPackBytes: 1_500_000 })
    const receipt = await put(archive, noise(5 * MIB))
    const first = only(keeper.pushes)
    expect(await spooled(folder)).toEqual([])
    keeper.pins.clear()
    keeper.blocks.clear()
    expect((await archive.verify(receipt.root)).state).not.toBe('satisfied')
    expect((await archive.repair(receipt.root)).state).toBe('satisfied')
    expect(keeper.pushes).toHaveLength(2)
    expect(Buffer.compare(keeper.pushes[1]?.car ?? Buffer.alloc(0), first.car)).toBe(0)
  })

  it('of a file whose leaves are all alike holds each block once', async () => {
    const { archive, keeper } = await dagHouse()
    await put(archive, Buffer.concat([Buffer.alloc(40 * MIB), noise(10)]))
    await put(archive, Buffer.concat([Buffer.alloc(40 * MIB), noise(11)]))
    await assertWhole(keeper.pushes[0] as DagKeeper['pushes'][number], 3)
    await assertWhole(keeper.pushes[1] as DagKeeper['pushes'][number], 3)
  })

  it('of sealed content is ciphertext that stock tools unpack', async () => {
    const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
    const recipient = await identityToRecipient(await generateX25519Identity())
    const { archive, keeper } = await dagHouse({ recipients: [recipient], maxPackBytes: 1_500_000 })
    const folder = await files(await tempFolder(), { 'a.txt': 'a', 'sub/b.bin': noise(3 * MIB) })
    const receipt = await archive.put(folder)
    expect(receipt.state).toBe('satisfied')
    const push = only(keeper.pushes)
    await assertWhole(push)
    const tree = await treeOf(await unpacked(push.car, receipt.root))
    expect(Object.keys(tree)).toContain('index.age')
    expect(Buffer.from(push.car).includes('sub/b.bin')).toBe(false)
  })
})

/** A vault that only looks at the DAG it is given. */
function looking(seen: (dag: Dag, pack: Pack) => Promise<void>): Vault {
  const store = memory({ id: 'look', network: 'ipfs', operator: 'look' })
  return {
    ...store,
    put: async (pack, options) => {
      const dag = await pack.dag?.(options)
      if (dag) await seen(dag, pack)
      return store.put(pack, options)
    },
  }
}

describe('a DAG', () => {
  it('says beforehand how long its CAR is and how many blocks come, and serves its blocks one by one and no others', async () => {
    let looked = 0
    const outside = noise(9_000, 'another object')
    const vaults = [
      memory({ id: 'a', operator: 'a' }),
      memory({ id: 'b', operator: 'b' }),
      looking(async (dag) => {
        looked++
        const car = await bytesOf(dag.car())
        expect(car.byteLength).toBe(dag.byteLength)
        const blocks = await all((await CarReader.fromBytes(car)).blocks())
        expect(blocks).toHaveLength(dag.blockCount)
        for (const { cid, bytes } of blocks) {
          const known = toCID(`${cid}`)
          expect(await dag.has(known)).toBe(true)
          expect(Buffer.compare((await dag.block(known)) ?? Buffer.alloc(0), bytes)).toBe(0)
        }
        const stranger = addressOf(outside, RAW)
        const isOwn = dag.root.equals(stranger)
        expect(await dag.has(stranger)).toBe(isOwn)
        if (!isOwn) expect(await dag.block(stranger)).toBeUndefined()
      }),
    ]
    const { archive } = await house({ vaults, policy: { copies: 3, floor: 2, distinct: {} }, maxPackBytes: 1_500_000 })
    await put(archive, outside)
    const old = noise(3 * MIB)
    await put(archive, old)
    await put(archive, Buffer.concat([old, noise(2 * MIB, 'more')]))
    expect(looked).toBeGreaterThan(4)
  })

  it('read while a pack leaves the spool, and from a replica that lies, is whole all the same', async () => {
    const { archive, keeper, stores } = await dagHouse({ maxPackBytes: 1_500_000, policy: { copies: 3, floor: 1, distinct: {} } })
    const receipt = await put(archive, noise(4 * MIB))
    for (const [at, bytes] of stores.a) if (at.startsWith('content/')) bytes.fill(0, 200)
    keeper.pins.clear()
    keeper.blocks.clear()
    await archive.verify(receipt.root)
    await archive.repair(receipt.root)
    await assertWhole(keeper.pushes[1] as DagKeeper['pushes'][number], 5)
  })

  it('ends with the caller, with the reason given', async () => {
    const keeper = dagKeeper()
    const reason = new RangeError('enough')
    const stop = new AbortController()
    keeper.onPush = async () => stop.abort(reason)
    const vaults = [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b' }), keeper.vault]
    const { archive } = await house({ vaults, policy: { copies: 3, floor: 2, distinct: {} } })
    await expect(archive.put(noise(3 * MIB), { signal: stop.signal })).rejects.toBe(reason)
  })
})
