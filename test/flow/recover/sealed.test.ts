/** Recovery of what is erasable, shredded, or sealed for others meanwhile. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { recoverArchive } from '../../../src/archive.ts'
import { bytesOf, contentOf, noise, only } from '../house.ts'
import { alice, bob } from '../sealed/keys.ts'
import { headerPacks, keyedFleet } from '../sealed/shred-house.ts'
import { keyIn, recovered, shownOf } from './wiped.ts'

const keys = { recipients: [alice.recipient], identities: [alice.identity] }

describe('recover, of erasable objects', () => {
  it('brings headers and what is said of the object back from where they lie, still erasable', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { name: 'will.pdf', erasable: true })
    const before = await shownOf(built.archive)
    const back = await recovered({ vaults: built.vaults, ...keys }, { from: ['a'], key: await keyIn(built.folder) })
    expect(back.report.incomplete.count).toBe(0)
    expect(await shownOf(back.archive)).toEqual(before)
    expect((await bytesOf(back.archive.get(root))).equals(noise(2_000_000))).toBe(true)
    await back.archive.repair(root)
    expect(back.uploads).toEqual([])
    expect(await back.archive.shred(root)).toMatchObject({ state: 'complete' })
    expect(contentOf(built.members.b)).toHaveLength(1)
  })

  it('says what is missing when headers cannot be had, and has the rest', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { name: 'will.pdf', erasable: true })
    for (const name of await headerPacks(built, root))
      for (const id of ['a', 'b'] as const) built.members[id].store.delete(`content/${name}`)
    const back = await recovered({ vaults: built.vaults, ...keys }, { key: await keyIn(built.folder) })
    expect(back.report).toMatchObject({ restored: 1, incomplete: { count: 1, first: [{ root, missing: [] }] } })
    expect(only(await shownOf(back.archive)).name).toBeUndefined()
  })
})

describe('recover, of shredded objects', () => {
  it('leaves them shredded, deletes headers that came back, and removes the ciphertext when asked', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { name: 'will.pdf', erasable: true })
    const other = await built.archive.put(noise(100))
    const headers = (await headerPacks(built, root)).map((name) => `content/${name}`)
    const kept = headers.map((at) => [at, built.members.b.store.get(at) ?? new Uint8Array()] as const)
    expect(await built.archive.shred(root)).toMatchObject({ state: 'complete' })
    for (const [at, bytes] of kept) built.members.b.store.set(at, bytes)
    const back = await recovered({ vaults: built.vaults, ...keys }, { key: await keyIn(built.folder) })
    expect(back.report).toMatchObject({ restored: 1, shredded: 1, headers: { deleted: 1, remaining: [] }, orphans: { count: 0 } })
    for (const at of headers) expect(built.members.b.store.has(at)).toBe(false)
    expect((await back.archive.status(root)).shredded).toMatchObject({ complete: true })
    await expect(bytesOf(back.archive.get(root))).rejects.toThrow()
    expect((await back.archive.repair(root)).actions).toEqual([])
    expect(await back.archive.certificate(root)).toMatchObject({ state: 'complete', archive: built.archive.publicKey })
    await back.archive.rm(root)
    expect((await shownOf(back.archive)).map((shown) => shown.root)).toEqual([other.root])
    await back.archive.prune()
    expect(contentOf(built.members.a)).toHaveLength(1)
  })

  it('obeys a tombstone that one vault withholds, also with a key that is new, and leaves no header in any vault', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { erasable: true })
    const before = new Map(built.members.b.store)
    await built.archive.shred(root)
    built.members.b.store.clear()
    for (const [at, bytes] of before) built.members.b.store.set(at, bytes)
    const headers = (await headerPacks(built, root)).map((name) => `content/${name}`)
    expect(headers.some((at) => built.members.b.store.has(at))).toBe(true)
    const { report, archive } = await recovered({ vaults: built.vaults, ...keys })
    expect(report).toMatchObject({ key: 'new', shredded: 1, headers: { deleted: 1 } })
    expect(headers.some((at) => built.members.b.store.has(at))).toBe(false)
    const again = await recovered({ vaults: built.vaults, ...keys }, { from: ['b'], archive: archive.publicKey })
    expect(again.report, 'b was told').toMatchObject({ restored: 0, shredded: 1 })
  })

  it('brings a catalog that was put back to before the shredding forward, and what it would have repaired stays gone', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { erasable: true })
    await built.archive.close()
    const { cp } = await import('node:fs/promises')
    const { tempFolder } = await import('../house.ts')
    const copy = await tempFolder()
    await cp(join(built.folder, 'archive'), join(copy, 'archive'), { recursive: true })
    const later = await built.reopen()
    await later.shred(root)
    const config = { path: join(copy, 'archive'), vaults: built.vaults, ...keys }
    expect(await recoverArchive(config)).toMatchObject({ shredded: 1 })
    const { createArchive } = await import('../../../src/archive.ts')
    await using back = await createArchive(config)
    expect((await back.repair(root)).actions).toEqual([])
    expect((await back.status(root)).shredded).toMatchObject({ complete: true })
    expect(contentOf(built.members.a)).toHaveLength(1)
  })

  it('remembers that a root was shredded that was removed afterwards', async () => {
    const built = await keyedFleet(['a', 'b'])
    const { root } = await built.archive.put(noise(2_000_000), { erasable: true })
    await built.archive.put(noise(10))
    await built.archive.shred(root)
    await built.archive.rm(root)
    const back = await recovered({ vaults: built.vaults, ...keys }, { key: await keyIn(built.folder) })
    expect(await shownOf(back.archive)).toHaveLength(1)
    await expect(back.archive.status(root)).rejects.toMatchObject({ code: 'shredded' })
  })
})

describe('recover, after recipients changed', () => {
  it('has the new object alone, and leads from the old root to it', async () => {
    const built = await keyedFleet(['a', 'b'])
    const content = noise(3_000_000)
    const { root } = await built.archive.put(content, { name: 'plan' })
    const changed = await built.archive.changeRecipients(root, { set: [bob.recipient] })
    const back = await recovered(
      { vaults: built.vaults, identities: [bob.identity], recipients: [bob.recipient] },
      { key: await keyIn(built.folder) },
    )
    expect(await shownOf(back.archive)).toMatchObject([{ root: changed.root, name: 'plan' }])
    expect((await bytesOf(back.archive.get(changed.root))).equals(content)).toBe(true)
    await expect(back.archive.status(root)).rejects.toThrow(new RegExp(`it is ${changed.root} now`))
    expect(await back.archive.recipients(changed.root)).toEqual([bob.recipient])
    await back.archive.repair(changed.root)
    expect(back.uploads).toEqual([])
  })
})
