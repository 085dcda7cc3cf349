import { describe, expect, it } from 'vitest'
import type { ArchiveEvent } from '../../../src/contracts.ts'
import { fleet, noise } from '../house.ts'
import { receiver } from './receiver.ts'

describe('the watch', () => {
  it('tells of its cycles, and health and metrics tell when the last one ended', async () => {
    const { archive, clock } = await fleet(['a', 'b'])
    await archive.put(noise(1_000))
    const events: ArchiveEvent[] = []
    archive.on((event) => void events.push(event))
    await archive.watch({ once: true })
    await expect.poll(() => events.filter(({ type }) => type === 'cycle-finished')).toMatchObject([{ state: 'satisfied', failed: 0 }])
    expect((await archive.health()).status).toBe('ok')
    expect(await archive.metrics()).toContain('perdure_cycle_timestamp_seconds')
    clock.advanceDays(2)
    expect(await archive.health()).toMatchObject({ status: 'failing', reasons: ['the last cycle finished too long ago'] })
  })

  it('tells once of a vault that is out of reach, however often it asks, and of its return', async () => {
    const { archive, members, clock } = await fleet(['a', 'b'])
    await archive.put(noise(1_000))
    await archive.watch({ once: true })
    const events: ArchiveEvent[] = []
    archive.on((event) => void events.push(event))
    members.a.faults.hangVerbs = ['status', 'read']
    for (let days = 0; days < 3; days++) {
      clock.advanceDays(1)
      await archive.watch({ once: true })
    }
    const ofVaults = () =>
      events.filter(({ type }) => type.startsWith('vault-')).map((event) => [event.type, 'vault' in event && event.vault])
    await expect.poll(ofVaults).toEqual([['vault-unreachable', 'a']])
    members.a.faults.hangVerbs = undefined
    clock.advanceDays(1)
    await archive.watch({ once: true })
    await expect.poll(ofVaults).toEqual([
      ['vault-unreachable', 'a'],
      ['vault-back', 'a'],
    ])
  })

  it('delivers while it sleeps, and ends at once though a receiver hangs', async () => {
    const there = await receiver()
    const hook = { type: 'webhook', id: 'h', url: there.url, allowPrivate: true, minSeverity: 'info' } as const
    const { archive } = await fleet(['a', 'b'], { hooks: [hook] })
    await archive.put(noise(1_000))
    const stop = new AbortController()
    const watching = archive.watch({ signal: stop.signal })
    await expect.poll(() => there.events().map(({ type }) => type), { timeout: 20_000 }).toContain('object-put')
    there.answer(() => stop.abort())
    await archive.put(noise(2_000))
    expect(await watching).toMatchObject({ aborted: true })
  })
})
