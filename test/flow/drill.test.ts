import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DrillReport } from '../../src/contracts.ts'
import { contentOf, files, fleet, type Member, noise, only, tempFolder } from './house.ts'
import { alice, bob } from './sealed/keys.ts'

const MIB = 1024 * 1024

const leftIn = async (folder: string) => (await readdir(join(folder, 'archive'))).filter((name) => name.startsWith('drill-'))
const outcomes = ({ results }: DrillReport) => results.map(({ outcome }) => outcome)

function damage(member: Member, pack: string, at: number): void {
  const locator = only(contentOf(member).filter((each) => each.includes(pack)))
  member.store.get(locator)?.set([7], at)
  member.store.get(locator)?.set([9], at + 1)
}

const tree = async () =>
  files(await tempFolder(), { 'one.bin': noise(2 * MIB + 5, 'one'), 'sub/two.txt': 'two', 'sub/deep/empty': '', 'name with ü.txt': 'x' })

describe('drill', () => {
  it('restores objects of every shape, compares them with their roots, and leaves nothing', async () => {
    const { archive, folder, clock } = await fleet(['a', 'b'])
    await archive.put(await tree())
    await archive.put(noise(1_000))
    await archive.put(noise(0))
    await archive.put(noise(5 * MIB, 'old'), { profile: 'unixfs-v0-2015' })
    await archive.put([
      { path: 'link', target: 'nowhere' },
      { path: 'mode', content: noise(10), mode: 0 },
      { path: 'empty', mode: 0o755 },
    ])
    await archive.putAll([
      { path: 'p', content: noise(3) },
      { path: 'q', content: noise(4) },
    ])
    clock.advanceDays(1)
    const report = await archive.drill({ count: 100 })
    expect(outcomes(report)).toEqual(Array(7).fill('restored'))
    expect(report).toMatchObject({ restored: 7, failed: 0, skipped: 0 })
    expect(report.byteLength).toBeGreaterThan(7 * MIB)
    expect(report.bytesPerSecond).toBeGreaterThan(0)
    expect(await leftIn(folder)).toEqual([])
    expect(await archive.lastDrill()).toEqual(report)
  })

  it('draws as many as were asked for, the same again with the seed of the report, and others without', async () => {
    const { archive } = await fleet(['a', 'b'])
    for (let nth = 0; nth < 12; nth++) await archive.put(noise(100 + nth, `${nth}`))
    const first = await archive.drill({ count: 4 })
    const again = await archive.drill({ count: 4, seed: first.seed })
    expect(first.results).toHaveLength(4)
    expect(again.results.map(({ root }) => root)).toEqual(first.results.map(({ root }) => root))
    const other = await archive.drill({ count: 12 })
    expect(new Set(other.results.map(({ root }) => root)).size).toBe(12)
    const little = await archive.drill({ count: 12, bytes: 250 })
    expect(little.results).toHaveLength(3)
    await expect(archive.drill({ seed: 'xyz' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(archive.drill({ vaults: ['nobody'] })).rejects.toMatchObject({ code: 'invalid' })
    await expect(archive.drill({ count: 0 })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('by size prefers what is large', async () => {
    const { archive } = await fleet(['a', 'b'])
    for (let nth = 0; nth < 10; nth++) await archive.put(noise(1 + nth, `${nth}`))
    const { root } = await archive.put(noise(MIB))
    expect((await archive.drill({ count: 1, weighted: true })).results[0]?.root).toBe(root)
  })

  it('of one vault reads from nowhere else, and shows whether it alone is enough', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root, packs } = await archive.put(noise(3 * MIB))
    damage(members.a, only(packs).name, 2 * MIB)
    const together = await archive.drill()
    expect(together).toMatchObject({ restored: 1, failed: 0 })
    for (const member of [members.a, members.b]) member.faults.bytesRead = 0
    const report = await archive.drill({ vaults: ['a', 'b'] })
    expect(report.results).toMatchObject([
      { root, vault: 'a', outcome: 'failed', code: 'damaged', detail: expect.stringMatching(/no replica gave intact bytes/) },
      { root, vault: 'b', outcome: 'restored' },
    ])
    expect(members.b.faults.bytesRead).toBeLessThan(3.1 * MIB)
    // What it met is evidence.
    expect((await archive.status(root)).replicas.find(({ vault }) => vault === 'a')).toMatchObject({ verdict: 'damaged' })
  })

  it('takes nothing from the spool', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(5_000), { until: 'accepted' })
    members.a.store.delete(only(contentOf(members.a)))
    const { results } = await archive.drill({ vaults: ['a'] })
    expect(results).toMatchObject([{ root, outcome: 'failed', code: 'absent' }])
  })

  it('of one vault takes only objects that lie in it whole', async () => {
    const { archive } = await fleet(['a', 'b', 'c'])
    await archive.put(noise(1_000))
    expect(await archive.drill({ vaults: ['c'] })).toMatchObject({ results: [], failed: 0 })
    expect((await archive.drill({ vaults: ['b'] })).restored).toBe(1)
  })

  it('tells silence from damage, and cold from both', async () => {
    const { archive, members } = await fleet(['a', 'b'], { profiles: { b: { cold: true } } })
    await archive.put(noise(1_000))
    members.a.faults.unreachable = true
    expect((await archive.drill({ vaults: ['a'] })).results).toMatchObject([{ outcome: 'failed', code: 'unreachable' }])
    members.b.faults.bytesRead = 0
    expect((await archive.drill({ vaults: ['b'] })).results).toMatchObject([{ outcome: 'skipped', detail: expect.stringMatching(/thaw/) }])
    expect(members.b.faults.bytesRead).toBe(0)
  })

  it('stops when it is told to and cleans up, and clears away what a killed one left', async () => {
    const { archive, folder, members } = await fleet(['a', 'b'])
    await archive.put(noise(3 * MIB))
    await mkdir(join(folder, 'archive', 'drill-dead', 'x'), { recursive: true })
    await writeFile(join(folder, 'archive', 'drill-dead', 'x', 'y'), 'z')
    for (const member of [members.a, members.b]) member.faults.slow = 30
    const stop = new AbortController()
    setTimeout(() => stop.abort(new DOMException('enough', 'AbortError')), 50)
    await expect(archive.drill({ signal: stop.signal })).rejects.toMatchObject({ message: 'enough' })
    expect(await leftIn(folder)).toEqual([])
    expect(await archive.lastDrill()).toBeUndefined()
  })

  it('is one at a time', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(1_000))
    for (const member of [members.a, members.b]) member.faults.slow = 30
    const both = await Promise.allSettled([archive.drill(), archive.drill()])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'busy' } })
  })

  it('counts what it reads as its own', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    await archive.put(noise(MIB))
    members.a.faults.bytesRead = 0
    await archive.drill({ vaults: ['a'] })
    expect(only((await archive.costs()).rows.filter(({ vault, activity }) => vault === 'a' && activity === 'drill')).readBytes).toBe(
      members.a.faults.bytesRead,
    )
  })
})

describe('drill of sealed objects', () => {
  const sources = async () => ({ tree: await tree(), large: noise(3 * MIB, 'large'), small: noise(500, 'small'), empty: noise(0) })

  it.each([
    ['plaintext', [alice.identity]],
    ['ciphertext', []],
  ] as const)('restores them as %s, with or without identities, and compares', async (form, identities) => {
    const world = await fleet(['a', 'b'], { recipients: [alice.recipient], identities: [alice.identity] })
    const { tree: folder, large, small, empty } = await sources()
    await world.archive.put(folder, { padding: 'padme' })
    for (const bytes of [large, small, empty]) await world.archive.put(bytes)
    await world.archive.put(noise(2_000, 'erasable'), { erasable: true })
    const archive = await world.reopen({ identities })
    const report = await archive.drill({ count: 100 })
    expect(report.results.filter(({ outcome }) => outcome !== 'restored')).toEqual([])
    expect(report.results.map((result) => result.form)).toEqual(Array(5).fill(form))
    const alone = await archive.drill({ count: 100, vaults: ['a', 'b'] })
    expect(alone.restored).toBe(10)
    expect(await leftIn(world.folder)).toEqual([])
  })

  it('restores them after their recipients were changed', async () => {
    const world = await fleet(['a', 'b'], { recipients: [alice.recipient], identities: [alice.identity] })
    const { root } = await world.archive.put(noise(2_000))
    const large = await world.archive.put(noise(2 * MIB))
    const both = [alice.recipient, bob.recipient]
    for (const each of [root, large.root]) await world.archive.changeRecipients(each, { set: both })
    expect(await world.archive.drill({ count: 10 })).toMatchObject({ restored: 2, failed: 0 })
  })

  it('leaves shredded objects out', async () => {
    const { archive } = await fleet(['a', 'b'], { recipients: [alice.recipient], identities: [alice.identity] })
    const { root } = await archive.put(noise(2_000), { erasable: true })
    await archive.shred(root)
    expect((await archive.drill()).results).toEqual([])
    expect((await archive.drill({ vaults: ['a'] })).results).toEqual([])
  })

  it('says so when the identity is not the right one', async () => {
    const world = await fleet(['a', 'b'], { recipients: [alice.recipient], identities: [alice.identity] })
    await world.archive.put(noise(2_000))
    const archive = await world.reopen({ identities: [bob.identity] })
    expect((await archive.drill()).results).toMatchObject([{ outcome: 'failed', code: 'wrong-identity' }])
  })
})
