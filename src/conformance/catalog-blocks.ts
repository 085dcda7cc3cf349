/** Cases of asking for blocks by position. */
import assert from 'node:assert/strict'
import { block, type CatalogCase, putOne, sealed, staged } from './catalog-fixtures.ts'

export const blockCases: readonly CatalogCase[] = [
  {
    name: 'blocks are found by position, ascending, and positions beyond the pack are left out',
    async run({ open }) {
      const catalog = await open()
      const { pack } = await putOne(catalog, 'a')
      const other = await putOne(catalog, 'b')
      const found = await catalog.blocksAt(pack, [2, 0, 2, 99])
      assert.deepEqual(
        found.map(({ cid, ...place }) => ({ ...place, cid: `${cid}` })),
        [
          { cid: `${block('a 0')}`, pack, ordinal: 0, offset: found[0]?.offset, length: 64 },
          { cid: `${block('a 2')}`, pack, ordinal: 2, offset: 259, length: 64 },
        ],
      )
      assert.deepEqual(await catalog.blocksAt(pack, []), [])
      assert.deepEqual(
        (await catalog.blocksAt(other.pack, [1])).map(({ cid }) => `${cid}`),
        [`${block('b 1')}`],
      )
    },
  },
  {
    name: 'blocks of a staged pack, and of one that is not there, are not found by position',
    async run({ open }) {
      const catalog = await open()
      const pack = await catalog.stagePack(staged('a', 3))
      assert.deepEqual(await catalog.blocksAt(pack, [0, 1]), [])
      assert.deepEqual(await catalog.blocksAt(pack + 1_000, [0]), [])
    },
  },
  {
    name: 'more positions than one statement takes are all answered',
    async run({ open }) {
      const catalog = await open()
      const pack = await catalog.stagePack(staged('many', 1_200))
      await catalog.seal('many', [sealed('many', pack)], [])
      const ordinals = Array.from({ length: 1_200 }, (_, at) => at)
      assert.deepEqual(
        (await catalog.blocksAt(pack, ordinals)).map(({ ordinal }) => ordinal),
        ordinals,
      )
    },
  },
]
