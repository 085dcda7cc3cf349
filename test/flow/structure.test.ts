import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import { spansOf } from '../../src/flow/spans.ts'
import { DAG_PB, RAW } from '../../src/format/address.ts'
import { structuralBlocks } from '../../src/format/structure.ts'
import { fleet, noise, tempFolder } from './house.ts'

const MIB = 1024 * 1024

async function stored(config: Parameters<typeof fleet>[1] = {}) {
  const catalog = await openCatalog({ path: join(await tempFolder(), 'catalog.sqlite') })
  const built = await fleet(['a', 'b'], { catalog, ...config })
  const roots: string[] = []
  for (let index = 0; index < 6; index++) roots.push((await built.archive.put(noise(3 * MIB + index, `object ${index}`))).root)
  return { ...built, archive: built.archive, catalog, roots }
}

describe('the structure of packs', () => {
  it('is inner nodes and not leaves', async () => {
    const { catalog } = await stored()
    const [pack] = await catalog.packs({ kind: 'content' })
    if (!pack) expect.unreachable()
    const spans = await spansOf({ catalog } as Parameters<typeof spansOf>[0], pack)
    expect(spans.map(({ cid }) => cid.code)).toEqual([RAW, RAW, RAW, RAW, DAG_PB].slice(-spans.length))
    expect(structuralBlocks(spans, pack)).toEqual([spans.length - 1])
  })

  it('of sealed packs has headers too: at the start, after a node, and before a whole leaf', () => {
    const [raw, node] = [(length: number) => ({ cid: { code: RAW }, length }), { cid: { code: DAG_PB }, length: 100 }]
    const leaf = raw(983_280)
    const header = raw(250)
    const blocks = [header, leaf, leaf, raw(900), node, raw(70), raw(80), header, leaf, raw(5), node, raw(60)]
    const of = (visibility: 'public' | 'sealed', erasable = false) =>
      structuralBlocks(blocks as unknown as Parameters<typeof structuralBlocks>[0], { kind: 'content', visibility, erasable })
    expect(of('public')).toEqual([4, 10])
    expect(of('sealed')).toEqual([0, 4, 5, 7, 10, 11])
    expect(of('sealed', true)).toHaveLength(blocks.length)
  })

  it('of the v0 profile leaves out whole leaves, which are dag-pb as well', () => {
    const node = (length: number) => ({ cid: { code: DAG_PB }, length })
    const blocks = [node(262_158), node(262_158), node(4_000), node(150)]
    const found = structuralBlocks(blocks as unknown as Parameters<typeof structuralBlocks>[0], {
      kind: 'content',
      visibility: 'public',
      erasable: false,
    })
    expect(found).toEqual([2, 3])
  })
})

describe('reading it', () => {
  it('is spread over two thirds of the age limit, and every pack is read once in it', async () => {
    const { archive, catalog, clock, members } = await stored()
    const total = await catalog.replicaCount('b')
    expect(await archive.auditStructure('b'), 'what was just put was read back then').toMatchObject({ state: 'current', packs: 0 })
    const seen: number[] = []
    for (let day = 0; day < 20; day++) {
      clock.advanceDays(1)
      const report = await archive.auditStructure('b')
      expect(report).toMatchObject({ state: 'current', lost: [] })
      seen.push(report.packs)
    }
    expect(seen.reduce((sum, packs) => sum + packs, 0)).toBe(total)
    expect(Math.max(...seen)).toBeLessThan(total)
    const reads = members.b.faults.calls.read
    expect(await archive.auditStructure('b')).toMatchObject({ packs: 0 })
    expect(members.b.faults.calls.read).toBe(reads)
    expect((await catalog.structureOf('b'))?.packs, 'a new round has begun').toBe(0)
  })

  it('catches up after a long sleep, and reads index packs whole', async () => {
    const { archive, catalog, clock } = await stored()
    await archive.auditStructure('b')
    clock.advanceDays(60)
    const report = await archive.auditStructure('b')
    expect(report.packs).toBe(await catalog.replicaCount('b'))
    const indexes = await catalog.packs({ kind: 'index' })
    const rows = await catalog.packEvidence(indexes.map(({ id }) => id))
    const newest = rows.filter(({ vault, retrieval, at }) => vault === 'b' && retrieval === 'whole' && at > clock() - 86_400_000)
    expect(newest.length).toBeGreaterThan(0)
  })

  it('finds a rotten node that no survey has met, and says so of the object', async () => {
    const { archive, catalog, clock, members, roots } = await stored()
    await archive.auditStructure('b')
    const [pack] = await catalog.packs({ kind: 'content' })
    if (!pack) expect.unreachable()
    const span = (await spansOf({ catalog } as Parameters<typeof spansOf>[0], pack)).at(-1)
    members.b.faults.flip = { where: [pack.name], offset: (span?.offset ?? 0) + 1 }
    clock.advanceDays(21)
    expect((await archive.auditStructure('b')).lost).toEqual([pack.name.toString()])
    expect((await archive.status(roots[0] ?? '')).state).toBe('damaged')
    expect((await archive.scores()).find(({ vault }) => vault === 'b')?.quarantine).toBeDefined()
  })

  it('stays where it is while the vault does not answer, and goes on from there', async () => {
    const { archive, catalog, clock, members } = await stored()
    await archive.auditStructure('b')
    clock.advanceDays(21)
    members.b.faults.unreachable = true
    expect((await archive.auditStructure('b')).state).toBe('unanswered')
    expect((await catalog.structureOf('b'))?.packs).toBe(0)
    members.b.faults.unreachable = undefined
    expect((await archive.auditStructure('b')).packs).toBe(await catalog.replicaCount('b'))
  })

  it('begins anew when the clock was set back by a year', async () => {
    const { archive, catalog, clock } = await stored()
    await archive.auditStructure('b')
    clock.advanceDays(-365)
    expect(await archive.auditStructure('b')).toMatchObject({ state: 'current' })
    expect((await catalog.structureOf('b'))?.begunAt).toBeLessThan(clock())
    clock.advanceDays(20)
    expect((await archive.auditStructure('b')).packs).toBe(await catalog.replicaCount('b'))
  })

  it('stops at the budget', async () => {
    const { archive, clock } = await stored({ audit: { budget: { bytes: 0 } } })
    await archive.auditStructure('b')
    clock.advanceDays(21)
    expect(await archive.auditStructure('b')).toMatchObject({ state: 'budget', packs: 0 })
  })
})
