import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createPool, recycle } from '../../src/bytes/pool.ts'
import { digestAhead } from '../../src/format/address.ts'
import { hashShared, isShared } from '../../src/format/hash-thread.ts'

const run = promisify(execFile)
const MODULE = fileURLToPath(new URL('../../src/format/hash-thread.ts', import.meta.url))

const shared = (fill: number, byteLength = 300_000) => new Uint8Array(new SharedArrayBuffer(byteLength)).fill(fill)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

it('hashes shared memory as it is, many at a time, each to its own digest', async () => {
  const all = Array.from({ length: 40 }, (_, index) => shared(index, index * 1000))
  const digests = await Promise.all(all.map(hashShared))
  expect(digests.map((digest) => Buffer.from(digest).toString('hex'))).toEqual(all.map(sha256))
})

it('hashes views into shared memory, and memory that is not shared elsewhere', async () => {
  const whole = shared(0)
  for (let at = 0; at < whole.byteLength; at++) whole[at] = at
  const part = whole.subarray(7, 200_000)
  for (const bytes of [part, part.slice(), new Uint8Array(part)])
    expect(Buffer.from(await digestAhead(bytes)).toString('hex')).toBe(sha256(part))
  expect([isShared(part), isShared(new Uint8Array(3))]).toEqual([true, false])
})

it('gets its memory from pools that say so, which take it back', async () => {
  const pool = createPool({ byteLength: 200_000, count: 1, shared: true })
  const buffer = await pool.take()
  expect(isShared(buffer)).toBe(true)
  recycle(buffer)
  expect(pool.idle).toBe(1)
  expect(isShared(await createPool({ byteLength: 8, count: 1 }).take())).toBe(false)
})

it('keeps no process alive, and lets none end before its answer', async () => {
  const program = `import { hashShared } from ${JSON.stringify(MODULE)}
    const bytes = new Uint8Array(new SharedArrayBuffer(50_000_000))
    await hashShared(bytes.subarray(0, 10))
    const digest = await hashShared(bytes)
    console.log(Buffer.from(digest).toString('hex'))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 10_000 })
  expect(stdout.trim()).toBe(sha256(new Uint8Array(50_000_000)))
})
