import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { listings, readAll } from '../../src/conformance/vault-context.ts'
import { memory } from '../../src/vaults/memory.ts'
import { faulty, noFaults } from './faulty.ts'

async function setUp() {
  const faults = noFaults()
  const pack = await samplePack({ seed: 'faulty', blocks: 3, blockLength: 1000 })
  const inner = memory()
  const at = await inner.put(pack)
  const spans = await pack.spans()
  const [first, second] = spans
  if (!first || !second) expect.unreachable()
  const whole = { cid: pack.root, offset: 0, length: pack.byteLength }
  return { faults, pack, at, inner, first, second, whole, vault: faulty(inner, faults) }
}

describe('faulty', () => {
  it('truncates and flips by offset within the pack, however it is read', async () => {
    const { faults, pack, at, first, second, whole, vault } = await setUp()
    faults.flip = { where: 'all', offset: second.offset + 5, bit: 7 }
    const bytes = await readAll(vault, at, second)
    expect((bytes[5] ?? 0) ^ (pack.bytes[second.offset + 5] ?? 0)).toBe(128)
    expect((await readAll(vault, at, whole))[second.offset + 5]).toBe(bytes[5])
    expect(Buffer.from(await readAll(vault, at, first)).equals(pack.bytes.subarray(first.offset, first.offset + first.length))).toBe(true)
    faults.flip = undefined
    faults.truncate = { where: [pack.name], length: second.offset + 10 }
    expect((await readAll(vault, at, second)).byteLength).toBe(10)
    expect((await readAll(vault, at, whole)).byteLength).toBe(second.offset + 10)
    expect(Buffer.from(await readAll(vault, at, whole)).equals(pack.bytes.subarray(0, second.offset + 10))).toBe(true)
  })

  it('hangs on exactly the spans it is told to, until an abort', async () => {
    const { faults, at, first, second, whole, vault } = await setUp()
    faults.hang = [second]
    expect((await readAll(vault, at, first)).byteLength).toBe(1000)
    for (const span of [second, whole]) {
      const reading = readAll(vault, at, span, { signal: AbortSignal.timeout(10) })
      await expect(reading).rejects.toMatchObject({ name: 'TimeoutError' })
    }
    faults.hang = [first.cid]
    expect((await readAll(vault, at, second)).byteLength).toBe(1000)
    await expect(readAll(vault, at, first, { signal: AbortSignal.timeout(10) })).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('answers with a page, denies from the n-th call on, and lists what is not there', async () => {
    const { faults, at, pack, first, vault } = await setUp()
    faults.html = [pack.name.toString()]
    expect(Buffer.from(await readAll(vault, at, first)).toString()).toMatch(/^<!doctype html>/)
    faults.html = undefined
    faults.denied = 1
    expect(await vault.status(at)).toBe('held')
    for (const call of [() => vault.status(at), () => vault.locate(pack.name)])
      await expect(call()).rejects.toMatchObject({ code: 'denied' })
    faults.denied = undefined

    const ghost = await samplePack({ seed: 'ghost' })
    faults.ghosts = [{ name: ghost.name, kind: 'content', at: 'content/ghost', byteLength: 10 }]
    expect(await listings(vault, ghost.name)).toHaveLength(1)
    expect(await vault.locate(ghost.name)).toBe('content/ghost')
    expect(await vault.status('content/ghost')).toBe('held')
    await expect(readAll(vault, 'content/ghost', first)).rejects.toMatchObject({ code: 'absent' })
  })

  it('fails puts before or after they are stored', async () => {
    const { faults, inner, vault } = await setUp()
    const pack = await samplePack({ seed: 'late' })
    faults.putFails = 1
    faults.failAfterPut = 1
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await inner.locate(pack.name)).toBeUndefined()
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await inner.locate(pack.name)).toBeDefined()
    await vault.put(pack)
    expect(faults.calls.put).toBe(3)
  })
})
