/** Cases of recoveries: what is found is kept apart, and what is restored brings a catalog forward and never back. */
import assert from 'node:assert/strict'
import type { FoundStatement, ReadIndexPack, RecoveredObject, RecoveredPack } from '../contracts.ts'
import { block, type CatalogCase, putOne, staged, toc, withCode } from './catalog-fixtures.ts'

const ours = new Uint8Array(32).fill(1)
const theirs = new Uint8Array(32).fill(2)

const readPack = (name: string, given: Partial<ReadIndexPack> = {}): ReadIndexPack => ({
  name: toc(name).name,
  whole: true,
  archive: ours,
  root: block(`${name} root`),
  toc: toc(name).toc,
  byteLength: 300,
  blockCount: 3,
  lasting: false,
  logOnly: false,
  ...given,
})

const statement = (text: string, root: string, given: Partial<FoundStatement> = {}): FoundStatement => ({
  cid: block(text),
  kind: 'record',
  archive: ours,
  root: block(root),
  sequence: 1,
  at: 1_000,
  pack: toc('index').name,
  bytes: new TextEncoder().encode(text),
  names: [],
  ...given,
})

function recoveredPack(prefix: string, count: number, given: Partial<RecoveredPack> = {}): RecoveredPack {
  const { blocks, byteLength } = staged(prefix, count)
  return {
    ...toc(prefix),
    root: block(`${prefix} 0`),
    visibility: 'public',
    erasable: false,
    byteLength,
    blocks,
    createdAt: 1_000,
    ...given,
  }
}

const recoveredObject = (root: string, pack: number, given: Partial<RecoveredObject> = {}): RecoveredObject => ({
  root: block(root),
  kind: 'file',
  byteLength: 1_000,
  profile: 'unixfs-v1-2025',
  visibility: 'public',
  createdAt: 1_000,
  extents: [{ start: 0, pack, first: 0, count: 2 }],
  erasable: false,
  sequence: 1,
  record: block(`record of ${root}`),
  ...given,
})

export const recoveryCases: readonly CatalogCase[] = [
  {
    name: 'what a recovery found outlasts it, is asked for by page, and is gone when it ends',
    async run({ open, reopen }) {
      let catalog = await open()
      await catalog.setRecoveryNote('archive', 'first')
      await catalog.setRecoveryNote('archive', 'second')
      await catalog.beginListing('v')
      const index = toc('index').name
      const content = toc('content').name
      const places = [
        { name: index, kind: 'index' as const, at: 'i', byteLength: 300 },
        { name: content, kind: 'content' as const, at: 'c', byteLength: 900 },
      ]
      await catalog.stageListed('v', places)
      assert.deepEqual(
        (await catalog.unreadIndexPacks()).map(({ name, byteLength, places: at }) => [name.toString(), byteLength, at]),
        [[index.toString(), 300, [{ vault: 'v', locator: 'i' }]]],
      )
      await catalog.stageFound({
        packs: [readPack('index', { whole: false })],
        statements: [
          statement('one', 'x', { previous: block('zero'), names: [content] }),
          statement('two', 'x', { sequence: 2 }),
          statement('end', 'y', { kind: 'tombstone', shred: true, archive: theirs }),
          statement('next', '', { kind: 'succession', root: undefined }),
        ],
        blocks: [{ cid: content, bytes: Uint8Array.of(9) }],
      })
      assert.equal((await catalog.unreadIndexPacks()).length, 1, 'in part is not read')
      await catalog.stageFound({ packs: [readPack('index')], statements: [statement('one', 'x')] })
      await catalog.stageFound({ packs: [readPack('index', { whole: false })] })
      catalog = await reopen(catalog)
      assert.equal(await catalog.recoveryNote('archive'), 'second')
      assert.equal(await catalog.recoveryNote('nothing'), undefined)
      assert.deepEqual(await catalog.unreadIndexPacks(), [])
      assert.deepEqual(
        (await catalog.foundArchives()).map(({ archive, records, tombstones }) => [archive[0], records, tombstones]),
        [
          [1, 2, 0],
          [2, 0, 1],
        ],
      )
      assert.equal((await catalog.foundSuccessions()).length, 1)
      const roots = await catalog.foundRoots({ limit: 1 })
      const others = await catalog.foundRoots({ after: roots[0] })
      assert.deepEqual([...roots, ...others].map(String).sort(), [block('x'), block('y')].map(String).sort())
      const history = await catalog.foundHistory(block('x'))
      assert.deepEqual(history.map(({ sequence, previous }) => [sequence, previous?.toString()]).sort(), [
        [1, block('zero').toString()],
        [2, undefined],
      ])
      assert.deepEqual(
        (await catalog.foundHistory(block('y'))).map(({ kind, shred }) => [kind, shred]),
        [['tombstone', true]],
      )
      assert.deepEqual([...((await catalog.foundBytes(content)) ?? [])], [9])
      assert.equal(Buffer.from((await catalog.foundBytes(block('one'))) ?? []).toString(), 'one')
      assert.equal((await catalog.signerOf(block('end')))?.[0], 2)
      assert.equal((await catalog.readIndexPacks()).length, 1)
      assert.deepEqual(
        (await catalog.listedAt([content])).map(({ vault, locator }) => [vault, locator]),
        [['v', 'c']],
      )
      assert.deepEqual(await catalog.orphans(), [], 'a record names it')
      await catalog.beginListing('v')
      assert.deepEqual(await catalog.listedAt([content]), [])
      await catalog.endRecovery()
      assert.deepEqual([await catalog.foundArchives(), await catalog.recoveryNote('archive')], [[], undefined])
      assert.equal(await catalog.foundBytes(content), undefined)
    },
  },
  {
    name: 'content that is listed, and neither in the catalog nor named by anybody, is an orphan',
    async run({ open }) {
      const catalog = await open()
      await putOne(catalog, 'known')
      const names = ['known', 'named', 'orphan'].map((text) => toc(text).name)
      await catalog.stageListed(
        'v',
        names.map((name) => ({ name, kind: 'content' as const, at: `at ${name}`, byteLength: 10 })),
      )
      await catalog.stageFound({ statements: [statement('one', 'x', { archive: theirs, names: names.slice(1, 2) })] })
      assert.deepEqual(
        (await catalog.orphans()).map(({ name }) => name.toString()),
        [String(names[2])],
      )
    },
  },
  {
    name: 'packs and objects that are restored are read, referred to and reused like any other, and nothing is known of their replicas',
    async run({ open }) {
      const catalog = await open()
      const [pack = 0] = await catalog.restorePacks([recoveredPack('a', 2)])
      assert.deepEqual(await catalog.restorePacks([recoveredPack('a', 2)]), [pack])
      assert.deepEqual({ ...(await catalog.restoreReplicas([{ pack, vault: 'v', locator: 'at' }], 5)) }, { v: 1 })
      assert.deepEqual({ ...(await catalog.restoreReplicas([{ pack, vault: 'v', locator: 'elsewhere' }], 6)) }, { v: 0 })
      assert.deepEqual(
        (await catalog.replicasOf([pack])).map(({ vault, state, locator }) => [vault, state, locator]),
        [['v', 'placed', 'at']],
      )
      const retain = { until: 9_000, mode: 'governance' as const }
      const given = { name: 'n', attributes: Uint8Array.of(7), retain, supersedes: block('old') }
      const [first] = await catalog.restoreObjects([recoveredObject('x', pack, given)])
      assert.equal(first?.outcome, 'restored')
      const row = await catalog.object(block('x'))
      assert.deepEqual([row?.name, row?.sequence, row?.state, row?.blockCount], ['n', 1, 'unknown', 2])
      assert.deepEqual({ ...row?.retain }, retain)
      assert.equal(row?.supersedes?.toString(), block('old').toString())
      assert.deepEqual([...((await catalog.attributesOf(first?.object ?? 0)) ?? [])], [7])
      assert.equal((await catalog.findBlocks([block('a 1')], { reusable: true })).size, 1)
      assert.deepEqual(await catalog.garbage(), [])
      assert.deepEqual(await catalog.evidenceOf(first?.object ?? 0), [])
      assert.equal(
        (await catalog.tallies(0)).replicas.reduce((sum, { replicas }) => sum + replicas, 0),
        1,
      )
    },
  },
  {
    name: 'an intent becomes a replica that was found, and counts once',
    async run({ open }) {
      const catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      await catalog.intend(pack, 'v', 1)
      await catalog.restoreReplicas([{ pack, vault: 'v', locator: 'at' }], 5)
      assert.deepEqual(
        (await catalog.replicasOf([pack])).map(({ state, locator }) => [state, locator]),
        [['placed', 'at']],
      )
      assert.deepEqual(
        (await catalog.tallies(0)).replicas.map(({ state, replicas }) => [state, replicas]),
        [['placed', 1]],
      )
    },
  },
  {
    name: 'an object is brought forward and never back, and what it leaves is garbage',
    async run({ open }) {
      const catalog = await open()
      const [old = 0, next = 0] = await catalog.restorePacks([recoveredPack('a', 2), recoveredPack('b', 2)])
      await catalog.restoreObjects([recoveredObject('x', old, { sequence: 3, attributes: Uint8Array.of(1) })])
      const outcomes = async (given: Partial<RecoveredObject>, pack = next) =>
        (await catalog.restoreObjects([recoveredObject('x', pack, given)])).map(({ outcome }) => outcome)
      assert.deepEqual(await outcomes({ sequence: 3, name: 'late' }), ['kept'])
      assert.deepEqual(await outcomes({ sequence: 9, createdAt: 999, name: 'an earlier life' }), ['kept'])
      assert.equal((await catalog.object(block('x')))?.name, undefined)
      assert.deepEqual(await outcomes({ sequence: 4, name: 'new' }), ['updated'])
      assert.equal((await catalog.object(block('x')))?.name, 'new')
      assert.deepEqual(
        (await catalog.garbage()).map(({ id }) => id),
        [old],
      )
      assert.deepEqual(await outcomes({ sequence: 1, createdAt: 2_000, name: 'a later life' }), ['updated'])
      await assert.rejects(outcomes({ visibility: 'sealed', sequence: 9 }), withCode('conflict'))
    },
  },
  {
    name: 'an object that is restored as shredded stays so, without attributes, and its header packs are never brought back',
    async run({ open }) {
      const catalog = await open()
      const [pack = 0] = await catalog.restorePacks([recoveredPack('a', 2, { erasable: true, visibility: 'sealed' })])
      const given = { visibility: 'sealed', erasable: true } as const
      await catalog.restoreObjects([recoveredObject('x', pack, { ...given, attributes: Uint8Array.of(1) })])
      const [done] = await catalog.restoreObjects([recoveredObject('x', pack, { ...given, shreddedAt: 5 })])
      assert.equal(done?.outcome, 'updated')
      assert.equal((await catalog.object(block('x')))?.shreddedAt, 5)
      assert.equal(await catalog.attributesOf(done?.object ?? 0), undefined)
      assert.equal(await catalog.isShredded(pack), true)
      const [later] = await catalog.restoreObjects([recoveredObject('x', pack, { ...given, sequence: 2 })])
      assert.equal(later?.outcome, 'updated')
      assert.equal((await catalog.object(block('x')))?.shreddedAt, 5, 'no later record revives it')
      await catalog.restoreShred(block('gone'), 7)
      await catalog.restoreShred(block('gone'), 8)
      assert.deepEqual([(await catalog.shredOf(block('gone')))?.begunAt, (await catalog.shredOf(block('gone')))?.complete], [7, false])
    },
  },
  {
    name: 'index packs that are restored are in use as long as a newest record lies in them, and lasting ones for good',
    async run({ open }) {
      const catalog = await open()
      const index = (name: string) => ({ ...toc(name), root: block(name), byteLength: 300, blockCount: 3, createdAt: 1 })
      const log = { first: 0, size: 64, role: 'segment' as const }
      const [old = 0, used = 0, lasting = 0] = await catalog.restoreIndexPacks([index('old'), index('used'), { ...index('lasting'), log }])
      assert.deepEqual(await catalog.restoreIndexPacks([index('used')]), [used])
      const [pack = 0] = await catalog.restorePacks([recoveredPack('a', 2)])
      const [object] = await catalog.restoreObjects([recoveredObject('x', pack, { recordPack: used })])
      assert.equal((await catalog.recordPackOf(object?.object ?? 0))?.id, used)
      await catalog.settleIndexPacks([old, used])
      assert.deepEqual(
        (await catalog.garbage()).map(({ id }) => id),
        [old],
      )
      assert.equal(await catalog.segmentedSize(), 64)
      assert.equal((await catalog.pack(lasting))?.kind, 'index')
      await catalog.stageFound({ packs: [readPack('kept')] })
      await catalog.keepIndexPacks([toc('kept').name])
      assert.deepEqual(
        (await catalog.readIndexPacks()).map((each) => each.lasting),
        [true],
      )
    },
  },
  {
    name: 'of the log that was found, the longest parts are told, and sizes that were signed twice',
    async run({ open }) {
      const catalog = await open()
      const part = (name: string, first: number, size: number, given: Partial<ReadIndexPack> = {}) =>
        readPack(name, { log: { first, size, treeRoot: `root ${size}` }, ...given })
      await catalog.stageFound({
        packs: [
          part('short', 0, 3),
          part('tail', 0, 64),
          part('segment', 0, 64, { logOnly: true }),
          part('newest', 64, 70),
          part('damaged', 64, 99, { whole: false }),
          part('foreign', 0, 500, { archive: theirs }),
        ],
      })
      const parts = await catalog.foundLogParts([ours])
      assert.deepEqual(
        parts.map(({ name, first, size, logOnly }) => [name.toString(), first, size, logOnly]),
        [
          [toc('segment').name.toString(), 0, 64, true],
          [toc('newest').name.toString(), 64, 70, false],
        ],
      )
      assert.deepEqual(await catalog.foundLogForks([ours]), [])
      await catalog.stageFound({ packs: [part('other', 2, 70, { log: { first: 2, size: 70, treeRoot: 'another' } })] })
      assert.deepEqual(await catalog.foundLogForks([ours]), [70])
      await catalog.stageListed('v', [{ name: toc('tail').name, kind: 'index', at: 'i', byteLength: 300 }])
      assert.deepEqual([await catalog.foundLogSize('v', [ours]), await catalog.foundLogSize('w', [ours])], [64, 0])
    },
  },
]
