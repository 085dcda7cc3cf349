import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import type { VerifyEvent, VerifyOptions } from '../../src/contracts.ts'
import { decodeParts } from '../../src/policy/rotation.ts'
import { fleet, noise, tempFolder } from './house.ts'

const entriesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `file-${index}`, content: noise(300 + index, `entry ${index}`) }))

async function stored(config: Parameters<typeof fleet>[1] = {}) {
  const catalog = await openCatalog({ path: join(await tempFolder(), 'catalog.sqlite') })
  const built = await fleet(['a', 'b'], { catalog, ...config })
  const { root } = await built.archive.put(entriesOf(99))
  const [object] = await catalog.objects()
  if (!object) expect.unreachable()
  const population = object.blockCount
  const place = async (vault = 'b') => (await catalog.rotationsOf(object.id, vault))[0]
  /** The blocks that the newest evidence of a vault speaks of. */
  const read = async (vault = 'b') => {
    const row = (await catalog.evidenceOf(object.id)).find(
      (one) => one.vault === vault && one.object === object.id && one.retrieval === 'sampled',
    )
    return decodeParts(row?.seed ?? new Uint8Array(), population)
  }
  return { ...built, archive: built.archive, catalog, root, object, population, place, read }
}

const ROTATION: VerifyOptions = { rotation: true, sample: 20 }

describe('verify by rotation', () => {
  it('reads every block of an object once before any is read again, each vault by an order of its own', async () => {
    const { archive, root, population, place, read } = await stored()
    const seen = { a: new Set<number>(), b: new Set<number>() }
    for (let audit = 0; audit < 5; audit++) {
      expect((await archive.verify(root, ROTATION)).state).toBe('satisfied')
      for (const vault of ['a', 'b'] as const) {
        const blocks = await read(vault)
        expect(blocks).toHaveLength(20)
        for (const block of blocks) {
          expect(seen[vault].has(block), `block ${block} of audit ${audit}`).toBe(false)
          seen[vault].add(block)
        }
      }
    }
    expect([seen.a.size, seen.b.size, population]).toEqual([100, 100, 100])
    const [a, b] = [await place('a'), await place('b')]
    expect([a?.cursor, a?.round]).toEqual([100, 1])
    expect(a?.seed).not.toEqual(b?.seed)
    await archive.verify(root, ROTATION)
    expect(await place('b')).toMatchObject({ cursor: 20, round: 2 })
    expect((await place('b'))?.seed).not.toEqual(b?.seed)
  })

  it('keeps its place over a restart', async () => {
    const built = await stored()
    await built.archive.verify(built.root, ROTATION)
    const before = await built.place()
    const { createArchive } = await import('../../src/archive.ts')
    const again = await createArchive({
      path: join(built.folder, 'archive'),
      vaults: built.vaults,
      clock: built.clock,
      timeoutMs: 200,
      catalog: { ...built.catalog, close: async () => undefined },
    })
    await again.verify(built.root, ROTATION)
    expect(await built.place()).toMatchObject({ seed: before?.seed, cursor: 40, round: 1 })
    await again.close()
  })

  it('that was stopped has read nothing, and asks the same blocks again', async () => {
    const { archive, members, root, place, read } = await stored()
    await archive.verify(root, ROTATION)
    const before = await place()
    members.b.faults.hang = 'all'
    await expect(archive.verify(root, { ...ROTATION, signal: AbortSignal.timeout(50) })).rejects.toThrow()
    expect(await place()).toEqual(before)
    members.b.faults.hang = undefined
    await archive.verify(root, ROTATION)
    expect((await place())?.cursor).toBe(40)
    expect(await read()).toHaveLength(20)
  })

  it('does not move on where nothing was answered, and where a part was, the rest is asked for as well', async () => {
    const { archive, members, root, place, catalog, object, read } = await stored()
    members.b.faults.unreachable = true
    await archive.verify(root, ROTATION)
    expect(await place()).toBeUndefined()
    expect((await place('a'))?.cursor).toBe(20)
    members.b.faults.unreachable = 1
    await archive.verify(root, ROTATION)
    expect((await place())?.cursor).toBe(20)
    const open = await catalog.unansweredOf(1, 'b')
    if (open.length > 0) {
      await archive.verify(root, ROTATION)
      expect(await catalog.unansweredOf(1, 'b')).toEqual([])
    }
    expect((await catalog.evidenceOf(object.id)).length).toBeGreaterThan(0)
    expect(await read('a')).toHaveLength(20)
  })

  it('finds again what is known to be damaged, wherever the rotation stands', async () => {
    const { archive, members, root } = await stored()
    members.b.faults.flip = { where: 'all', offset: 5_000 }
    expect((await archive.verify(root, { sample: 1_000 })).state).toBe('damaged')
    for (let audit = 0; audit < 4; audit++) expect((await archive.verify(root, { rotation: true, sample: 1 })).state).toBe('damaged')
    members.b.faults.flip = undefined
    expect((await archive.verify(root, { rotation: true, sample: 1 })).state).toBe('satisfied')
  })

  it('of an object that is read whole each time keeps no place', async () => {
    const { archive, root, place } = await stored()
    await archive.verify(root, { rotation: true, sample: 100 })
    expect(await place()).toBeUndefined()
  })

  it('begins anew where a replica was replaced', async () => {
    const { archive, members, root, place } = await stored()
    await archive.verify(root, ROTATION)
    members.b.faults.flip = { where: 'all', offset: 5_000 }
    await archive.verify(root, { level: 'whole' })
    members.b.faults.flip = undefined
    members.b.store.clear()
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(await place()).toBeUndefined()
  })

  it('is not what verify does by itself: a fresh draw moves no rotation', async () => {
    const { archive, root, place } = await stored()
    await archive.verify(root, { sample: 20 })
    expect(await place()).toBeUndefined()
  })
})

describe('the budget of audits', () => {
  it('of 0 lets nothing be read: evidence lapses, and that is said', async () => {
    const { archive, members, root, clock } = await stored({ audit: { budget: { bytes: 0 } } })
    clock.advanceDays(31)
    const reads = members.b.faults.calls.read
    const events: VerifyEvent[] = []
    expect((await archive.verify(root, { ...ROTATION, onProgress: (event) => events.push(event) })).state).toBe('unknown')
    expect(events.find(({ type }) => type === 'budget-reached')).toMatchObject({
      reason: expect.stringMatching(/audit budget of 2026-\d\d is 0 bytes/),
    })
    const survey = await archive.survey('b')
    expect(survey).toMatchObject({ state: 'budget', draws: 0 })
    expect(survey.statement).toMatch(/^Nothing was read: the audit budget/)
    expect(members.b.faults.calls.read).toBe(reads)
    expect((await archive.verify(root)).state, 'what a user asks for is not charged').toBe('satisfied')
  })

  it('is spent by surveys and rotation, is kept in the catalog, and starts anew with the month', async () => {
    const { archive, catalog, root, clock } = await stored({ audit: { goal: { confidence: 0.9, loss: 0.05 }, budget: { bytes: 40_000 } } })
    const month = () => new Date(clock()).toISOString().slice(0, 7)
    const first = month()
    const report = await archive.survey('b')
    expect(report.state).toBe('clean')
    expect(await catalog.spendingIn(first)).toMatchObject([{ vault: 'b', purpose: 'survey', bytes: report.bytesRead }])
    const second = await archive.survey('b')
    const third = await archive.survey('b')
    const last = [second, third].find(({ state }) => state === 'budget')
    expect(last?.bytesRead).toBeLessThan(report.bytesRead + 1)
    const spent = (await catalog.spendingIn(first)).reduce((sum, { bytes }) => sum + bytes, 0)
    expect(spent).toBeLessThanOrEqual(40_000)
    const before = await catalog.spendingIn(first)
    await archive.verify(root, ROTATION)
    expect(await catalog.spendingIn(first), 'nothing is left for rotation').toEqual(before)
    clock.advanceDays(32)
    expect(month()).not.toBe(first)
    expect((await archive.survey('b')).state).toBe('clean')
  })

  it('of money holds vaults to the prices they state', async () => {
    const prices = { currency: 'USD', readsPerThousand: 100 }
    const { archive, catalog, clock } = await stored({
      profiles: { b: { prices } },
      audit: { goal: { confidence: 0.9, loss: 0.05 }, budget: { money: { amount: 4, currency: 'USD' } } },
    })
    // 45 draws cost 4.50.
    const report = await archive.survey('b')
    expect(report).toMatchObject({ state: 'budget' })
    expect(report.intact).toBeLessThanOrEqual(40)
    const [row] = await catalog.spendingIn(new Date(clock()).toISOString().slice(0, 7))
    expect(row).toMatchObject({ currency: 'USD' })
    expect(row?.amount).toBeLessThanOrEqual(4)
    expect((await archive.survey('a')).state, 'reads that cost nothing go on').toBe('clean')
  })

  it('in another currency than the prices is refused when the archive is opened', async () => {
    const config = {
      profiles: { b: { prices: { currency: 'FIL', egressPerGiB: 1 } } },
      audit: { budget: { money: { amount: 1, currency: 'USD' } } },
    }
    await expect(fleet(['a', 'b'], config)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/prices of vault b are in FIL/),
    })
  })
})
