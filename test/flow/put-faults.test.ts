import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import type { Receipt, Vault } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { all, bytesOf, contentOf, type Faults, fleet, house, noise, only, spooled, tempFolder } from './house.ts'

const missingOf = ({ missing }: Receipt) => missing.map(({ constraint, reason }) => `${constraint}: ${reason}`).join('\n')

describe('partial success is a state', () => {
  it.each<[string, Faults]>([
    ['is unreachable', { unreachable: true, calls: {}, bytesRead: 0 }],
    ['denies', { denied: 0, calls: {}, bytesRead: 0 }],
    ['never answers a put', { putFails: 1_000, calls: {}, bytesRead: 0 }],
    ['loses what it took', { html: 'all', calls: {}, bytesRead: 0 }],
  ])('when a vault %s: degraded, with the vault named, and no exception', async (_, faults) => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    Object.assign(members.b.faults, faults)
    const receipt = await archive.put(noise(50_000))
    expect(['degraded', 'damaged']).toContain(receipt.state)
    expect(receipt.complete).toBe(false)
    expect(missingOf(receipt)).toMatch(/^copies: 1 of 2 copies confirmed; b: /)
    expect(await archive.receipt(receipt.root)).toEqual(receipt)
    expect(await spooled(folder), 'the floor is met').toEqual([])
    expect((await bytesOf(archive.get(receipt.root))).equals(noise(50_000))).toBe(true)
  })

  it('when a vault is full: degraded, and the vault says what to do', async () => {
    const { archive, vaults, reopen } = await fleet(['a', 'b'])
    const [a, b] = vaults
    if (!a || !b) expect.unreachable()
    const full = { ...b, put: () => Promise.reject(new VaultError('exhausted', 'b', 'no quota is left; buy some')) }
    const failures: string[] = []
    const again = await reopen({ vaults: [a, full] })
    const receipt = await again.put(noise(50_000), {
      onProgress: (event) => event.type === 'placement-failed' && failures.push(event.error.message),
    })
    expect(receipt).toMatchObject({ state: 'degraded', complete: false })
    expect(failures[0]).toBe('vault b: no quota is left; buy some')
    expect(archive.publicKey).toBe(again.publicKey)
  })

  it('when every vault is away: at risk, kept in the spool, and repaired later without reading the source again', async () => {
    const { archive, members, folder, reopen } = await fleet(['a', 'b'])
    members.a.faults.unreachable = true
    members.b.faults.unreachable = true
    const source = async function* () {
      yield noise(1_500_000)
    }
    const receipt = await archive.put(source())
    expect(receipt).toMatchObject({ state: 'at-risk', complete: false })
    expect(missingOf(receipt)).toMatch(/floor: 0 of 1 operator outside IPFS confirmed; a: .*; b: /)
    const kept = await spooled(folder)
    expect(kept).toContain(`${only(receipt.packs).name}.car`)
    expect((await bytesOf(archive.get(receipt.root))).equals(noise(1_500_000)), 'read from the spool').toBe(true)
    members.a.faults.unreachable = undefined
    const once = await (await reopen()).repair(receipt.root)
    expect(once).toMatchObject({ before: 'at-risk', state: 'degraded' })
    members.b.faults.unreachable = undefined
    const twice = await (await reopen()).repair(receipt.root)
    expect(twice.state).toBe('satisfied')
    expect(await spooled(folder)).toEqual([])
    expect(contentOf(members.b)).toHaveLength(1)
  })

  it('when vaults take the bytes but do not show them: unknown, kept in the spool until they do', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    members.a.faults.hang = 'all'
    members.b.faults.hang = 'all'
    const receipt = await archive.put(noise(50_000))
    expect(receipt).toMatchObject({ state: 'unknown', complete: false })
    expect(await spooled(folder)).toContain(`${only(receipt.packs).name}.car`)
    const puts = members.a.faults.calls.put
    members.a.faults.hang = undefined
    members.b.faults.hang = undefined
    expect(await archive.repair(receipt.root)).toMatchObject({ state: 'satisfied', actions: [] })
    expect(members.a.faults.calls.put, 'nothing is sent again').toBe(puts)
    expect(await spooled(folder)).toEqual([])
  })

  it('when the answer to a put was lost: the next put finds the replica and sends nothing', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    members.b.faults.failAfterPut = 1
    const first = await archive.put(noise(50_000))
    expect(first).toMatchObject({ state: 'degraded', complete: false })
    const sent: string[] = []
    const second = await archive.put(noise(50_000), {
      onProgress: (event) => sent.push(`${event.type} ${'vault' in event ? event.vault : ''}`),
    })
    expect(second).toMatchObject({ root: first.root, state: 'satisfied', complete: true })
    expect(sent).toContain('found b')
    expect(contentOf(members.b)).toHaveLength(1)
  })
})

describe('until', () => {
  it('accepted: resolves before any byte was shown, and says so', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    const receipt = await archive.put(noise(50_000), { until: 'accepted' })
    expect(receipt).toMatchObject({ state: 'unknown', complete: false })
    expect(receipt.replicas).toMatchObject([
      { vault: 'a', verdict: 'unproven', retrieval: 'none', counts: false },
      { vault: 'b', verdict: 'unproven', retrieval: 'none', counts: false },
    ])
    expect([members.a, members.b].map((member) => contentOf(member).length)).toEqual([1, 1])
    expect(await spooled(folder)).toContain(`${only(receipt.packs).name}.car`)
    expect(await archive.repair(receipt.root)).toMatchObject({ state: 'satisfied' })
    expect(await spooled(folder)).toEqual([])
  })

  it('floor: resolves with the floor, the rest goes on from the spool and is done when the archive is closed', async () => {
    const { archive, members, folder, reopen } = await fleet(['a', 'b', 'c'], { policy: { copies: 3, floor: 1 } })
    for (const id of ['a', 'b', 'c'] as const) members[id].faults.slow = 20
    const receipt = await archive.put(noise(50_000), { until: 'floor' })
    expect(receipt).toMatchObject({ state: 'degraded', complete: false })
    const reads = members.a.faults.calls.read
    const again = await reopen()
    expect((await again.status(receipt.root)).state).toBe('satisfied')
    expect(await again.receipt(receipt.root)).toMatchObject({ root: receipt.root, state: 'satisfied', complete: true })
    expect([members.a, members.b, members.c].map((member) => contentOf(member).length)).toEqual([1, 1, 1])
    // The later index pack is read back; the pack itself is not fetched from the vault it went to first.
    expect((members.a.faults.calls.read ?? 0) - (reads ?? 0)).toBeLessThanOrEqual(2)
    expect(await spooled(folder)).toEqual([])
  })

  it('what an unplanned vault does with the index pack does not make a put incomplete', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    members.c.faults.unreachable = true
    expect(await archive.put(noise(1_000))).toMatchObject({ state: 'satisfied', complete: true })
  })

  it('policy: the whole plan was tried and challenged', async () => {
    const { archive } = await fleet(['a', 'b', 'c'], { policy: { copies: 3, floor: 1 } })
    const receipt = await archive.put(noise(50_000), { until: 'policy' })
    expect(receipt).toMatchObject({ state: 'satisfied', complete: true })
    expect(receipt.replicas.map(({ verdict }) => verdict)).toEqual(['intact', 'intact', 'intact'])
  })
})

describe('a put that is stopped', () => {
  it('by its signal while it reads leaves nothing, and the same put again works', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'], { maxPackBytes: 2_000_000 })
    const stop = new AbortController()
    const put = archive.put(noise(8_000_000), {
      signal: stop.signal,
      onProgress: (event) => event.type === 'pack-closed' && stop.abort(new RangeError('enough')),
    })
    await expect(put).rejects.toThrow('enough')
    expect(await all(archive.objects())).toEqual([])
    expect(await archive.totals()).toMatchObject({ objects: 0, packs: 0 })
    expect(await spooled(folder)).toEqual([])
    expect(members.a.store.size).toBe(0)
    expect(await archive.put(noise(8_000_000))).toMatchObject({ state: 'satisfied' })
  })

  it('by its signal while a vault takes the bytes can be resumed by the same put', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    members.b.faults.hangVerbs = ['put']
    const stop = new AbortController()
    const bytes = noise(500_000)
    const put = archive.put(bytes, {
      signal: stop.signal,
      onProgress: (event) => event.type === 'placed' && event.vault === 'a' && stop.abort(new RangeError('enough')),
    })
    await expect(put).rejects.toThrow('enough')
    expect(await spooled(folder)).toHaveLength(1)
    members.b.faults.hangVerbs = undefined
    const events: string[] = []
    const again = await archive.put(bytes, { onProgress: (event) => events.push(event.type) })
    expect(again).toMatchObject({ state: 'satisfied', complete: true })
    expect(events).toContain('found')
    expect(contentOf(members.a)).toHaveLength(1)
    expect(await spooled(folder)).toEqual([])
  })

  it('by a signal that was aborted before it began reads nothing', async () => {
    const { archive } = await fleet(['a', 'b'])
    let opened = false
    const source = async function* () {
      opened = true
      yield noise(10)
    }
    await expect(archive.put(source(), { signal: AbortSignal.abort(new RangeError('never')) })).rejects.toThrow('never')
    expect(opened).toBe(false)
  })

  it('by a full spool is exhausted, leaves nothing, and hinders no smaller one', async () => {
    const { archive, folder } = await fleet(['a', 'b'], { spoolBytes: 3_000_000, maxPackBytes: 1_500_000 })
    const failure = { name: 'ArchiveError', code: 'exhausted', message: expect.stringMatching(/spoolBytes.*Nothing was stored/) }
    await expect(archive.put(noise(4_000_000))).rejects.toMatchObject(failure)
    expect(await archive.totals()).toMatchObject({ objects: 0, packs: 0, spooledBytes: 0 })
    expect(await spooled(folder)).toEqual([])
    expect(await archive.put(noise(2_000_000))).toMatchObject({ state: 'satisfied' })
  })

  it('by a listener that throws is not: the listener is on its own', async () => {
    const { archive } = await fleet(['a', 'b'])
    const onProgress = () => {
      throw new RangeError('listener')
    }
    expect(await archive.put(noise(1_000), { onProgress })).toMatchObject({ state: 'satisfied' })
  })
})

it('two puts of the same content at once end with one object and one replica per vault', async () => {
  const { archive, members, folder } = await fleet(['a', 'b'])
  const [first, second] = await Promise.all([archive.put(noise(700_000)), archive.put(noise(700_000))])
  expect(first?.root).toBe(second?.root)
  expect(await all(archive.objects())).toHaveLength(1)
  const last = await archive.repair(first?.root ?? '')
  expect(last.state).toBe('satisfied')
  expect(contentOf(members.a)).toHaveLength(1)
  expect(await spooled(folder)).toEqual([])
})

it('before a vault is asked to store anything the intent is durable, and it was asked whether it has it already', async () => {
  const folder = await tempFolder()
  const catalog = await openCatalog({ path: join(folder, 'catalog.sqlite') })
  const reader = await openCatalog({ path: join(folder, 'catalog.sqlite'), readOnly: true })
  onTestFinished(() => reader.close())
  const asked: string[] = []
  const watched = (vault: Vault): Vault => ({
    ...vault,
    locate: async (name, options) => {
      asked.push(`${name}`)
      return vault.locate(name, options)
    },
    put: async (pack, options) => {
      expect(asked.at(-1), 'locate comes before put').toBe(`${pack.name}`)
      const row = await reader.packByName(pack.name)
      const replicas = await reader.replicasOf([row?.id ?? 0])
      expect(replicas.find((replica) => replica.vault === vault.profile.id)?.state, 'seen by another connection').toMatch(/intended|placed/)
      return vault.put(pack, options)
    },
  })
  const { archive } = await house({ vaults: [watched(memory({ id: 'a' }))], catalog, policy: { copies: 1 } })
  for (const seed of ['one', 'two', 'one']) expect(await archive.put(noise(2_000, seed))).toMatchObject({ state: 'satisfied' })
})
