/** The log across a recovery: whole, withheld, rolled back, forked. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createArchive, recoverArchive } from '../../../src/archive.ts'
import type { Archive } from '../../../src/contracts.ts'
import { memory } from '../../../src/vaults/memory.ts'
import { all, fleet, noise, tempFolder } from '../house.ts'
import { blocksOf, fieldsOf, indexOf, isRecord } from './index-packs.ts'
import { keyIn, recovered, shownOf } from './wiped.ts'

describe('the log', () => {
  const put = async (house: { readonly archive: Archive }, count: number) => {
    for (let index = 0; index < count; index++) await house.archive.put(noise(50, `many ${index}`))
  }

  it('comes back whole, through closed segments too, says that the catalog was rebuilt, and goes on from every checkpoint', async () => {
    const built = await fleet(['a', 'b'])
    await put(built, 3)
    const early = await built.archive.logCheckpoint()
    await put({ archive: built.archive }, 70)
    const late = await built.archive.logCheckpoint()
    const entries = await all(built.archive.logEntries())
    const key = await keyIn(built.folder)
    await built.archive.close()
    const back = await recovered({ vaults: built.vaults }, { from: ['a'], key, checkpoints: [early, late] })
    expect(back.report).toMatchObject({
      freshness: { state: 'as-known' },
      halted: false,
      log: { complete: true },
      incomplete: { count: 0 },
    })
    const now = await all(back.archive.logEntries())
    expect(now.slice(0, -1)).toEqual(entries)
    expect(now.at(-1)?.entry).toMatchObject({ kind: 'recover', from: ['a'], size: entries.length, freshness: 'proven', objects: 70 })
    expect(await back.archive.verifyLog({ checkpoints: [early, late] })).toMatchObject({ valid: true })
    expect(await back.archive.checkHistory()).toMatchObject({ verdict: 'consistent' })
    const again = await recovered({ vaults: built.vaults }, { from: ['b'], key, checkpoints: [await back.archive.logCheckpoint()] })
    expect(again.report, 'the log came to the other vault').toMatchObject({ freshness: { state: 'as-known' }, log: { complete: true } })
  })

  it('goes on under a new key, from checkpoints of the old one', async () => {
    const built = await fleet(['a', 'b'])
    await put(built, 3)
    const checkpoint = await built.archive.logCheckpoint()
    await built.archive.close()
    const back = await recovered({ vaults: built.vaults }, { checkpoints: [checkpoint] })
    expect(back.report).toMatchObject({ key: 'new', freshness: { state: 'as-known' } })
    expect((await all(back.archive.logEntries())).length).toBe(4)
    const next = await recovered(
      { vaults: built.vaults },
      { archive: back.archive.publicKey, checkpoints: [checkpoint, await back.archive.logCheckpoint()] },
    )
    expect(next.report).toMatchObject({ freshness: { state: 'as-known' }, log: { complete: true }, restored: 3 })
  })

  it('names objects that it knows and whose records a vault withholds', async () => {
    const built = await fleet(['a', 'b'])
    const kept = await built.archive.put(noise(100, 'kept'))
    const withheld = await built.archive.put(noise(100, 'withheld'))
    for (const at of indexOf(built.members.a)) {
      const records = (await blocksOf(built.members.a.store.get(at) ?? new Uint8Array())).map(fieldsOf).filter(isRecord)
      if (records.some((record) => String(record.root) === withheld.root)) built.members.a.store.delete(at)
    }
    await built.archive.publishLog()
    const log = await built.archive.logCheckpoint()
    await built.archive.put(noise(100, 'later'))
    const back = await recovered({ vaults: built.vaults }, { from: ['a'], key: await keyIn(built.folder), checkpoints: [log] })
    expect(back.report.restored).toBe(2)
    expect(back.report.incomplete).toMatchObject({
      count: 1,
      first: [{ root: withheld.root, reason: expect.stringMatching(/the log says that it was stored/) }],
    })
    expect((await shownOf(back.archive)).map(({ root }) => root)).toContain(kept.root)
  })

  it('that was rolled back halts everything that signs, until other vaults show the newer one or the older one is accepted', async () => {
    const built = await fleet(['a', 'b'])
    await put(built, 2)
    const before = new Map(built.members.a.store)
    await put(built, 4)
    const checkpoint = await built.archive.logCheckpoint()
    const key = await keyIn(built.folder)
    await built.archive.close()
    const old = memory({ id: 'a', store: new Map(before) })
    const folder = await tempFolder()
    const config = { path: join(folder, 'archive'), vaults: [old] }
    const halted = await recoverArchive(config, { key, checkpoints: [checkpoint] })
    expect(halted).toMatchObject({ halted: true, restored: 2, freshness: { state: 'rolled-back' } })
    const opened = await createArchive(config)
    await expect(opened.put(noise(50, 'more'))).rejects.toMatchObject({ code: 'rolled-back' })
    await opened.close()
    const newer = await recoverArchive({ ...config, vaults: [old, ...built.vaults.slice(1)] }, { key, checkpoints: [checkpoint] })
    expect(newer).toMatchObject({ halted: false, freshness: { state: 'as-known' }, restored: 2, updated: 2 })
    const lone = { path: join(await tempFolder(), 'archive'), vaults: [memory({ id: 'a', store: new Map(before) })] }
    const accepted = await recoverArchive(lone, { key, checkpoints: [checkpoint], acceptRollback: true })
    expect(accepted).toMatchObject({ halted: false, freshness: { state: 'rolled-back' } })
    const goesOn = await createArchive(lone)
    expect(await goesOn.put(noise(50, 'more'))).toMatchObject({ root: expect.any(String) })
    await goesOn.close()
  })

  it('that was forked is told, with both copies at work on one vault', async () => {
    const built = await fleet(['a', 'b'])
    await put(built, 1)
    await built.archive.close()
    const copy = await tempFolder()
    await cp(join(built.folder, 'archive'), join(copy, 'archive'), { recursive: true })
    const one = await built.reopen()
    await one.put(noise(50, 'one'))
    const two = await createArchive({ path: join(copy, 'archive'), vaults: built.vaults })
    await two.put(noise(50, 'two'))
    await two.close()
    const { report } = await recovered({ vaults: built.vaults }, { key: await keyIn(built.folder) })
    expect(report).toMatchObject({ halted: true, freshness: { state: 'forked' }, restored: 3 })
  })
})
