import { expect, it } from 'vitest'
import { createPool, recycle } from '../../src/bytes/pool.ts'

it('hands a buffer out again only after it came back', async () => {
  const pool = createPool({ byteLength: 8, count: 2 })
  const first = await pool.take()
  const second = await pool.take()
  expect(second.buffer).not.toBe(first.buffer)
  recycle(first)
  const third = await pool.take()
  expect(third.buffer).toBe(first.buffer)
})

it('takes a buffer back by any view of it, once', async () => {
  const pool = createPool({ byteLength: 8, count: 2 })
  const bytes = await pool.take()
  recycle(bytes.subarray(2, 5))
  recycle(bytes)
  expect(pool.idle).toBe(1)
  expect((await pool.take()).byteLength).toBe(8)
})

it('never waits for a sink that keeps its blocks, and keeps no more buffers than its count', async () => {
  const pool = createPool({ byteLength: 8, count: 2 })
  const taken = [await pool.take(), await pool.take(), await pool.take(), await pool.take()]
  expect(new Set(taken.map(({ buffer }) => buffer)).size).toBe(4)
  for (const bytes of taken) recycle(bytes)
  expect(pool.idle).toBe(2)
})

it('leaves bytes of no pool alone', () => {
  expect(() => recycle(new Uint8Array(3))).not.toThrow()
  expect(() => recycle(Buffer.from('abc'))).not.toThrow()
})

it('gives nothing to an aborted caller', async () => {
  await expect(createPool({ byteLength: 8, count: 1 }).take(AbortSignal.abort(new RangeError('stop')))).rejects.toThrow('stop')
})
