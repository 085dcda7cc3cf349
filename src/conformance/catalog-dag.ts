/** Cases of packs that share a root. */
import assert from 'node:assert/strict'
import { block, type CatalogCase, object, putIndex, putOne, sealed, staged } from './catalog-fixtures.ts'

export const dagCases: readonly CatalogCase[] = [
  {
    name: 'the packs of one put are found by their root, page by page, and no others',
    async run({ open }) {
      const catalog = await open()
      await putOne(catalog, 'other')
      const root = block('a 0')
      const ids: number[] = []
      for (const part of ['a', 'b', 'c']) ids.push(await catalog.stagePack(staged(part, 2, { owner: 'one put' })))
      const packs = ids.map((id, at) => ({ ...sealed(['a', 'b', 'c'][at] ?? '', id), root }))
      await catalog.seal('one put', packs, [
        object(
          'a 0',
          ids.map((pack, at) => ({ start: 2 * at, pack, first: 0, count: 2 })),
        ),
      ])
      const rows = await catalog.packsUnder(root)
      assert.deepEqual(
        rows.map(({ id }) => id),
        ids,
      )
      assert.ok(rows[0] && `${rows[0].root}` === `${root}` && rows[0].blockCount === 2)
      assert.deepEqual(
        (await catalog.packsUnder(root, { limit: 2 })).map(({ id }) => id),
        ids.slice(0, 2),
      )
      assert.deepEqual(
        (await catalog.packsUnder(root, { after: ids[1] })).map(({ id }) => id),
        ids.slice(2),
      )
      assert.deepEqual(await catalog.packsUnder(block('nothing')), [])
    },
  },
  {
    name: 'neither staged packs nor index packs are found by their root',
    async run({ open }) {
      const catalog = await open()
      await catalog.stagePack(staged('a', 2))
      await putIndex(catalog, 'index')
      assert.deepEqual(await catalog.packsUnder(block('a 0')), [])
      assert.deepEqual(await catalog.packsUnder(block('index 0')), [])
    },
  },
]
