import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSigned } from '../../src/format/record.ts'
import { all, bytesOf, contentOf, fleet, type Member, noise, only, spooled } from './house.ts'

async function tombstonesIn(member: Member): Promise<readonly string[]> {
  const { CarReader } = await import('@ipld/car')
  const found: string[] = []
  for (const [at, bytes] of member.store) {
    if (!at.startsWith('index/')) continue
    for await (const block of (await CarReader.fromBytes(bytes)).blocks()) {
      const statement = await openSigned(block.bytes).catch((error: unknown) => error)
      if (typeof statement === 'object' && statement !== null && 'kind' in statement && statement.kind === 'tombstone')
        found.push(String((statement as { root?: unknown }).root))
    }
  }
  return found
}

describe('rm', () => {
  it('forgets an object in the catalog and in the vaults, and leaves a signed tombstone there', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    const { root, packs } = await archive.put(noise(100_000))
    const report = await archive.rm(root)
    const name = only(packs).name
    expect(report).toMatchObject({ root, kept: [] })
    expect(report.removed.map(({ vault, pack }) => [vault, pack])).toEqual([
      ['a', name],
      ['b', name],
    ])
    for (const member of [members.a, members.b]) {
      expect(contentOf(member)).toEqual([])
      expect(await tombstonesIn(member)).toEqual([root])
    }
    await expect(archive.status(root)).rejects.toMatchObject({ code: 'unknown-root' })
    await expect(bytesOf(archive.get(root))).rejects.toMatchObject({ code: 'unknown-root' })
    await expect(archive.rm(root)).rejects.toMatchObject({ code: 'unknown-root' })
    expect(await archive.receipt(root), 'what was signed once stays known').toMatchObject({ root })
    expect(await spooled(folder)).toEqual([])
  })

  it('counts references: a shared pack stays until the last object that uses it is gone', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const list = ['one', 'two', 'three'].map((path) => ({ path, content: noise(5_000, path) }))
    const receipts = await archive.putAll(list)
    for (const [index, { root }] of receipts.entries()) {
      const report = await archive.rm(root)
      const left = receipts.slice(index + 1)
      if (left.length > 0) {
        expect(report).toMatchObject({ removed: [], kept: [{ reason: 'other objects use blocks of this pack' }] })
        for (const { root } of left) expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
        for (const { root, name } of left) expect((await bytesOf(archive.get(root))).equals(noise(5_000, name ?? ''))).toBe(true)
      } else expect(report.removed).toHaveLength(2)
    }
    expect(contentOf(members.a)).toEqual([])
    expect(await archive.totals()).toMatchObject({ objects: 0, byteLength: 0 })
  })

  it('names the vault that cannot forget, and the one that does not answer; prune tries again', async () => {
    const { archive, members, reopen } = await fleet(['a', 'b', 'c'], { policy: { copies: 3 }, profiles: { c: { canForget: false } } })
    const { root, packs } = await archive.put(noise(1_000))
    const pack = only(packs).name
    members.b.faults.unreachable = true
    const report = await archive.rm(root)
    expect(report.removed).toMatchObject([{ vault: 'a', pack }])
    expect(report.kept).toEqual([
      { vault: 'b', pack, reason: expect.stringMatching(/connection refused/) },
      { vault: 'c', pack, reason: 'this vault cannot forget' },
    ])
    members.b.faults.unreachable = undefined
    const again = await reopen()
    const plan = await again.prune({ plan: true })
    expect(plan.planned).toBe(true)
    expect(plan.removed).toContainEqual({ vault: 'b', pack, byteLength: expect.any(Number), reason: 'no object refers to it' })
    expect(contentOf(members.b), 'a plan removes nothing').toHaveLength(1)
    const pruned = await again.prune()
    expect(pruned.removed).toContainEqual({ vault: 'b', pack, byteLength: expect.any(Number), reason: 'no object refers to it' })
    expect(pruned.kept).toContainEqual({ vault: 'c', pack, reason: 'this vault cannot forget' })
    expect([contentOf(members.b).length, contentOf(members.c).length]).toEqual([0, 1])
    expect((await again.prune()).removed).toEqual([])
  })

  it('is not for ever: the same content can be put again', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const first = await archive.put(noise(50_000))
    await archive.rm(first.root)
    const second = await archive.put(noise(50_000))
    expect(second).toMatchObject({ root: first.root, state: 'satisfied', complete: true })
    expect(contentOf(members.b)).toHaveLength(1)
    expect((await bytesOf(archive.get(first.root))).equals(noise(50_000))).toBe(true)
  })

  it('does not touch a pack that a put has begun to use again', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const first = await archive.put(noise(2_000_000))
    members.a.faults.slow = 5
    const [removed, put] = await Promise.allSettled([archive.rm(first.root), archive.put(noise(2_000_000))])
    expect(removed?.status).toBe('fulfilled')
    if (put?.status === 'rejected') expect(put.reason).toMatchObject({ code: 'conflict' })
    const known = await all(archive.objects())
    for (const { root } of known) {
      await archive.repair(root)
      expect((await bytesOf(archive.get(root))).equals(noise(2_000_000))).toBe(true)
    }
    const again = await archive.put(noise(2_000_000))
    expect(again.state).toBe('satisfied')
  })
})

describe('prune', () => {
  it('collects superseded index packs and what dead puts left in the spool, and nothing that is needed', async () => {
    const { archive, members, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(1_000))
    await archive.rm((await archive.put(noise(2_000, 'other'))).root)
    await writeFile(join(folder, 'archive', 'spool', 'parts', '999999-dead.0'), noise(100))
    const plan = await archive.prune({ plan: true })
    const indexes = [...members.a.store.keys()].filter((at) => at.startsWith('index/'))
    expect(await spooled(folder), 'a plan collects nothing').toHaveLength(1)
    const done = await archive.prune()
    expect(done.removed).toEqual(plan.removed)
    expect(done.removed.length).toBeGreaterThan(0)
    expect(new Set(done.removed.map(({ reason }) => reason))).toEqual(new Set(['superseded by newer records']))
    expect([...members.a.store.keys()].filter((at) => at.startsWith('index/')).length).toBeLessThan(indexes.length)
    expect(await spooled(folder)).toEqual([])
    expect((await archive.verify(root, { level: 'whole' })).state).toBe('satisfied')
    expect((await archive.prune()).removed).toEqual([])
  })
})
