/** Cases of the log: entries are only ever added, and what index packs carry of them is known vault by vault. */
import assert from 'node:assert/strict'
import type { Catalog, LogPack } from '../contracts.ts'
import { leafHash } from '../format/merkle.ts'
import { block, type CatalogCase, putIndex, sealed, withCode } from './catalog-fixtures.ts'

const text = (value: string) => new TextEncoder().encode(value)
const entry = (value: string, root?: string) => ({
  kind: 'write' as const,
  ...(root === undefined ? {} : { root: block(root) }),
  bytes: text(value),
})
const leaf = (position: number, value: string) => ({ level: 0, position, hash: new Uint8Array(leafHash(text(value))) })

async function append(catalog: Catalog, at: number, values: readonly string[]): Promise<void> {
  await catalog.appendLog(
    at,
    values.map((value) => entry(value, value)),
    values.map((value, index) => leaf(at + index, value)),
  )
}

/** An index pack that carries some of the log, placed in these vaults. */
async function carry(catalog: Catalog, prefix: string, log: LogPack, vaults: readonly string[]): Promise<number> {
  const pack = { ...sealed(prefix, 0), byteLength: 300, blockCount: 3, createdAt: 1_000, visibility: 'public' as const }
  const id = await catalog.addIndexPack(pack, [], log)
  for (const vault of vaults) await catalog.placed(id, vault, `${prefix} there`, 1_000)
  return id
}

export const logCases: readonly CatalogCase[] = [
  {
    name: 'the log begins empty, keeps entries in order and by root, and the nodes of their tree',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.logSize(), 0)
      assert.deepEqual(await catalog.logRows(), [])
      assert.equal(await catalog.lastLogged(block('a')), undefined)
      await append(catalog, 0, ['a', 'b', 'a'])
      await catalog.appendLog(3, [{ kind: 'audit', bytes: text('d') }], [leaf(3, 'd'), { level: 1, position: 1, hash: Uint8Array.of(9) }])
      catalog = await reopen(catalog)
      assert.equal(await catalog.logSize(), 4)
      const rows = await catalog.logRows()
      assert.deepEqual(
        rows.map(({ index, kind, root, bytes }) => [index, kind, root?.toString(), new TextDecoder().decode(bytes)]),
        [
          [0, 'write', block('a').toString(), 'a'],
          [1, 'write', block('b').toString(), 'b'],
          [2, 'write', block('a').toString(), 'a'],
          [3, 'audit', undefined, 'd'],
        ],
      )
      assert.deepEqual(
        (await catalog.logRows({ after: 0, limit: 2 })).map(({ index }) => index),
        [1, 2],
      )
      assert.equal((await catalog.lastLogged(block('a')))?.index, 2)
      assert.deepEqual(await catalog.logNodes(0, 1, 2), [leaf(1, 'b'), leaf(2, 'a')])
      assert.deepEqual(await catalog.logNodes(1, 0, 5), [{ level: 1, position: 1, hash: Uint8Array.of(9) }])
    },
  },
  {
    name: 'entries are taken only where the log ends, all of them or none',
    async run({ open }) {
      const catalog = await open()
      await append(catalog, 0, ['a', 'b'])
      for (const at of [0, 1, 3]) await assert.rejects(append(catalog, at, ['x']), withCode('conflict'))
      await assert.rejects(catalog.appendLog(2, [entry('c')], [leaf(0, 'again')]), withCode('conflict'))
      assert.equal(await catalog.logSize(), 2)
      await append(catalog, 2, ['c'])
      assert.deepEqual(
        (await catalog.logRows()).map(({ index }) => index),
        [0, 1, 2],
      )
    },
  },
  {
    name: 'a large batch of entries is one',
    async run({ open }) {
      const catalog = await open()
      const values = Array.from({ length: 1_500 }, (_, index) => `entry ${index}`)
      await append(catalog, 0, values)
      assert.equal(await catalog.logSize(), 1_500)
      assert.equal((await catalog.logRows({ after: 998 })).length, 501)
      assert.equal((await catalog.logNodes(0, 100, 1_000)).length, 1_000)
    },
  },
  {
    name: 'segments are missing where they are not placed, and the newest checkpoint is known vault by vault',
    async run({ open }) {
      const catalog = await open()
      assert.equal(await catalog.segmentedSize(), 0)
      const first = await carry(catalog, 's1', { first: 0, size: 64, role: 'segment' }, ['a'])
      const second = await carry(catalog, 's2', { first: 64, size: 130, role: 'segment' }, ['a', 'b'])
      await carry(catalog, 't', { first: 130, size: 135, role: 'tail' }, ['b'])
      assert.equal(await catalog.segmentedSize(), 130)
      assert.deepEqual(await catalog.segmentsMissing('a'), [])
      assert.deepEqual(await catalog.segmentsMissing('b'), [{ pack: first, first: 0, size: 64, role: 'segment' }])
      assert.deepEqual(
        (await catalog.segmentsMissing('c')).map(({ pack }) => pack),
        [first, second],
      )
      assert.equal((await catalog.segmentsMissing('c', { limit: 1 })).length, 1)
      assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((vault) => catalog.hasLogOf(vault, 135))), [false, true, false])
      assert.equal(await catalog.hasLogOf('a', 130), true)
      await catalog.intend(first, 'b', 1)
      assert.equal((await catalog.segmentsMissing('b')).length, 1, 'an intent is no replica')
    },
  },
  {
    name: 'what was published for the log alone is garbage when more is published; segments and others stay',
    async run({ open }) {
      const catalog = await open()
      const garbage = async () => (await catalog.garbage()).map(({ id }) => id)
      await carry(catalog, 's', { first: 0, size: 64, role: 'segment' }, ['a'])
      const alone = await carry(catalog, 'x', { first: 64, size: 65, role: 'alone' }, ['a'])
      assert.deepEqual(await garbage(), [])
      await carry(catalog, 't', { first: 64, size: 66, role: 'tail' }, ['a'])
      assert.deepEqual(await garbage(), [alone])
      const next = await carry(catalog, 'y', { first: 64, size: 67, role: 'alone' }, ['a'])
      await carry(catalog, 'z', { first: 64, size: 68, role: 'alone' }, ['a'])
      assert.deepEqual(await garbage(), [alone, next])
      await catalog.dropPack(alone)
      assert.deepEqual(await garbage(), [next])
    },
  },
  {
    name: 'an index pack is needed in a vault until all that it carries is there besides',
    async run({ open }) {
      const catalog = await open()
      const plain = await putIndex(catalog, 'plain')
      assert.equal(await catalog.hasLogBeside(plain, 'a'), true)
      const old = await carry(catalog, 't1', { first: 0, size: 5, role: 'tail' }, ['a', 'b'])
      assert.equal(await catalog.hasLogBeside(old, 'a'), false)
      const segment = await carry(catalog, 's', { first: 0, size: 64, role: 'segment' }, ['a'])
      await carry(catalog, 't2', { first: 64, size: 70, role: 'tail' }, ['a', 'b'])
      assert.equal(await catalog.hasLogBeside(old, 'a'), true)
      assert.equal(await catalog.hasLogBeside(old, 'b'), false, 'b lacks the segment')
      assert.equal(await catalog.hasLogBeside(segment, 'a'), false, 'a segment is always needed')
      await catalog.placed(segment, 'b', 'there', 2)
      assert.equal(await catalog.hasLogBeside(old, 'b'), true)
    },
  },
  {
    name: 'names of packs that it has never seen are told apart',
    async run({ open }) {
      const catalog = await open()
      const id = await putIndex(catalog, 'known')
      const { name } = (await catalog.pack(id)) ?? assert.fail('it is there')
      assert.deepEqual((await catalog.unknownPacks([name, block('stranger')])).map(String), [block('stranger').toString()])
      assert.deepEqual(await catalog.unknownPacks([]), [])
    },
  },
  {
    name: 'an alarm stays until it is cleared',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.logAlarm(), undefined)
      await catalog.raiseLogAlarm({ verdict: 'rolled-back', checkpoint: 'one', detail: 'older', at: 1 })
      await catalog.raiseLogAlarm({ verdict: 'forked', checkpoint: 'two', detail: 'another', at: 2 })
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.logAlarm(), { verdict: 'forked', checkpoint: 'two', detail: 'another', at: 2 })
      await catalog.clearLogAlarms(3)
      assert.equal(await catalog.logAlarm(), undefined)
    },
  },
]
