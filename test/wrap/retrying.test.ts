import { describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { readAll } from '../../src/conformance/vault-context.ts'
import type { Listed, Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { retrying } from '../../src/wrap/retrying.ts'
import { faulty, noFaults } from '../fakes/faulty.ts'

/** A vault with a pack in it, faults, and a retrying wrapper that notes its waits instead of waiting. */
async function setUp(options: Parameters<typeof retrying>[1] = {}, addressing: 'offset' | 'cid' = 'offset') {
  const faults = noFaults()
  const waits: number[] = []
  const pack = await samplePack({ blocks: 2, blockLength: 5000 })
  const inner = memory({ addressing })
  const at = await inner.put(pack)
  const sleep = async (ms: number) => {
    waits.push(ms)
  }
  return { faults, waits, pack, at, vault: retrying(faulty(inner, faults), { sleep, random: () => 0.5, ...options }) }
}

describe('retrying', () => {
  it('asks again when the vault was unreachable, waiting twice as long from try to try', async () => {
    const { faults, waits, pack, at, vault } = await setUp()
    faults.unreachable = 3
    expect(await vault.status(at)).toBe('held')
    expect(waits).toEqual([125, 250, 500])
    faults.unreachable = 1
    expect(await vault.locate(pack.name)).toBe(at)
  })

  it('gives up after so many tries with the error of the last', async () => {
    const { faults, vault, at } = await setUp({ tries: 3 })
    faults.unreachable = true
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable' })
    expect(faults.calls.status).toBe(3)
  })

  it('never waits longer than maxMs of its own accord', async () => {
    const { faults, waits, vault, at } = await setUp({ tries: 8, baseMs: 1000, maxMs: 3000 })
    faults.unreachable = 7
    await vault.status(at)
    expect(waits).toEqual([500, 1000, 1500, 1500, 1500, 1500, 1500])
  })

  it('waits at least as long as the vault asks, and not at all when that is over the budget', async () => {
    const { faults, waits, vault, at } = await setUp({ budgetMs: 20_000 })
    faults.retryAfterMs = 15_000
    faults.unreachable = 1
    await vault.status(at)
    expect(waits).toEqual([15_000])
    faults.retryAfterMs = 21_000
    faults.unreachable = 1
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 21_000 })
    expect(waits).toEqual([15_000])
  })

  it('counts the time of the tries against the budget', async () => {
    let now = 0
    const sleep = async (ms: number) => {
      now += ms + 300
    }
    const { faults, vault, at } = await setUp({ clock: () => now, budgetMs: 1000, tries: 100, sleep })
    faults.unreachable = true
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'unreachable' })
    expect(faults.calls.status).toBe(3)
  })

  it('repeats nothing that is denied or absent', async () => {
    const { faults, vault, pack, at } = await setUp()
    faults.denied = 0
    await expect(vault.status(at)).rejects.toMatchObject({ code: 'denied' })
    faults.denied = undefined
    await expect(readAll(vault, 'content/none', { cid: pack.root, offset: 0, length: 1 })).rejects.toMatchObject({ code: 'absent' })
    expect(faults.calls).toEqual({ status: 1, read: 1 })
  })

  it('never repeats put, remove or renew', async () => {
    const { faults, vault, pack, at } = await setUp()
    faults.unreachable = true
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'unreachable' })
    expect(faults.calls).toEqual({ put: 1, remove: 1 })
    let renewals = 0
    const renew = async () => {
      renewals++
      throw new VaultError('unreachable', 'm', 'down')
    }
    await expect(retrying({ ...memory(), renew }, { sleep: async () => undefined }).renew?.(at, new Date())).rejects.toThrow('down')
    expect(renewals).toBe(1)
  })

  it('goes on with a read where it broke off', async () => {
    const { faults, vault, pack, at } = await setUp()
    faults.breakOff = { where: 'all', after: 1000, times: 2 }
    const span = { cid: pack.root, offset: 10, length: 4000 }
    expect(Buffer.from(await readAll(vault, at, span))).toEqual(Buffer.from(pack.bytes.subarray(10, 4010)))
    expect(faults.calls.read).toBe(3)
    expect(faults.bytesRead).toBe(4000)
  })

  it('goes on with no read by CID once bytes have passed, but begins it again before', async () => {
    const { faults, vault, pack, at } = await setUp({}, 'cid')
    const [span] = await pack.spans()
    if (!span) return expect.unreachable()
    faults.breakOff = { where: 'all', after: 0, times: 1 }
    expect((await readAll(vault, at, span)).byteLength).toBe(span.length)
    faults.breakOff = { where: 'all', after: 1000, times: 1 }
    await expect(readAll(vault, at, span)).rejects.toMatchObject({ code: 'unreachable' })
    expect(faults.calls.read).toBe(3)
  })

  it('begins a listing again only before its first item', async () => {
    const { faults, vault } = await setUp()
    const listed = async (of: Vault) => {
      const found: Listed[] = []
      for await (const each of of.list?.() ?? []) found.push(each)
      return found.length
    }
    faults.unreachable = 2
    expect(await listed(vault)).toBe(1)

    let listings = 0
    const list: NonNullable<Vault['list']> = async function* () {
      listings++
      yield { name: (await samplePack()).name, kind: 'content', at: 'x', byteLength: 1 }
      throw new VaultError('unreachable', 'm', 'down')
    }
    await expect(listed(retrying({ ...memory(), list }, { sleep: async () => undefined }))).rejects.toThrow('down')
    expect(listings).toBe(1)
  })

  it('stops at once on abort, also in the middle of a wait', async () => {
    const faults = { ...noFaults(), unreachable: true }
    const vault = retrying(faulty(memory(), faults), { baseMs: 60_000, maxMs: 60_000, random: () => 0.9 })
    const abort = new AbortController()
    const asked = vault.status('x', { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('enough')), 10)
    await expect(asked).rejects.toThrow('enough')
    expect(faults.calls.status).toBe(1)
    await expect(vault.status('x', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
    expect(faults.calls.status).toBe(2)
  })
})
