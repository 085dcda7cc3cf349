/** Cases of vaults that are left, and of the last drill. */
import assert from 'node:assert/strict'
import { type CatalogCase, putOne, withCode } from './catalog-fixtures.ts'

const before = { objects: 1, byteLength: 2, packs: 1, indexPacks: 0, packBytes: 3, states: { satisfied: 1 } }
const begin = { vault: 'v', at: 5, degrade: false, before }

export const evacuationCases: readonly CatalogCase[] = [
  {
    name: 'a vault that is being left gets no new intent, keeps what it has, and takes new ones when that has ended',
    async run({ open, reopen }) {
      let catalog = await open()
      const [one, other] = [await putOne(catalog, 'a'), await putOne(catalog, 'b')]
      await catalog.intend(one.pack, 'v', 1)
      await catalog.beginEvacuation(begin)
      catalog = await reopen(catalog)
      await catalog.intend(one.pack, 'v', 2)
      await assert.rejects(catalog.intend(other.pack, 'v', 2), withCode('conflict'))
      await catalog.intend(other.pack, 'w', 2)
      await catalog.endEvacuation('v')
      await catalog.intend(other.pack, 'v', 3)
      assert.deepEqual(
        (await catalog.replicasOf([one.pack, other.pack])).map(({ vault, intendedAt }) => [vault, intendedAt]),
        [
          ['v', 1],
          ['v', 3],
          ['w', 2],
        ],
      )
    },
  },
  {
    name: 'an evacuation that was begun stays as it is, and only degrade may be added to it',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.evacuation('v'), undefined)
      const first = await catalog.beginEvacuation(begin)
      assert.deepEqual(first, { vault: 'v', state: 'leaving', began: 5, degrade: false, before, published: 0 })
      await catalog.updateEvacuation('v', { published: 7 })
      const again = await catalog.beginEvacuation({ ...begin, at: 9, degrade: true, before: { ...before, objects: 9 } })
      assert.deepEqual(again, { ...first, degrade: true, published: 7 })
      await catalog.updateEvacuation('v', { state: 'left' })
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.evacuation('v'), { ...again, state: 'left' })
      assert.deepEqual(await catalog.evacuations(), [{ vault: 'v', state: 'left' }])
    },
  },
  {
    name: 'the fates of packs are counted, the newest of each, and go with their packs',
    async run({ open }) {
      const catalog = await open()
      const [one, other] = [await putOne(catalog, 'a'), await putOne(catalog, 'b')]
      await catalog.saveFates('v', [
        { pack: one.pack, fate: 'silent', at: 1, detail: 'why' },
        { pack: other.pack, fate: 'safe', at: 1 },
        { pack: 999, fate: 'lost', at: 1 },
      ])
      assert.deepEqual(await catalog.troublesOf('v', { limit: 5 }), [{ pack: one.pack, fate: 'silent', at: 1, detail: 'why' }])
      await catalog.saveFates('v', [{ pack: one.pack, fate: 'safe', at: 2 }])
      assert.deepEqual(await catalog.fatesOf('v', [one.pack, 999]), [{ pack: one.pack, fate: 'safe', at: 2 }])
      assert.deepEqual(await catalog.countFates('v'), { safe: 2, unneeded: 0, lost: 0, silent: 0, refused: 0 })
      await catalog.forget(other.id)
      assert.deepEqual([...(await catalog.garbageAmong([one.pack, other.pack]))], [other.pack])
      await catalog.dropPack(other.pack)
      assert.equal((await catalog.countFates('v')).safe, 1)
      await catalog.endEvacuation('v')
      assert.equal((await catalog.countFates('v')).safe, 0)
    },
  },
  {
    name: 'a vault is taken stock of: its packs, and the objects with a part in it, stale ones as unknown',
    async run({ open }) {
      const catalog = await open()
      const [one, other, elsewhere] = [await putOne(catalog, 'a'), await putOne(catalog, 'b'), await putOne(catalog, 'c')]
      for (const { pack } of [one, other]) await catalog.placed(pack, 'v', 'there', 1)
      await catalog.placed(elsewhere.pack, 'w', 'there', 1)
      await catalog.setStates([
        { object: one.id, state: 'satisfied', freshUntil: 10 },
        { object: other.id, state: 'satisfied', freshUntil: 30 },
      ])
      const { objects, packs, indexPacks, states } = await catalog.inventoryOf('v', 20)
      assert.deepEqual(
        { objects, packs, indexPacks, states },
        { objects: 2, packs: 2, indexPacks: 0, states: { unknown: 1, satisfied: 1 } },
      )
      const page = await catalog.objectsInVault('v', { limit: 1 })
      assert.deepEqual(
        page.map(({ id }) => id),
        [one.id],
      )
      assert.deepEqual(
        (await catalog.objectsInVault('v', { after: one.id })).map(({ id }) => id),
        [other.id],
      )
      assert.equal((await catalog.objectSizes({ after: 0, limit: 10 })).length, 3)
    },
  },
  {
    name: 'the last drill is kept',
    async run({ open, reopen }) {
      let catalog = await open()
      assert.equal(await catalog.lastDrill(), undefined)
      await catalog.saveDrill({ at: 1, report: 'first' })
      await catalog.saveDrill({ at: 2, report: 'second' })
      catalog = await reopen(catalog)
      assert.deepEqual(await catalog.lastDrill(), { at: 2, report: 'second' })
    },
  },
]
