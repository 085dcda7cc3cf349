import { expect, it } from 'vitest'
import { memory } from '../../src/vaults/memory.ts'
import { house, noise, spooled } from './house.ts'

it('content that stands in enough vaults is not copied to another one when it is put again', async () => {
  const stores = new Map(['a', 'b', 'c'].map((id) => [id, new Map<string, Uint8Array>()] as const))
  const vaults = [...stores].map(([id, store]) => memory({ id, operator: id, store }))
  const home = await house({ vaults: vaults.slice(1) })
  const { root } = await home.archive.put(noise(10_000))
  await home.reopen({ vaults })
  expect((await home.archive.put(noise(10_000))).root).toBe(root)
  expect([...(stores.get('a')?.keys() ?? [])].filter((key) => key.startsWith('content/'))).toEqual([])
  expect((await home.archive.status(root)).replicas.map(({ vault }) => vault).sort()).toEqual(['b', 'c'])
})

it('putAll of nothing but folders, or of nothing, stores nothing and leaves nothing', async () => {
  const home = await house()
  expect(await home.archive.putAll([])).toEqual([])
  expect(await home.archive.putAll([{ path: 'empty' }])).toEqual([])
  expect((await home.archive.totals()).packs).toBe(0)
  expect(await spooled(home.folder)).toEqual([])
})

it('a last pack that holds only the folder around the entries is dropped', async () => {
  const home = await house({ maxPackBytes: 2_000 })
  const receipts = await home.archive.putAll([{ path: 'one.bin', content: noise(1_900) }])
  expect(receipts.map(({ state, packs }) => [state, packs.length])).toEqual([['satisfied', 1]])
  expect(await spooled(home.folder)).toEqual([])
  const { packs } = await home.archive.totals()
  expect(packs, 'one content pack, one index pack').toBe(2)
})
