import type { CID } from 'multiformats/cid'
import { expect, it, vi } from 'vitest'
import { createPool, recycle } from '../../src/bytes/pool.ts'
import { addressAhead, addressOf, DAG_PB, RAW } from '../../src/format/address.ts'
import { parametersOf } from '../../src/format/profiles.ts'
import { HASHED_AHEAD, leavesOf } from '../../src/format/unixfs-leaves.ts'

const LARGE = 200_000
const parameters = parametersOf('unixfs-v1-2025')

it('hashes on another thread to the same address, for short and long bytes and views into others', async () => {
  const bytes = new Uint8Array(1_000_000).map((_, index) => index * 7)
  for (const part of [bytes, bytes.subarray(0, 0), bytes.subarray(1, 100), bytes.subarray(3, 131_075), bytes.subarray(500_000)]) {
    for (const codec of [RAW, DAG_PB]) expect((await addressAhead(part, codec)).toString()).toBe(addressOf(part, codec).toString())
  }
})

it('keeps the order of leaves, whichever is hashed first', async () => {
  const digest = crypto.subtle.digest.bind(crypto.subtle)
  let call = 0
  const slowFirst = vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (algorithm, bytes) => {
    if (call++ % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    return digest(algorithm, bytes)
  })
  const source = async function* () {
    for (let n = 0; n < 6; n++) yield new Uint8Array(n % 3 === 0 ? 10 : LARGE).fill(n)
  }
  const first: (number | undefined)[] = []
  for await (const { cid, block } of leavesOf(source(), parameters)) {
    first.push(block[0])
    expect(cid.equals(addressOf(block, RAW))).toBe(true)
  }
  expect(first).toEqual([0, 1, 2, 3, 4, 5])
  expect(slowFirst).toHaveBeenCalledTimes(4)
  slowFirst.mockRestore()
})

it('takes only a few chunks ahead, and gives them back when the reader leaves or the source fails', async () => {
  const pool = createPool({ byteLength: LARGE, count: 20 })
  let taken = 0
  const source = async function* (failAt = Number.POSITIVE_INFINITY) {
    for (let n = 0; ; n++) {
      if (n === failAt) throw new RangeError('torn')
      taken++
      yield (await pool.take()).fill(n)
    }
  }
  for await (const { block } of leavesOf(source(), parameters)) {
    recycle(block)
    break
  }
  expect(taken).toBe(HASHED_AHEAD + 1)
  expect(pool.idle).toBe(HASHED_AHEAD + 1)
  await expect(async () => {
    for await (const { block } of leavesOf(source(2), parameters)) recycle(block)
  }).rejects.toThrow('torn')
  expect(pool.idle).toBe(HASHED_AHEAD + 1)
})

it('makes one empty leaf of an empty stream, and none of empty chunks between others', async () => {
  const leaves = async (...chunks: Uint8Array[]) => {
    const found: CID[] = []
    for await (const { cid } of leavesOf(
      (async function* () {
        yield* chunks
      })(),
      parameters,
    ))
      found.push(cid)
    return found.map(String)
  }
  const empty = addressOf(new Uint8Array(0), RAW).toString()
  expect(await leaves()).toEqual([empty])
  expect(await leaves(new Uint8Array(0), new Uint8Array(0))).toEqual([empty])
  expect(await leaves(new Uint8Array(0), Uint8Array.of(1), new Uint8Array(0))).toEqual([addressOf(Uint8Array.of(1), RAW).toString()])
})
