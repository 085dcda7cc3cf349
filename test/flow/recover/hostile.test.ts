/** Vaults that lost something, withhold something, or hold what somebody else wrote. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { recoverArchive } from '../../../src/archive.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { bytesOf, contentOf, fleet, noise, only, tempFolder } from '../house.ts'
import { blocksOf, damage, fieldsOf, indexOf, isRecord, isToc, rewrite } from './index-packs.ts'
import { keyIn, recovered, shownOf } from './wiped.ts'

async function stored() {
  const built = await fleet(['a', 'b'])
  const { root } = await built.archive.put(noise(3_000_000), { name: 'photo' })
  return { ...built, archive: built.archive, root, key: await keyIn(built.folder) }
}

describe('recover from a damaged vault', () => {
  it('reads a TOC that the index pack has lost from the pack itself, whose name proves it', async () => {
    const { members, vaults, root, key } = await stored()
    await damage(members.a, only(indexOf(members.a)), isToc)
    const before = members.a.faults.bytesRead
    const { archive, report } = await recovered({ vaults }, { from: ['a'], key })
    expect(members.a.faults.bytesRead - before, 'not by reading the pack').toBeLessThan(1_000_000)
    expect(report).toMatchObject({ restored: 1, unread: { count: 1, first: [{ vault: 'a' }] }, incomplete: { count: 0 } })
    expect((await bytesOf(archive.get(root))).equals(noise(3_000_000))).toBe(true)
  })

  it('takes from another vault what one has damaged', async () => {
    const { members, vaults, root, key } = await stored()
    await damage(members.a, only(indexOf(members.a)), isRecord)
    const { archive, report } = await recovered({ vaults }, { from: ['a', 'b'], key })
    expect(report.unread.count).toBe(1)
    expect(report.incomplete.count).toBe(0)
    expect((await archive.verify(root)).state).toBe('satisfied')
  })

  it('names the TOC that nobody has, enters nothing of the object, and enters it when a vault comes that has it', async () => {
    const { members, vaults, root, key } = await stored()
    const pack = only(contentOf(members.a)).replace('content/', '')
    await damage(members.a, only(indexOf(members.a)), isToc)
    members.a.store.delete(`content/${pack}`)
    const folder = await tempFolder()
    const config = { path: join(folder, 'archive'), vaults: vaults.slice(0, 1) }
    const report = await recoverArchive(config, { key })
    expect(report).toMatchObject({ restored: 0, incomplete: { count: 1, first: [{ root, missing: [pack] }] } })
    const later = await recoverArchive({ ...config, vaults })
    expect(later).toMatchObject({ restored: 1, incomplete: { count: 0 } })
  })

  it('reports content that no record names, knows its blocks again, and stores nothing when the same is put', async () => {
    const { members, vaults, root, key } = await stored()
    const { archive } = await fleet(['c', 'd'])
    for (const [at, bytes] of members.a.store)
      if (at.startsWith('index/')) members.a.store.delete(at) && members.b.store.set(`x${at}`, bytes)
    await expect(recovered({ vaults }, { from: ['a'], key })).rejects.toMatchObject({ code: 'no-records' })
    const other = await archive.put(noise(10))
    expect(other.root).not.toBe(root)
    // Another object keeps the archive's records in the vault.
    const again = await fleet(['e', 'f'])
    const kept = await again.archive.put(noise(10, 'kept'))
    const lost = await again.archive.put(noise(3_000_000, 'lost'))
    for (const at of indexOf(again.members.e)) {
      const records = (await blocksOf(again.members.e.store.get(at) ?? new Uint8Array())).map(fieldsOf).filter(isRecord)
      if (records.some((record) => String(record.root) === lost.root))
        for (const member of [again.members.e, again.members.f]) member.store.delete(at)
    }
    const back = await recovered({ vaults: again.vaults }, { key: await keyIn(again.folder) })
    expect(back.report).toMatchObject({ restored: 1, orphans: { count: 1, first: [{ adopted: true, vaults: ['e', 'f'] }] } })
    expect((await shownOf(back.archive)).map(({ root: shown }) => shown)).toContain(kept.root)
    expect((await back.archive.put(noise(3_000_000, 'lost'))).root).toBe(lost.root)
    expect(back.uploads).toEqual([])
  })
})

describe('recover from a vault that somebody else writes into', () => {
  it('refuses a record that was changed', async () => {
    const { members, vaults, root, key } = await stored()
    await rewrite(members.a, only(indexOf(members.a)), (fields) =>
      isRecord(fields) ? { ...fields, name: 'forged', sequence: 9 } : undefined,
    )
    const { archive, report } = await recovered({ vaults }, { from: ['a'], key })
    expect(report.refused).toMatchObject({ count: 1, first: [{ reason: expect.stringContaining('signature') }] })
    expect((await archive.status(root)).name).toBe('photo')
  })

  it('takes nothing of another key, whatever it says, and asks which archive is meant when nothing tells', async () => {
    const { members, vaults, root, key, archive: own } = await stored()
    const stranger = await fleet(['s', 't'])
    const theirs = await stranger.archive.put(noise(3_000_000), { name: 'theirs' })
    expect(theirs.root).toBe(root)
    for (const [at, bytes] of stranger.members.s.store) if (at.startsWith('index/')) members.a.store.set(at, bytes)
    await expect(recovered({ vaults }, { from: ['a'] })).rejects.toMatchObject({
      code: 'ambiguous',
      message: expect.stringMatching(
        new RegExp(`(${own.publicKey}.*${stranger.archive.publicKey})|(${stranger.archive.publicKey}.*${own.publicKey})`),
      ),
    })
    const back = await recovered({ vaults }, { from: ['a'], key })
    expect(back.report.others).toEqual([{ archive: stranger.archive.publicKey, records: 1 }])
    expect((await back.archive.status(root)).name).toBe('photo')
    const chosen = await recovered({ vaults }, { from: ['a'], archive: stranger.archive.publicKey })
    expect((await chosen.archive.status(root)).name).toBe('theirs')
  })

  it('does not let an old record that was put back win', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(100), { name: 'old' })
    const old = new Map([...members.a.store].filter(([at]) => at.startsWith('index/')))
    await archive.put(noise(100), { name: 'new' })
    for (const [at, bytes] of old) members.a.store.set(at, bytes)
    const back = await recovered({ vaults }, { from: ['a'], key: await keyIn(folder) })
    expect((await back.archive.status(root)).name).toBe('new')
    await back.archive.prune()
    expect(
      indexOf(members.a).filter((at) => old.has(at)),
      'the old one is swept',
    ).toEqual([])
  })

  it('keeps two archives in one vault apart', async () => {
    const store = new Map<string, Uint8Array>()
    const vaults = [memory({ id: 'shared', store })]
    const one = await fleet(['x'])
    await one.reopen({ vaults })
    const first = await one.archive.put(noise(2_000_000, 'first'))
    const two = await fleet(['y'])
    await two.reopen({ vaults })
    await two.archive.put(noise(2_000_000, 'second'))
    const back = await recovered({ vaults }, { key: await keyIn(one.folder) })
    expect((await shownOf(back.archive)).map(({ root }) => root)).toEqual([first.root])
    expect(back.report.orphans.count, 'what another archive names is no orphan').toBe(0)
    await back.archive.prune()
    expect([...store.keys()].filter((at) => at.startsWith('content/'))).toHaveLength(2)
  })
})

describe('recover and what was removed', () => {
  it('obeys a tombstone that only one of two vaults shows, tells the other, and leaves the rest to prune', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(100), { name: 'gone' })
    const before = new Map(members.b.store)
    const content = only(contentOf(members.a))
    const bytes = members.a.store.get(content)
    await archive.rm(root)
    members.b.store.clear()
    for (const [at, old] of before) members.b.store.set(at, old)
    const key = await keyIn(folder)
    const fooled = await recovered({ vaults: [memory({ id: 'b', store: new Map(members.b.store) })] }, { key })
    expect(fooled.report).toMatchObject({ restored: 1, freshness: { state: 'unproven' } })
    if (bytes) members.a.store.set(content, bytes)
    const back = await recovered({ vaults }, { from: ['a', 'b'], key })
    expect(back.report.restored).toBe(0)
    expect(await shownOf(back.archive)).toEqual([])
    const told = await recovered({ vaults }, { from: ['b'], key })
    expect(told.report.restored, 'the vault that kept silent was told').toBe(0)
  })

  it('does not end what was put again after it was removed', async () => {
    const { archive, vaults, folder } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(100), { name: 'first' })
    await archive.rm(root)
    await archive.put(noise(100), { name: 'second' })
    const back = await recovered({ vaults }, { key: await keyIn(folder) })
    expect(await shownOf(back.archive)).toMatchObject([{ root, name: 'second' }])
  })
})

describe('recover into a catalog that is there', () => {
  it('brings one that was put back to an older state forward, and obeys what was removed since', async () => {
    const { archive, folder, vaults, reopen } = await fleet(['a', 'b'])
    const kept = await archive.put(noise(100, 'kept'), { name: 'old name' })
    const removed = await archive.put(noise(100, 'removed'))
    await archive.close()
    const copy = await tempFolder()
    await cp(join(folder, 'archive'), join(copy, 'archive'), { recursive: true })
    const later = await reopen()
    await later.put(noise(100, 'kept'), { name: 'new name' })
    await later.rm(removed.root)
    const added = await later.put(noise(100, 'added'))
    const expected = await shownOf(later)
    const config = { path: join(copy, 'archive'), vaults }
    expect(await recoverArchive(config)).toMatchObject({ key: 'kept', restored: 1, updated: 1, removed: 1 })
    expect(await recoverArchive(config), 'once more changes nothing').toMatchObject({ restored: 0, updated: 0, kept: 2, removed: 0 })
    const { createArchive } = await import('../../../src/archive.ts')
    await using back = await createArchive(config)
    expect(await shownOf(back)).toEqual(expected)
    expect(expected.map(({ root }) => root).sort()).toEqual([kept.root, added.root].sort())
  })

  it('notices that the vaults show an older state than the catalog, and keeps what the catalog knows', async () => {
    const { archive, folder, members, vaults, clock } = await fleet(['a', 'b'])
    await archive.put(noise(100), { name: 'old' })
    const before = { a: new Map(members.a.store), b: new Map(members.b.store) }
    await archive.put(noise(100), { name: 'new' })
    await archive.close()
    for (const id of ['a', 'b'] as const) {
      members[id].store.clear()
      for (const [at, bytes] of before[id]) members[id].store.set(at, bytes)
    }
    const report = await recoverArchive({ path: join(folder, 'archive'), vaults, clock })
    expect(report.freshness).toMatchObject({ state: 'rolled-back' })
    expect(report.freshness.checks.find(({ kind }) => kind === 'catalog')).toMatchObject({ holds: false })
  })

  it('is refused when it is of another archive, unless that is to be taken over', async () => {
    const one = await fleet(['a'])
    const two = await fleet(['b'])
    const first = await one.archive.put(noise(100, 'one'))
    const second = await two.archive.put(noise(100, 'two'))
    await one.archive.close()
    const config = { path: join(one.folder, 'archive'), vaults: [...one.vaults, ...two.vaults] }
    const options = { archive: two.archive.publicKey }
    await expect(recoverArchive(config, options)).rejects.toMatchObject({ code: 'exists' })
    const report = await recoverArchive(config, { ...options, merge: true })
    expect(report).toMatchObject({ key: 'kept', restored: 1, succeeds: two.archive.publicKey, publicKey: one.archive.publicKey })
    const { createArchive } = await import('../../../src/archive.ts')
    await using both = await createArchive(config)
    expect((await shownOf(both)).map(({ root }) => root).sort()).toEqual([first.root, second.root].sort())
  })
})

describe('freshness', () => {
  it('is as good as the receipts that were kept elsewhere', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b'])
    const first = await archive.put(noise(100, 'first'))
    const before = { a: new Map(members.a.store), b: new Map(members.b.store) }
    const second = await archive.put(noise(100, 'second'))
    const key = await keyIn(folder)
    const good = await recovered({ vaults }, { key, receipts: [first, second] })
    expect(good.report.freshness).toMatchObject({ state: 'as-known' })
    expect(await good.archive.receipt(second.root)).toEqual(second)
    for (const id of ['a', 'b'] as const) {
      members[id].store.clear()
      for (const [at, bytes] of before[id]) members[id].store.set(at, bytes)
    }
    const rolled = await recovered({ vaults }, { key, receipts: [first, second] })
    expect(rolled.report.freshness.state).toBe('rolled-back')
    expect(rolled.report.freshness.checks.filter(({ holds }) => !holds)).toMatchObject([
      { kind: 'receipt', of: second.root, detail: expect.stringMatching(/signed a log of 2 entries/) },
      { kind: 'receipt', of: second.root, detail: expect.stringMatching(/nothing of it was found/) },
    ])
  })

  it('of one vault is witnessed by another', async () => {
    const { archive, members, vaults, folder } = await fleet(['a', 'b'])
    await archive.put(noise(100, 'first'))
    const before = new Map(members.b.store)
    await archive.put(noise(100, 'second'))
    members.b.store.clear()
    for (const [at, bytes] of before) members.b.store.set(at, bytes)
    const { report } = await recovered({ vaults }, { key: await keyIn(folder) })
    expect(report.restored).toBe(2)
    expect(report.freshness.checks).toMatchObject([
      { kind: 'vault', of: 'a', holds: true },
      { kind: 'vault', of: 'b', holds: false },
    ])
  })
})
