/** Cases of what objects ask to be retained, and what vaults have confirmed of it. */
import assert from 'node:assert/strict'
import { type CatalogCase, object, putOne, sealed, staged } from './catalog-fixtures.ts'

export const retentionCases: readonly CatalogCase[] = [
  {
    name: 'what an object asks to be retained is kept with it, and only grows when it is put again',
    async run({ open, reopen }) {
      let catalog = await open()
      const { id, root, pack } = await putOne(catalog, 'a', { retain: { until: 9_000, mode: 'governance' } })
      const plain = await putOne(catalog, 'b')
      const again = async (retain: { until: number; mode?: 'governance' | 'compliance'; legalHold?: boolean } | undefined) => {
        const own = await catalog.stagePack(staged('again', 1))
        await catalog.seal('again', [sealed('again', own)], [object('a', [{ start: 0, pack, first: 0, count: 4 }], { retain })])
      }
      assert.deepEqual((await catalog.object(root))?.retain, { until: 9_000, mode: 'governance' })
      await again({ until: 5_000, mode: 'compliance' })
      await again({ until: 8_000, legalHold: true })
      await again(undefined)
      catalog = await reopen(catalog)
      assert.deepEqual((await catalog.objectById(id))?.retain, { until: 9_000, mode: 'compliance', legalHold: true })
      assert.equal((await catalog.objectById(plain.id))?.retain, undefined)
    },
  },
  {
    name: 'a pack is retained by the longest wish in force of the objects that share it',
    async run({ open }) {
      const catalog = await open()
      const { pack, id } = await putOne(catalog, 'a', { retain: { until: 9_000 } })
      const other = await putOne(catalog, 'b')
      const extents = [{ start: 0, pack, first: 1, count: 2 }]
      const empty = await catalog.stagePack(staged('c', 1))
      const sharing = [
        object('shares 1', extents, { retain: { until: 4_000, mode: 'compliance' } }),
        object('shares 2', extents, { retain: { until: 2_000, legalHold: true } }),
      ]
      await catalog.seal('c', [sealed('c', empty)], sharing)
      const at = async (now: number) => (await catalog.retentionOf([pack, other.pack], now)).get(pack)
      assert.deepEqual(await at(1_000), { until: 9_000, mode: 'compliance', legalHold: true })
      assert.deepEqual(await at(5_000), { until: 9_000, legalHold: true })
      assert.deepEqual((await at(9_000))?.legalHold, true)
      assert.deepEqual([...(await catalog.retentionOf([pack, other.pack], 1_000)).keys()], [pack])
      await catalog.forget(id)
      assert.deepEqual(await at(1_000), { until: 4_000, mode: 'compliance', legalHold: true })
    },
  },
  {
    name: 'a lock that a vault has confirmed is remembered, until more is asked for or the replica is dropped',
    async run({ open, reopen }) {
      let catalog = await open()
      const { pack } = await putOne(catalog, 'a', { retain: { until: 9_000 } })
      for (const vault of ['v', 'w']) await catalog.placed(pack, vault, vault, 1)
      await catalog.retained(pack, 'v', 9_000)
      catalog = await reopen(catalog)
      const confirmed = async () => (await catalog.replicasOf([pack])).map(({ retainedUntil }) => retainedUntil)
      const again = async (until: number) => {
        const own = await catalog.stagePack(staged('again', 1))
        await catalog.seal('again', [sealed('again', own)], [object('a', [{ start: 0, pack, first: 0, count: 4 }], { retain: { until } })])
      }
      assert.deepEqual(await confirmed(), [9_000, undefined])
      await again(8_000)
      await catalog.placed(pack, 'v', 'elsewhere', 2)
      assert.deepEqual(await confirmed(), [9_000, undefined])
      await again(12_000)
      assert.deepEqual(await confirmed(), [undefined, undefined])
      await catalog.retained(pack, 'w', 12_000)
      await catalog.dropReplica(pack, 'w')
      await catalog.intend(pack, 'w', 3)
      assert.deepEqual(await confirmed(), [undefined, undefined])
    },
  },
]
