/** Cases of forgetting, garbage and leases. */
import assert from 'node:assert/strict'
import type { Catalog } from '../contracts.ts'
import { block, type CatalogCase, evidence, object, putIndex, putOne, sealed, staged, withCode } from './catalog-fixtures.ts'

const garbageIds = async (catalog: Catalog) => (await catalog.garbage()).map(({ id }) => id)

export const forgettingCases: readonly CatalogCase[] = [
  {
    name: 'a pack is garbage when its last object is forgotten, and not before',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      const own = await catalog.stagePack(staged('b', 2))
      const extents = [
        { start: 0, pack: own, first: 0, count: 2 },
        { start: 2, pack: a.pack, first: 1, count: 1 },
      ]
      const [b = 0] = await catalog.seal('b', [sealed('b', own)], [object('b', extents)])
      await catalog.placed(a.pack, 'v', 'at', 1)
      await catalog.recordEvidence([evidence(a.pack, 'v', 2, { object: a.id }), evidence(a.pack, 'v', 2, { object: b })])
      assert.deepEqual(await catalog.forget(a.id), { garbage: [], shared: [a.pack] })
      assert.equal(await catalog.object(a.root), undefined)
      assert.deepEqual(await catalog.evidenceOf(b), [evidence(a.pack, 'v', 2, { object: b })])
      await assert.rejects(catalog.dropPack(a.pack), withCode('conflict'))
      assert.deepEqual(await catalog.forget(b), { garbage: [a.pack, own], shared: [] })
      assert.deepEqual(await garbageIds(catalog), [a.pack, own])
      assert.deepEqual(
        (await catalog.garbage({ after: a.pack })).map(({ id }) => id),
        [own],
      )
      await catalog.dropPack(a.pack)
      assert.equal(await catalog.pack(a.pack), undefined)
      assert.equal((await catalog.findBlocks([block('a 0')], {})).size, 0)
      assert.deepEqual(await catalog.replicasOf([a.pack]), [])
      assert.deepEqual(await garbageIds(catalog), [own])
    },
  },
  {
    name: 'garbage that a put reuses is garbage no more',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a')
      await catalog.forget(id)
      assert.deepEqual(await garbageIds(catalog), [pack])
      await catalog.seal('b', [], [object('b', [{ start: 0, pack, first: 0, count: 1 }])])
      assert.deepEqual(await garbageIds(catalog), [])
      await assert.rejects(catalog.dropPack(pack), withCode('conflict'))
    },
  },
  {
    name: 'an index pack is garbage when all its records are superseded, and never when it had none',
    async run({ open }) {
      const catalog = await open()
      const a = await putOne(catalog, 'a')
      const b = await putOne(catalog, 'b')
      const tombstones = await putIndex(catalog, 't')
      const record = (id: number, sequence: number) => ({ object: id, sequence, record: block(`record ${id} ${sequence}`) })
      const first = await putIndex(catalog, '1', [record(a.id, 1), record(b.id, 1)])
      const second = await putIndex(catalog, '2', [record(a.id, 2)])
      assert.deepEqual(await garbageIds(catalog), [])
      assert.equal(await putIndex(catalog, '2', [record(b.id, 2)]), second)
      assert.deepEqual(await garbageIds(catalog), [first])
      assert.equal(await putIndex(catalog, '1'), first)
      assert.deepEqual(await garbageIds(catalog), [])
      await catalog.forget(a.id)
      await catalog.forget(b.id)
      assert.deepEqual(await garbageIds(catalog), [a.pack, b.pack, second])
      const ofKind = async (kind: 'content' | 'index') => (await catalog.garbage({ kind })).map(({ id }) => id)
      assert.deepEqual([await ofKind('content'), await ofKind('index')], [[a.pack, b.pack], [second]])
      assert.equal((await catalog.pack(tombstones))?.kind, 'index')
      await assert.rejects(catalog.dropPack(tombstones), withCode('conflict'))
    },
  },
  {
    name: 'a lease is held by one at a time',
    async run({ open }) {
      const catalog = await open()
      const lease = await catalog.acquire('pack 1', { ttlMs: 60_000 })
      assert.notEqual(lease, undefined)
      assert.equal(await catalog.acquire('pack 1', { ttlMs: 60_000 }), undefined)
      const other = await catalog.acquire('pack 2', { ttlMs: 60_000 })
      assert.notEqual(other, undefined)
      await lease?.renew()
      await lease?.release()
      await lease?.release()
      assert.notEqual(await catalog.acquire('pack 1', { ttlMs: 60_000 }), undefined)
      await assert.rejects(lease?.renew() ?? Promise.resolve(), withCode('conflict'))
      await lease?.release()
      assert.equal(await catalog.acquire('pack 1', { ttlMs: 60_000 }), undefined)
    },
  },
  {
    name: 'calls side by side do not disturb each other',
    async run({ open }) {
      const catalog = await open()
      const names = Array.from({ length: 20 }, (_, index) => `a${index}`)
      const put = await Promise.all(names.map((name) => putOne(catalog, name)))
      assert.equal(new Set(put.map(({ id }) => id)).size, 20)
      const taken = await Promise.all(names.map(() => catalog.acquire('one', { ttlMs: 60_000 })))
      assert.equal(taken.filter((lease) => lease !== undefined).length, 1)
    },
  },
]
