import { rm, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { ObjectReport, ReplicaReport, VerifyOptions } from '../../src/contracts.ts'
import { all, contentOf, fileOf, fleet, flip, house, noise, only, tempFolder } from './house.ts'

const MIB = 1024 * 1024
const ofVault = (report: ObjectReport, id: string): ReplicaReport => only(report.replicas.filter(({ vault }) => vault === id))

describe('what a vault can do wrong', () => {
  it.each<[string, VerifyOptions]>([
    ['a sample of every block', { sample: 1_000 }],
    ['a whole read', { level: 'whole' }],
  ])('is found by %s: cut off, a bit flipped, a page of HTML', async (_, options) => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(3 * MIB))
    const { faults } = members.b
    for (const fault of [
      { truncate: { where: 'all', length: 2 * MIB } },
      { flip: { where: 'all', offset: MIB + 500 } },
      { html: 'all' },
    ] as const) {
      Object.assign(faults, fault)
      const report = await archive.verify(root, options)
      expect(report.state, JSON.stringify(fault)).toBe('damaged')
      expect(ofVault(report, 'b')).toMatchObject({ verdict: 'damaged', counts: false })
      expect(ofVault(report, 'b').detail).toMatch(/do not hash to it/)
      expect(ofVault(report, 'a')).toMatchObject({ verdict: 'intact', counts: true })
      expect(report.missing[0]?.reason).toMatch(/1 of 2 copies confirmed; b: damaged/)
      Object.assign(faults, { truncate: undefined, flip: undefined, html: undefined })
      expect(await archive.verify(root, { level: 'whole' })).toMatchObject({ state: 'satisfied', missing: [] })
    }
  })

  it('is found in directories of a real disk: a flipped bit, a cut file, a file gone', async () => {
    const { archive, folder } = await house()
    const receipt = await archive.put(noise(200_000))
    const [first, second] = receipt.replicas
    if (!first || !second) expect.unreachable()
    await flip(fileOf(folder, second), 5_000)
    expect(ofVault(await archive.verify(receipt.root), second.vault)).toMatchObject({ verdict: 'damaged' })
    await writeFile(fileOf(folder, second), noise(100))
    expect(ofVault(await archive.verify(receipt.root), second.vault)).toMatchObject({ verdict: 'damaged' })
    await rm(fileOf(folder, second))
    const report = await archive.verify(receipt.root, { level: 'listed' })
    expect(report.state).toBe('damaged')
    await rm(fileOf(folder, first))
    const lost = await archive.verify(receipt.root)
    expect(lost.state).toBe('lost')
    expect(lost.replicas.map(({ verdict }) => verdict)).toEqual(['missing', 'missing'])
  })

  it('is missing, not damaged, when the replica is gone', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    members.b.store.delete(only(contentOf(members.b)))
    const report = await archive.verify(root)
    expect(report.state).toBe('damaged')
    expect(ofVault(report, 'b')).toMatchObject({ verdict: 'missing', counts: false, answered: 0 })
  })

  it('is not taken for its word: a replica that is only listed is unproven and does not count', async () => {
    const { archive, members, clock } = await fleet(['a', 'b'])
    const { root, packs } = await archive.put(noise(1_000))
    const at = only(contentOf(members.b))
    members.b.store.delete(at)
    clock.advanceDays(31)
    const listed = await archive.verify(root, { level: 'listed' })
    expect(listed.state).toBe('unknown')
    expect(ofVault(listed, 'a')).toMatchObject({ verdict: 'unproven', possession: 'listed', retrieval: 'none', counts: false })
    expect(ofVault(listed, 'b')).toMatchObject({ verdict: 'missing', counts: false })
    const { CID } = await import('multiformats/cid')
    members.b.faults.ghosts = [{ name: CID.parse(only(packs).name), kind: 'content', at, byteLength: 1_059 }]
    const ghost = await archive.verify(root, { level: 'listed' })
    expect(ofVault(ghost, 'b')).toMatchObject({ verdict: 'unproven', possession: 'listed', counts: false })
    const sampled = await archive.verify(root)
    expect(ofVault(sampled, 'a')).toMatchObject({ verdict: 'intact', counts: true })
    expect(ofVault(sampled, 'b')).toMatchObject({ verdict: 'missing', counts: false })
    expect(sampled.state).toBe('damaged')
    expect(ofVault(await archive.verify(root, { level: 'listed' }), 'b').counts, 'its word does not undo a failed read').toBe(false)
  })

  it('counts as listed where the policy takes that, and is shown as no more', async () => {
    const { archive, clock } = await fleet(['a', 'b'], { policy: { evidence: { accept: ['listed'] } } })
    const { root } = await archive.put(noise(1_000))
    clock.advanceDays(31)
    expect((await archive.status(root)).state).toBe('unknown')
    const report = await archive.verify(root, { level: 'listed' })
    expect(report.state).toBe('satisfied')
    expect(ofVault(report, 'a')).toMatchObject({ verdict: 'unproven', retrieval: 'none', counts: true })
  })
})

describe('damage that was found', () => {
  it.each<[string, VerifyOptions]>([
    ['a sample', { sample: 1_000 }],
    ['a whole read', { level: 'whole' }],
  ])('by %s stays found: its span is asked for again however the sample falls', async (_, options) => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(entriesOf(400))
    const pack = only(contentOf(members.b))
    const bytes = members.b.store.get(pack)
    if (!bytes) expect.unreachable()
    const at = Math.floor(bytes.byteLength / 2)
    bytes.set([(bytes[at] ?? 0) ^ 1], at)
    expect((await archive.verify(root, options)).state).toBe('damaged')
    for (let run = 0; run < 5; run++) expect((await archive.verify(root, { sample: 1 })).state, `run ${run}`).toBe('damaged')
    expect((await archive.verify(root, { level: 'listed' })).state).toBe('damaged')
    members.b.faults.denied = 0
    expect((await archive.verify(root, { sample: 1 })).state, 'while it is denied').toBe('damaged')
    members.b.faults.denied = undefined
    members.b.faults.unreachable = true
    expect((await archive.verify(root, { sample: 1 })).state, 'while it is away').toBe('damaged')
    members.b.faults.unreachable = undefined
    for (let run = 0; run < 5; run++) expect((await archive.verify(root, { sample: 1 })).state, `later run ${run}`).toBe('damaged')
    bytes.set([(bytes[at] ?? 0) ^ 1], at)
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
  })
})

/** Many small files: one block each, and a directory. */
const entriesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `file-${index}`, content: noise(300, `entry ${index}`) }))

describe('a sampled verify', () => {
  it('reads only its samples, and no more of an object that is 64 times as large', async () => {
    const seen: { readonly asked: number; readonly reads: number; readonly bytes: number }[] = []
    for (const count of [100, 6_400]) {
      const { archive, members } = await fleet(['a', 'b'])
      const { root } = await archive.put(entriesOf(count))
      const { faults } = members.a
      const [calls, before] = [faults.calls.read ?? 0, faults.bytesRead]
      const replica = ofVault(await archive.verify(root, { sample: 10 }), 'a')
      seen.push({ asked: replica.asked ?? 0, reads: (faults.calls.read ?? 0) - calls, bytes: faults.bytesRead - before })
      expect(replica).toMatchObject({ verdict: 'intact', retrieval: 'sampled', answered: replica.asked })
      expect(replica.bytesRead).toBeLessThanOrEqual(faults.bytesRead - before)
    }
    for (const { asked, reads, bytes } of seen) {
      expect(asked).toBeGreaterThanOrEqual(10)
      // Ten draws and the root, which in the large one is a shard of at most 20 kB.
      expect(asked).toBeLessThanOrEqual(11)
      expect(reads).toBeLessThanOrEqual(asked)
      expect(bytes).toBeLessThan(10 * 2_000 + 30_000)
    }
  })

  it('asks for as many as confidence and loss demand, 29 if nothing is said', async () => {
    const { archive } = await fleet(['a', 'b'])
    const { root } = await archive.put(entriesOf(600))
    const asked = async (options: VerifyOptions) => ofVault(await archive.verify(root, options), 'a').asked ?? 0
    for (const [options, count] of [
      [{}, 29],
      [{ sample: { confidence: 0.99, loss: 0.05 } }, 90],
      [{ sample: 5 }, 5],
      [{ sample: { confidence: 0.99, loss: 0.01 } }, 459],
    ] as const) {
      const draws = await asked(options)
      expect([count, count + 1], JSON.stringify(options)).toContain(draws)
    }
  })

  it('draws from a fresh seed each time, fixed before the first answer and kept with the evidence', async () => {
    const made: string[] = []
    const random = (byteLength: number) => {
      const bytes = noise(byteLength, `random ${made.length}`)
      made.push(Buffer.from(bytes).toString('hex'))
      return bytes
    }
    const folder = await tempFolder()
    const { openCatalog } = await import('../../src/catalog/open.ts')
    const catalog = await openCatalog({ path: `${folder}/catalog.sqlite` })
    const { archive } = await fleet(['a', 'b'], { random, catalog })
    const { root } = await archive.put(entriesOf(300))
    const object = only(await catalog.objects())
    const seeds = new Set<string>()
    for (let run = 0; run < 3; run++) {
      await archive.verify(root, { sample: 3 })
      const rows = (await catalog.evidenceOf(object.id)).filter(({ retrieval, seed }) => retrieval === 'sampled' && seed)
      expect(rows).toHaveLength(2)
      for (const { seed } of rows) seeds.add(Buffer.from(seed ?? []).toString('hex'))
    }
    expect(seeds.size, 'one per vault and run').toBe(6)
    expect([...seeds].every((seed) => made.includes(seed))).toBe(true)
  })

  it('names its object: another object in the same pack is not sampled by it', async () => {
    const { archive, clock } = await fleet(['a', 'b'])
    const [one, two] = await archive.putAll([
      { path: 'one', content: noise(3 * MIB, 'one') },
      { path: 'two', content: noise(3 * MIB, 'two') },
    ])
    if (!one || !two) expect.unreachable()
    clock.advanceDays(31)
    expect((await archive.verify(one.root)).state).toBe('satisfied')
    expect((await archive.status(two.root)).state).toBe('unknown')
  })
})

it('evidence lapses by the clock: satisfied becomes unknown, and satisfied again when bytes are shown', async () => {
  const { archive, clock } = await fleet(['a', 'b'])
  const { root } = await archive.put(noise(1_000))
  clock.advanceDays(29)
  expect((await archive.status(root)).state).toBe('satisfied')
  clock.advanceDays(2)
  const stale = await archive.status(root)
  expect(stale.state).toBe('unknown')
  expect(stale.missing.map(({ reason }) => reason).join()).toMatch(/older than 30 days/)
  expect((await archive.totals()).states).toMatchObject({ satisfied: 0, unknown: 1 })
  expect((await archive.verify(root)).state).toBe('satisfied')
})

it('status and listings ask no vault', async () => {
  const { archive, members } = await fleet(['a', 'b'])
  const { root } = await archive.put(noise(1_000))
  const before = JSON.stringify([members.a.faults.calls, members.b.faults.calls])
  await archive.status(root)
  await all(archive.objects())
  await archive.totals()
  await archive.receipt(root)
  archive.explain()
  expect(JSON.stringify([members.a.faults.calls, members.b.faults.calls])).toBe(before)
})

it('a policy that accepts whole reads only takes no sample for one', async () => {
  const { archive, clock } = await fleet(['a', 'b'], { policy: { evidence: { accept: ['whole'] } } })
  const { root } = await archive.put(noise(1_000))
  clock.advanceDays(31)
  const sampled = await archive.verify(root)
  expect(sampled.state).toBe('unknown')
  expect(sampled.replicas).toMatchObject([{ verdict: 'intact', retrieval: 'sampled', counts: false }, { counts: false }])
  expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
})

it('verify of some vaults asks no other, and changes none', async () => {
  const { archive, members } = await fleet(['a', 'b'])
  const { root } = await archive.put(noise(1_000))
  const before = JSON.stringify(members.b.faults.calls)
  const { put } = members.a.faults.calls
  await archive.verify(root, { vaults: ['a'], level: 'whole' })
  expect(JSON.stringify(members.b.faults.calls)).toBe(before)
  expect(members.a.faults.calls.put).toBe(put)
})

it('verifyAll reads a pack that many objects share only once when it reads whole', async () => {
  const { archive, members } = await fleet(['a', 'b'])
  await archive.putAll(entriesOf(20))
  const before = members.a.faults.bytesRead
  const reports = await all(archive.verifyAll({ level: 'whole' }))
  expect(reports.map(({ state }) => state)).toEqual(Array.from({ length: 20 }, () => 'satisfied'))
  expect(members.a.faults.bytesRead - before).toBeLessThan(1.2 * (members.a.store.get(only(contentOf(members.a)))?.byteLength ?? 0))
})
