import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RepairEvent } from '../../src/contracts.ts'
import {
  all,
  bytesOf,
  contentOf,
  fileOf,
  files,
  fleet,
  flip,
  house,
  type Member,
  noise,
  only,
  spooled,
  tempFolder,
  treeOf,
} from './house.ts'

const MIB = 1024 * 1024

function damage(member: Member, at: number): void {
  const bytes = member.store.get(only(contentOf(member)))
  if (!bytes) throw new RangeError('nothing to damage')
  bytes.set([(bytes[at] ?? 0) ^ 1], at)
}

/** Two blocks of the copy in `b` are wrong, and it is known; `good` is what lay there before. */
async function damagedTwice() {
  const { archive, members } = await fleet(['a', 'b'])
  const { root } = await archive.put(noise(8 * MIB))
  const at = only(contentOf(members.b))
  const good = Buffer.from(members.b.store.get(at) ?? [])
  damage(members.b, MIB / 2)
  damage(members.b, 6 * MIB)
  expect((await archive.verify(root, { level: 'whole' })).state).toBe('damaged')
  return { archive, members, root, at, good }
}

describe('repair', () => {
  it('replaces a damaged and a missing copy with the very same bytes', async () => {
    const { archive, folder } = await house()
    const receipt = await archive.put(noise(3 * MIB))
    const [first, second] = receipt.replicas
    if (!first || !second) expect.unreachable()
    const original = await readFile(fileOf(folder, first))
    const before = await treeOf(folder)
    await flip(fileOf(folder, second), 2 * MIB)
    const events: RepairEvent[] = []
    const report = await archive.repair(receipt.root, { onProgress: (event) => events.push(event) })
    expect(report).toMatchObject({ before: 'damaged', state: 'satisfied', missing: [] })
    expect(only(report.actions)).toMatchObject({
      action: 'replace',
      outcome: 'repaired',
      vault: second.vault,
      byteLength: original.byteLength,
    })
    expect(only(report.actions).reason).toMatch(/^the copy there is damaged: /)
    expect((await readFile(fileOf(folder, second))).equals(original)).toBe(true)
    await writeFile(fileOf(folder, second), '')
    expect((await archive.repair(receipt.root)).state).toBe('satisfied')
    const packs = (tree: Readonly<Record<string, string>>) => Object.entries(tree).filter(([path]) => path.includes('/packs/'))
    expect(packs(await treeOf(folder))).toEqual(packs(before))
    expect(await spooled(folder)).toEqual([])
    expect(events.map(({ type }) => type)).toContain('placed')
  })

  it('does not store again what a run that died has replaced already, whatever was known of the old bytes', async () => {
    const { archive, members, root, at, good } = await damagedTwice()
    // The vault took the new bytes, and the process died before it could write that down.
    members.b.store.set(at, good)
    const report = await archive.repair(root)
    expect(report.state).toBe('satisfied')
    expect(only(report.actions)).toMatchObject({ action: 'replace', vault: 'b' })
    // The very memory that was there, not another with the same bytes.
    expect(members.b.store.get(at)).toBe(good)
    expect((await archive.verify(root)).state).toBe('satisfied')
  })

  it('sends nothing to a copy that is known to be damaged and does not show its bytes now', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(2 * MIB))
    damage(members.b, MIB / 2)
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('damaged')
    const at = only(contentOf(members.b))
    const bad = members.b.store.get(at)
    members.b.faults.hang = 'all'
    const report = await archive.repair(root)
    expect(only(report.actions)).toMatchObject({ vault: 'b', action: 'replace', outcome: 'failed', code: 'unreachable' })
    expect(members.b.store.get(at)).toBe(bad)
    members.b.faults.hang = undefined
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(members.b.store.get(at)).not.toBe(bad)
  })

  it('stores once more when only a part of what was damaged is well again', async () => {
    const { archive, members, root, at, good } = await damagedTwice()
    damage(members.b, MIB / 2)
    const half = members.b.store.get(at)
    expect((await archive.repair(root)).state).toBe('satisfied')
    expect(members.b.store.get(at)).not.toBe(half)
    expect(good.equals(members.b.store.get(at) ?? Buffer.alloc(0))).toBe(true)
  })

  it('puts one whole copy together from two that are damaged in different blocks', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(4 * MIB))
    const original = Buffer.from(members.a.store.get(only(contentOf(members.a))) ?? [])
    damage(members.a, MIB / 2)
    damage(members.b, 2 * MIB + MIB / 2)
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('lost')
    const report = await archive.repair(root)
    expect(report.state).toBe('satisfied')
    for (const member of [members.a, members.b]) {
      expect(Buffer.from(member.store.get(only(contentOf(member))) ?? []).equals(original)).toBe(true)
    }
    expect((await bytesOf(archive.get(root))).equals(noise(4 * MIB))).toBe(true)
  })

  it('finds damage nobody had seen in its source, takes that block elsewhere, and says so', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'], { policy: { copies: 3 } })
    const { root } = await archive.put(noise(8 * MIB))
    members.c.store.delete(only(contentOf(members.c)))
    damage(members.a, 3 * MIB)
    // One draw of nine blocks by vault: whatever it meets, every block is hashed again on its way.
    const report = await archive.repair(root)
    expect(report.state === 'satisfied' || report.state === 'damaged').toBe(true)
    const again = await archive.repair(root)
    expect(again.state).toBe('satisfied')
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    expect(members.a.store.get(only(contentOf(members.a)))).toEqual(members.b.store.get(only(contentOf(members.b))))
  })

  it('never copies bytes it has not verified, and leaves every replica where it is when none is whole', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(4 * MIB))
    damage(members.a, MIB + 9_000)
    damage(members.b, MIB + 9_000)
    const before = [members.a, members.b].map((member) => Buffer.from(member.store.get(only(contentOf(member))) ?? []))
    const report = await archive.repair(root)
    expect(report.state).toBe('lost')
    expect(report.actions.map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
    expect(report.actions[0]?.detail).toMatch(/no replica gave intact bytes of block bafkrei/)
    const after = [members.a, members.b].map((member) => Buffer.from(member.store.get(only(contentOf(member))) ?? []))
    expect(after.every((bytes, index) => before[index]?.equals(bytes))).toBe(true)
    expect(await spooled(folder)).toEqual([])
    await expect(bytesOf(archive.get(root))).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('says lost when every copy is gone, and an index pack does not bring it back', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    for (const member of [members.a, members.b]) member.store.delete(only(contentOf(member)))
    expect(await archive.repair(root)).toMatchObject({ before: 'lost', state: 'lost' })
    expect((await archive.status(root)).state).toBe('lost')
    const again = await archive.put(noise(1_000))
    expect(again).toMatchObject({ root, state: 'satisfied', complete: true })
    expect((await bytesOf(archive.get(root))).equals(noise(1_000))).toBe(true)
  })

  it('goes to the next best vault when one does not take its copy', async () => {
    const { archive, members } = await fleet(['a', 'b', 'c'])
    const { root, replicas } = await archive.put(noise(1_000))
    expect(replicas.map(({ vault }) => vault)).toEqual(['a', 'b'])
    members.b.store.delete(only(contentOf(members.b)))
    members.b.faults.putFails = 1_000
    const report = await archive.repair(root)
    expect(report.actions).toMatchObject([
      { vault: 'b', action: 'replace', outcome: 'failed' },
      { vault: 'c', action: 'place', outcome: 'repaired', reason: expect.stringMatching(/in the place of b/) },
    ])
    expect(contentOf(members.c)).toHaveLength(1)
    members.b.faults.putFails = undefined
    expect((await archive.repair(root)).state).toBe('satisfied')
  })

  it('does not repair what is only unreachable: silence buys no second copy', async () => {
    const { archive, members, clock } = await fleet(['a', 'b', 'c'])
    const { root } = await archive.put(noise(1_000))
    members.b.faults.unreachable = true
    for (const days of [0, 1]) {
      clock.advanceDays(days)
      expect(await archive.repair(root)).toMatchObject({ state: 'unknown', actions: [] })
    }
    expect(contentOf(members.c)).toEqual([])
  })

  it('that has nothing to do does nothing, again and again', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    damage(members.b, 500)
    expect((await archive.repair(root)).actions).toHaveLength(1)
    const puts = [members.a.faults.calls.put, members.b.faults.calls.put]
    for (let run = 0; run < 2; run++)
      expect(await archive.repair(root)).toMatchObject({ before: 'satisfied', state: 'satisfied', actions: [] })
    expect([members.a.faults.calls.put, members.b.faults.calls.put]).toEqual(puts)
    const [report] = await all(archive.repairAll())
    expect(report).toMatchObject({ root, actions: [] })
  })

  it('repairs an object whose packs are shared, one by one', async () => {
    const { archive, members } = await fleet(['a', 'b'], { maxPackBytes: 1_100_000 })
    const { root, packs } = await archive.put(noise(4 * MIB))
    expect(packs.length).toBeGreaterThan(3)
    for (const at of contentOf(members.b).slice(0, 3)) members.b.store.delete(at)
    const report = await archive.repair(root)
    expect(report.state).toBe('satisfied')
    expect(report.actions.map(({ outcome }) => outcome)).toEqual(['repaired', 'repaired', 'repaired'])
    expect(contentOf(members.b)).toHaveLength(packs.length)
  })
})

describe('repair --plan', () => {
  it('says what it would do and why, and changes neither vaults nor spool', async () => {
    const { archive, folder } = await house()
    const source = await files(await tempFolder(), { 'one.bin': noise(300_000, 'one'), 'two.txt': 'two' })
    const receipt = await archive.put(source)
    const replica = receipt.replicas.find(({ vault }) => vault === 'b')
    if (!replica) expect.unreachable()
    await flip(fileOf(folder, replica), 100_000)
    await archive.verify(receipt.root)
    const vaults = async () => [await treeOf(join(folder, 'a')), await treeOf(join(folder, 'b')), await spooled(folder)]
    const before = { tree: await vaults(), totals: await archive.totals(), receipt: await archive.receipt(receipt.root) }
    const plan = await archive.repair(receipt.root, { plan: true })
    expect(plan).toMatchObject({ before: 'damaged', state: 'damaged' })
    expect(plan.actions).toMatchObject([{ vault: 'b', action: 'replace', outcome: 'planned', reason: expect.stringMatching(/damaged/) }])
    expect({ tree: await vaults(), totals: await archive.totals(), receipt: await archive.receipt(receipt.root) }).toEqual(before)
    expect((await archive.repair(receipt.root)).actions).toMatchObject([{ vault: 'b', action: 'replace', outcome: 'repaired' }])
  })

  it('leaves a pack in the spool that repair itself would release', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000), { until: 'accepted' })
    const kept = await spooled(folder)
    expect(kept).toHaveLength(1)
    await archive.repair(root, { plan: true })
    expect(await spooled(folder)).toEqual(kept)
    await archive.repair(root)
    expect(await spooled(folder)).toEqual([])
    expect(contentOf(members.a)).toHaveLength(1)
  })
})
