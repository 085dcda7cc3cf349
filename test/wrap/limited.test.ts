import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { readAll } from '../../src/conformance/vault-context.ts'
import type { Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { limited } from '../../src/wrap/limited.ts'
import { queue } from '../../src/wrap/queue.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'

/** A clock that only sleeping moves. */
function clockwork() {
  let now = 0
  return {
    now: () => now,
    clock: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
}

describe('limited to some calls at a time', () => {
  it('never lets more through, and all in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }), async (concurrency, calls) => {
        let running = 0
        let most = 0
        const status: Vault['status'] = async () => {
          most = Math.max(most, ++running)
          await new Promise((resolve) => setImmediate(resolve))
          running--
          return 'held'
        }
        const vault = limited({ ...memory(), status }, { concurrency })
        await Promise.all(Array.from({ length: calls }, () => vault.status('x')))
        expect(most).toBe(Math.min(concurrency, calls))
      }),
      { numRuns: 25 },
    )
  })

  it('serves in order of arrival', async () => {
    const order: string[] = []
    const status: Vault['status'] = async (at) => {
      order.push(at)
      return 'held'
    }
    const vault = limited({ ...memory(), status }, { concurrency: 1 })
    await Promise.all(['a', 'b', 'c', 'd'].map((at) => vault.status(at)))
    expect(order).toEqual(['a', 'b', 'c', 'd'])
  })

  it('drops who is aborted while waiting and never calls the vault for them', async () => {
    const faults = noFaults()
    faults.hang = 'all'
    const vault = limited(faulty(memory(), faults), { concurrency: 1 })
    const [span] = await (await samplePack()).spans()
    if (!span) return expect.unreachable()
    const first = new AbortController()
    const second = new AbortController()
    const reading = readAll(vault, 'x', span, { signal: first.signal })
    const waiting = vault.status('x', { signal: second.signal })
    const patient = vault.status('x')
    second.abort(new Error('no longer wanted'))
    await expect(waiting).rejects.toThrow('no longer wanted')
    first.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(await patient).toBe('absent')
    expect(faults.calls).toEqual({ read: 1, status: 1 })
  })

  it('frees the slot when a call fails and when a read is left early', async () => {
    const vault = limited(memory(), { concurrency: 1 })
    const pack = await samplePack({ blocks: 3, blockLength: 1024 * 1024 })
    const at = await vault.put(pack)
    await expect(readAll(vault, 'content/none', { cid: pack.root, offset: 0, length: 1 })).rejects.toBeInstanceOf(VaultError)
    for await (const _ of vault.read(at, { cid: pack.root, offset: 0, length: pack.byteLength })) break
    expect(await vault.status(at)).toBe('held')
  })

  it('lets a consumer of a listing call the vault between two items', async () => {
    const vault = limited(memory(), { concurrency: 1 })
    for (const seed of ['a', 'b', 'c']) await vault.put(await samplePack({ seed }))
    let held = 0
    for await (const { at } of vault.list?.() ?? []) if ((await vault.status(at)) === 'held') held++
    expect(held).toBe(3)
  })

  it('makes a listing wait for its turn as well', async () => {
    let release: (() => void) | undefined
    const status: Vault['status'] = () =>
      new Promise((resolve) => {
        release = () => resolve('held')
      })
    const vault = limited({ ...memory(), status }, { concurrency: 1 })
    await vault.put(await samplePack())
    const asked = vault.status('x')
    let listed = false
    const listing = vault.list?.()[Symbol.asyncIterator]().next()
    const noted = listing?.then(() => {
      listed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(listed).toBe(false)
    release?.()
    await Promise.all([asked, noted])
    expect(listed).toBe(true)
  })

  it('gives each slot back once, however often it is left', async () => {
    const enter = queue(1)
    const leave = await enter()
    leave()
    leave()
    await enter()
    const late = new AbortController()
    const third = enter({ signal: late.signal })
    late.abort(new Error('still full'))
    await expect(third).rejects.toThrow('still full')
  })
})

describe('limited to some bytes per second', () => {
  it('takes as long as the rate says, for puts and reads together', async () => {
    const { now, clock, sleep } = clockwork()
    const vault = limited(memory(), { bytesPerSecond: 100_000, clock, sleep })
    const pack = await samplePack({ blocks: 5, blockLength: 100_000 })
    const at = await vault.put(pack)
    const put = now()
    expect(put).toBeGreaterThan(((pack.byteLength - 25_000) / 100_000) * 999)
    expect(put).toBeLessThan((pack.byteLength / 100_000) * 1001)
    await readAll(vault, at, { cid: pack.root, offset: 0, length: 200_000 })
    expect(now() - put).toBeGreaterThan(1750)
    expect(now() - put).toBeLessThan(2001)
  })

  it('moves no bytes for an adopted pack', async () => {
    const { now, clock, sleep } = clockwork()
    let adopted: unknown
    const inner: Vault = {
      ...memory(),
      put: async (pack) => {
        adopted = await pack.adopt?.('/somewhere')
        return 'x'
      },
    }
    const pack = { ...(await samplePack()), adopt: async (path: string) => path === '/somewhere' }
    await limited(inner, { bytesPerSecond: 1, clock, sleep }).put(pack)
    expect(adopted).toBe(true)
    expect(now()).toBe(0)
  })

  it('stops waiting on abort and gives back what it did not use', async () => {
    const vault = limited(memory(), { bytesPerSecond: 1000 })
    const abort = new AbortController()
    const put = vault.put(await samplePack({ blocks: 1, blockLength: 1_000_000 }), { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('too slow')), 20)
    await expect(put).rejects.toThrow('too slow')
    const started = performance.now()
    await vault.put(await samplePack({ blocks: 1, blockLength: 100 }))
    expect(performance.now() - started).toBeLessThan(2000)
  })

  it('refuses a limit that lets nothing through', () => {
    for (const limit of [0, -1, Number.NaN]) {
      expect(() => limited(memory(), { bytesPerSecond: limit })).toThrow(VaultError)
      expect(() => limited(memory(), { concurrency: limit })).toThrow(VaultError)
    }
  })
})
