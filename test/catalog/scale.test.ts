import { expect, it } from 'vitest'
import { block, object, sealed, staged } from '../../src/conformance/catalog-fixtures.ts'
import { freshPath, open } from './fixtures.ts'

it('the largest pack is staged, sealed with ten thousand objects, and found in', async () => {
  const catalog = await open({ path: await freshPath() })
  const blocks = staged('big', 32_768)
  const startedAt = performance.now()
  const pack = await catalog.stagePack(blocks)
  const stagedAt = performance.now()
  const objects = Array.from({ length: 10_000 }, (_, index) => object(`object ${index}`, [{ start: 0, pack, first: 3 * index, count: 3 }]))
  const preparedAt = performance.now()
  const ids = await catalog.seal('big', [sealed('big', pack)], objects)
  const sealedAt = performance.now()
  expect(new Set(ids).size).toBe(10_000)
  // Four times what an idle machine of two cores needs.
  expect(stagedAt - startedAt).toBeLessThan(1_000)
  expect(sealedAt - preparedAt).toBeLessThan(2_500)
  const wanted = Array.from({ length: 1_200 }, (_, index) => block(`big ${27 * index}`))
  const found = await catalog.findBlocks([...wanted, ...wanted, block('unknown')], { visibility: 'public', reusable: true })
  expect(found.size).toBe(1_200)
  expect(found.get(`${wanted[700]}`)?.[0]?.ordinal).toBe(18_900)
  await catalog.saveReceipts(ids.map((id, index) => ({ object: id, receipt: `receipt ${index}`, at: 1 })))
  expect(await catalog.receiptOf(block('object 9999'))).toBe('receipt 9999')
  expect(await catalog.objectsIn(pack, { after: ids[9_997] ?? 0 })).toEqual(ids.slice(9_998))
  for (const id of ids.slice(0, 20)) await catalog.forget(id)
  expect(await catalog.objectsIn(pack, { limit: 1 })).toEqual([ids[20]])
})
