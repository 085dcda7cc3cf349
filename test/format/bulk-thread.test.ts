import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createPool, recycle } from '../../src/bytes/pool.ts'
import { digestAhead } from '../../src/format/address.ts'
import { nodeAead } from '../../src/format/aead.ts'
import { payloadLength } from '../../src/format/age-layout.ts'
import { hashShared, isShared, sealShared } from '../../src/format/bulk-thread.ts'
import { chunkStream } from '../../src/format/stream.ts'

const run = promisify(execFile)
const MODULE = fileURLToPath(new URL('../../src/format/bulk-thread.ts', import.meta.url))

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

it('seals shared memory to the bytes that are made here, wherever it lies in a file and however it ends', async () => {
  const key = createHash('sha256').update('key').digest()
  const here = chunkStream(nodeAead, key)
  for (const [length, first, final] of [
    [983_040, 0, false],
    [983_040, 0xffff_ffff_ff, true],
    [65_536, 15, true],
    [65_537, 30, true],
    [200_001, 7, true],
    [1, 0, true],
  ] as const) {
    const plaintext = shared(0, length)
    for (let at = 0; at < length; at++) plaintext[at] = at * 31
    const out = shared(0, payloadLength(length))
    await sealShared({ key, plaintext, first, final, out }, () => expect.fail('the thread died'))
    const expected = new Uint8Array(out.byteLength)
    here.seal(plaintext, first, final, expected)
    expect(Buffer.compare(out, expected), `${length} bytes`).toBe(0)
  }
})

it('is where whole leaves are sealed, and the work is done here when the thread dies', async () => {
  const program = `import { sealShared } from ${JSON.stringify(MODULE)}
    import { Worker } from 'node:worker_threads'
    const post = Worker.prototype.postMessage
    Worker.prototype.postMessage = function () { void this.terminate() }
    const bytes = () => new Uint8Array(new SharedArrayBuffer(200_000))
    let local = 0
    const work = { key: new Uint8Array(32), plaintext: bytes(), first: 0, final: true, out: bytes() }
    await Promise.all([sealShared(work, () => void local++), sealShared(work, () => void local++)])
    Worker.prototype.postMessage = post
    await sealShared({ ...work, out: new Uint8Array(new SharedArrayBuffer(300_000)) }, () => void local++)
    console.log(local)`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 10_000 })
  expect(stdout.trim()).toBe('2')
})
