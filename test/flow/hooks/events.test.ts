import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ArchiveEvent, ArchiveFact, ArchiveListener } from '../../../src/contracts.ts'
import { eventOf } from '../../../src/flow/event-facts.ts'
import { all, contentOf, fleet, noise } from '../house.ts'

const told = (events: readonly ArchiveEvent[]) => events.map(({ type, id: _, at: __, ...rest }) => ({ type, ...rest }))

function listening(archive: { on(listener: ArchiveListener): () => void }) {
  const events: ArchiveEvent[] = []
  archive.on((event) => void events.push(event))
  return events
}

describe('an archive tells', () => {
  it('of an object that was put, with the state it is in, once', async () => {
    const { archive } = await fleet(['a', 'b', 'c'])
    const events = listening(archive)
    const { root } = await archive.put(noise(5_000))
    expect(told(events)).toEqual([{ type: 'object-put', root, state: 'satisfied', missing: [], severity: 'info' }])
    await archive.put(noise(5_000))
    await archive.verify(root)
    await archive.repair(root)
    expect(events).toHaveLength(1)
  })

  it('of damage, of the state it leads to, of the repair and of the way back, each once and in order', async () => {
    const { archive, members } = await fleet(['a', 'b'])
    const { root } = await archive.put(noise(5_000))
    const events = listening(archive)
    const [at = ''] = contentOf(members.a)
    members.a.store.set(at, noise(6_000, 'other'))
    await archive.verify(root)
    await archive.verify(root)
    expect(told(events)).toMatchObject([
      { type: 'replica-damaged', vault: 'a', severity: 'warning' },
      { type: 'vault-quarantined', vault: 'a', severity: 'warning' },
      { type: 'state-changed', root, from: 'satisfied', to: 'damaged', severity: 'warning' },
    ])
    await archive.repair(root)
    expect(told(events.slice(3))).toMatchObject([
      { type: 'state-changed', from: 'damaged', to: 'satisfied', severity: 'notice', missing: [] },
      { type: 'repair-done', root, vault: 'a', action: 'replace', severity: 'notice' },
    ])
  })

  it('of content below its floor as critical, with what is missing in numbers', async () => {
    const { archive, members } = await fleet(['a', 'b'], { policy: { copies: 2, floor: 2 } })
    const { root } = await archive.put(noise(5_000))
    const events = listening(archive)
    for (const at of contentOf(members.b)) members.b.store.delete(at)
    await all(archive.verifyAll())
    const change = events.find(({ type }) => type === 'state-changed')
    expect(change).toMatchObject({ root, to: 'at-risk', severity: 'critical' })
    expect(JSON.stringify(change)).toContain('"wanted":2')
  })

  it('of an object that was removed, and of one that was shredded', async () => {
    const { archive } = await fleet(['a', 'b'], { recipients: ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'] })
    const [kept, gone] = [await archive.put(noise(100), { erasable: true }), await archive.put(noise(90), { name: 'secret.txt' })]
    const events = listening(archive)
    await archive.shred(kept.root)
    await archive.rm(gone.root)
    expect(told(events)).toEqual([
      { type: 'object-shredded', root: kept.root, complete: true, severity: 'notice' },
      { type: 'object-removed', root: gone.root, severity: 'info' },
    ])
    expect(JSON.stringify(events)).not.toContain('secret')
  })

  it('of surveys, and of a quarantine from its beginning to its end', async () => {
    const { archive, members, clock } = await fleet(['a', 'b'])
    await archive.put(noise(5_000))
    const events = listening(archive)
    await archive.survey('a')
    expect(told(events)).toMatchObject([{ type: 'survey-finished', vault: 'a', outcome: 'intact', lost: 0, severity: 'info' }])
    const [at = ''] = contentOf(members.a)
    members.a.store.set(at, noise(6_000, 'other'))
    clock.advanceDays(1)
    await archive.survey('a')
    await archive.survey('a')
    const types = events.map(({ type }) => type)
    expect(types.filter((type) => type === 'vault-quarantined')).toHaveLength(1)
    expect(types).toContain('replica-damaged')
    expect(events.find((event) => event.type === 'survey-finished' && event.outcome === 'losses')).toMatchObject({ severity: 'warning' })
    await archive.releaseVault('a')
    await archive.releaseVault('a')
    expect(told(events.slice(-1))).toMatchObject([{ type: 'vault-released', vault: 'a', severity: 'notice' }])
    expect(events.filter(({ type }) => type === 'vault-released')).toHaveLength(1)
  })

  it('that the audit budget is used up, once a month', async () => {
    const { archive, clock } = await fleet(['a', 'b'], { audit: { budget: { bytes: 0 } } })
    await archive.put(noise(5_000))
    const events = listening(archive)
    await archive.survey('a')
    await archive.survey('a')
    expect(told(events)).toEqual([{ type: 'budget-reached', budget: 'audit', period: '2026-01', used: 0, limit: 0, severity: 'warning' }])
    clock.advanceDays(40)
    await archive.survey('a')
    expect(events).toHaveLength(2)
  })

  it('that its history contradicts a checkpoint, as critical', async () => {
    const { archive, folder, reopen } = await fleet(['a', 'b'])
    await archive.put(noise(5_000))
    await cp(join(folder, 'archive'), join(folder, 'older'), { recursive: true })
    await archive.put(noise(6_000, 'more'))
    const checkpoint = await archive.logCheckpoint()
    const older = await reopen({ path: join(folder, 'older') })
    const events = listening(older)
    await older.checkAgainst(checkpoint ?? '')
    await older.checkAgainst(checkpoint ?? '')
    expect(told(events)).toMatchObject([{ type: 'history-rolled-back', source: 'checkpoint', severity: 'critical' }])
  })

  it('nobody any more who has stopped listening, and goes on when a listener throws', async () => {
    const { archive } = await fleet(['a', 'b'])
    const seen: string[] = []
    archive.on(() => {
      throw new Error('no')
    })
    archive.on((async () => Promise.reject(new Error('no'))) as ArchiveListener)
    const stop = archive.on(({ type }) => void seen.push(type))
    await archive.put(noise(10))
    stop()
    await archive.put(noise(20))
    expect(seen).toEqual(['object-put'])
  })
})

describe('the id of an event', () => {
  const id = (fact: ArchiveFact, at: number) => eventOf(fact, at).id
  const DAY = 86_400_000

  it('is the same for the same fact found again, and another for another', () => {
    const since = '2026-01-01T00:00:00.000Z'
    const quarantined: ArchiveFact = { type: 'vault-quarantined', vault: 'a', since, why: 'wrong bytes' }
    expect(id(quarantined, 5)).toBe(id({ ...quarantined, why: 'in other words' }, DAY))
    expect(id(quarantined, 5)).not.toBe(id({ ...quarantined, vault: 'b' }, 5))
    expect(id(quarantined, 5)).not.toBe(id({ type: 'vault-released', vault: 'a', since }, 5))
    expect(id({ type: 'history-forked', source: 'a', known: 1, found: 2 }, 1)).toBe(
      id({ type: 'history-forked', source: 'a', known: 1, found: 2 }, DAY),
    )
  })

  it('of what goes on failing changes once a day', () => {
    const failed: ArchiveFact = { type: 'repair-failed', root: 'r', vault: 'a', pack: 'p', action: 'replace' }
    expect(id(failed, 1)).toBe(id(failed, DAY - 1))
    expect(id(failed, 1)).not.toBe(id(failed, DAY))
  })
})
