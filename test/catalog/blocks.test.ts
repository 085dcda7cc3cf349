import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { expect, it } from 'vitest'
import { tailOf } from '../../src/catalog/blocks.ts'
import { RAW } from '../../src/format/address.ts'
import { freshPath, open } from './fixtures.ts'

it('the tail of a CID is a number that every language can hold', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(Number.isSafeInteger(tailOf(bytes))).toBe(true)
      expect(tailOf(Uint8Array.of(9, ...bytes.slice(-6)))).toBe(bytes.byteLength >= 6 ? tailOf(bytes) : tailOf(Uint8Array.of(9, ...bytes)))
    }),
  )
})

it('blocks whose CIDs end alike are not taken for each other', async () => {
  const catalog = await open({ path: await freshPath() })
  const alike = (first: number) => CID.createV1(RAW, Digest.create(0x12, new Uint8Array(32).fill(first, 0, 1)))
  const shape = { owner: 'put', kind: 'content', visibility: 'public', byteLength: 300, createdAt: 1 } as const
  await catalog.stagePack({ ...shape, blocks: [1, 2].map((first) => ({ cid: alike(first), offset: 100 * first, length: 50 })) })
  const found = await catalog.findBlocks([alike(2), alike(3)], { owner: 'put' })
  expect([...found].map(([cid, places]) => [cid, places.map(({ offset }) => offset)])).toEqual([[`${alike(2)}`, [200]]])
})

it('the same block in several packs is found in each, and a put sees its own staged ones beside the sealed', async () => {
  const catalog = await open({ path: await freshPath() })
  const cid = CID.createV1(RAW, Digest.create(0x12, new Uint8Array(32).fill(7)))
  const shape = { kind: 'content', visibility: 'public', byteLength: 300, createdAt: 1, blocks: [{ cid, offset: 59, length: 9 }] } as const
  const packs = [
    await catalog.stagePack({ ...shape, owner: 'a' }),
    await catalog.stagePack({ ...shape, owner: 'a' }),
    await catalog.stagePack({ ...shape, owner: 'b' }),
  ]
  const places = (await catalog.findBlocks([cid, cid], { visibility: 'public', owner: 'a' })).get(`${cid}`) ?? []
  expect(places.map(({ pack }) => pack).sort()).toEqual(packs.slice(0, 2))
})
