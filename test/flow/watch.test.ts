import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Archive, CycleReport, WatchEvent, WatchOptions } from '../../src/contracts.ts'
import { all, contentOf, type Fleet, fleet, noise, type TestClock } from './house.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** One cycle, with its events. */
async function once(
  archive: Archive,
  options: WatchOptions = {},
): Promise<{ readonly report: CycleReport; readonly events: WatchEvent[] }> {
  const events: WatchEvent[] = []
  const { last } = await archive.watch({ once: true, onProgress: (event) => events.push(event), ...options })
  if (!last) throw new RangeError('a cycle that was not aborted has a report')
  return { report: last, events }
}

const advance = (clock: TestClock, ms: number) => clock.advanceDays(ms / DAY)

/** Puts that go to the first vaults, without waiting for more. */
async function stored<Id extends string>(house: Fleet<Id>, count = 1): Promise<readonly string[]> {
  const roots: string[] = []
  for (let index = 0; index < count; index++) roots.push((await house.archive.put(noise(20_000, `object ${index}`))).root)
  return roots
}

const readsOf = (house: Fleet<string>) => Object.values(house.members).reduce((sum, { faults }) => sum + (faults.calls.read ?? 0), 0)

describe('a cycle', () => {
  it('audits what is due and nothing else, and what it audited is due again before its evidence lapses', async () => {
    const house = await fleet(['a', 'b', 'c'])
    const [root = ''] = await stored(house)
    // The first surveys the vaults.
    expect((await once(house.archive)).report).toMatchObject({ audited: 0, surveyed: expect.arrayContaining(['a']) })
    const read = readsOf(house)
    expect((await once(house.archive)).report).toMatchObject({ audited: 0, state: 'satisfied', problems: [] })
    house.clock.advanceDays(23)
    expect((await once(house.archive)).report).toMatchObject({ audited: 1, state: 'satisfied', backlog: false })
    expect(readsOf(house)).toBeGreaterThan(read)
    const glance = await house.archive.glance()
    expect(Date.parse(glance.nextAudit ?? '') - house.clock()).toBeGreaterThan(17 * DAY)
    expect(Date.parse(glance.nextAudit ?? '') - house.clock()).toBeLessThan(23 * DAY)
    expect((await house.archive.status(root)).state).toBe('satisfied')
  })

  it('repairs wrong bytes in one vault from another at once, and reads them back', async () => {
    const house = await fleet(['a', 'b'])
    const [root = ''] = await stored(house)
    const at = contentOf(house.members.b)[0] ?? ''
    const bytes = house.members.b.store.get(at)
    if (bytes)
      house.members.b.store.set(
        at,
        bytes.map((byte) => byte ^ 1),
      )
    house.clock.advanceDays(23)
    const { report, events } = await once(house.archive)
    expect(report).toMatchObject({ state: 'satisfied', repairs: { objects: 1, repaired: 1, failed: 0 } })
    expect(events).toContainEqual(expect.objectContaining({ type: 'object-repaired', root, before: 'damaged', state: 'satisfied' }))
    expect(house.members.b.store.get(at)).toEqual(house.members.a.store.get(at))
  })

  it('does no audit in quiet hours, and repairs only what cannot wait', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 3, floor: 1 } })
    await stored(house)
    for (const at of contentOf(house.members.c)) house.members.c.store.delete(at)
    await all(house.archive.verifyAll())
    const hour = new Date(house.clock()).getUTCHours()
    const quietHours = {
      from: `${String(hour).padStart(2, '0')}:00`,
      to: `${String((hour + 2) % 24).padStart(2, '0')}:00`,
      timeZone: 'UTC',
    }
    const read = readsOf(house)
    const quiet = await once(house.archive, { quietHours })
    expect(quiet.report).toMatchObject({ quiet: true, audited: 0, state: 'damaged', repairs: { objects: 0 }, waiting: { cap: 1 } })
    expect(readsOf(house)).toBe(read)
    advance(house.clock, 3 * HOUR)
    expect((await once(house.archive, { quietHours })).report).toMatchObject({ quiet: false, state: 'satisfied', repairs: { repaired: 1 } })
    for (const member of [house.members.b, house.members.c]) for (const at of contentOf(member)) member.store.delete(at)
    await all(house.archive.verifyAll())
    advance(house.clock, 22 * HOUR)
    expect((await once(house.archive, { quietHours })).report).toMatchObject({ quiet: true, state: 'satisfied', repairs: { repaired: 1 } })
  })

  it('with a budget of zero reads nothing to audit, and repairs what is urgent within its own cap', async () => {
    const house = await fleet(['a', 'b'], { policy: { copies: 2, floor: 1 } })
    await stored(house, 3)
    for (const at of contentOf(house.members.b)) house.members.b.store.delete(at)
    await all(house.archive.verifyAll())
    house.clock.advanceDays(1)
    const asked = house.members.a.faults.calls.read ?? 0
    const perCycle = { audits: 0, auditBytes: 0, repairs: 0, repairBytes: 0, urgentRepairs: 2 }
    const { report } = await once(house.archive, { perCycle })
    expect(report).toMatchObject({ audited: 0, bytesRead: 0, state: 'damaged', repairs: { objects: 2, repaired: 2 }, waiting: { cap: 1 } })
    expect(house.members.a.faults.calls.read).toBeGreaterThan(asked)
    const before = readsOf(house)
    expect((await once(house.archive, { perCycle: { ...perCycle, urgentRepairs: 0 } })).report.repairs.objects).toBe(0)
    expect(readsOf(house)).toBe(before)
    expect((await once(house.archive, { perCycle })).report).toMatchObject({ state: 'satisfied', repairs: { repaired: 1 } })
  })

  it('with a budget of zero lets evidence lapse, and buys no copies for it', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 2 } })
    const [root = ''] = await stored(house)
    const vaults = (['a', 'b', 'c'] as const).filter((id) => contentOf(house.members[id]).length > 0)
    house.clock.advanceDays(20)
    await house.archive.verify(root, { vaults: vaults.slice(0, 1) })
    house.clock.advanceDays(15)
    await house.archive.verify(root, { vaults: [] })
    const { report } = await once(house.archive, { perCycle: { audits: 0 } })
    expect(report).toMatchObject({ state: 'unknown', audited: 0, repairs: { objects: 0 }, waiting: { grace: 1 } })
    expect((await once(house.archive)).report).toMatchObject({ state: 'satisfied', repairs: { objects: 0 } })
  })

  it('does at most what the caps say, the longest overdue first, and the next cycle goes on', async () => {
    const house = await fleet(['a', 'b'])
    const roots = await stored(house, 5)
    house.clock.advanceDays(25)
    const first = await once(house.archive, { perCycle: { audits: 2 } })
    expect(first.report).toMatchObject({ audited: 2, backlog: true })
    const second = await once(house.archive, { perCycle: { audits: 3 } })
    expect(second.report).toMatchObject({ audited: 3, backlog: false })
    const seen = [...first.events, ...second.events].flatMap((event) => (event.type === 'object-audited' ? [event.root] : []))
    expect(seen.toSorted()).toEqual(roots.toSorted())
    house.clock.advanceDays(25)
    expect((await once(house.archive, { perCycle: { auditBytes: 1 } })).report).toMatchObject({ audited: 4, backlog: true })
  })
})

it('audits read whole packs where the policy takes nothing less, and only ask where it takes a word', async () => {
  const evidence = { accept: ['whole'], maxAgeDays: 30 } as const
  const house = await fleet(['a', 'b'], { policy: { evidence, overrides: { b: { accept: ['listed'], maxAgeDays: 30 } } } })
  const [root = ''] = await stored(house)
  house.clock.advanceDays(23)
  const since = new Date(house.clock()).toISOString()
  expect((await once(house.archive)).report).toMatchObject({ audited: 1, state: 'satisfied' })
  const { replicas } = await house.archive.status(root)
  expect(replicas).toMatchObject([
    { vault: 'a', verdict: 'intact', retrieval: 'whole', counts: true },
    { vault: 'b', verdict: 'unproven', possession: 'listed', retrieval: 'none', counts: true },
  ])
  for (const { at = '' } of replicas) expect(at >= since).toBe(true)
  expect((await once(house.archive)).report.audited).toBe(0)
})

describe('outages', () => {
  it('shorter than the grace cause no repair, however often a cycle looks; longer ones another copy elsewhere, and the old one stays', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 1, graceDays: 3 } })
    const [root = ''] = await stored(house)
    const held = (['a', 'b', 'c'] as const).filter((id) => contentOf(house.members[id]).length > 0)
    const [silent = 'a'] = held
    const spare = (['a', 'b', 'c'] as const).find((id) => !held.includes(id)) ?? 'c'
    house.clock.advanceDays(23)
    house.members[silent].faults.unreachable = true
    for (let hours = 0; hours < 66; hours += 6, advance(house.clock, 6 * HOUR)) {
      const { report } = await once(house.archive)
      expect([report.state, report.repairs.objects], `after ${hours} hours`).toEqual(['unknown', 0])
    }
    expect(contentOf(house.members[spare])).toEqual([])
    for (let hours = 0; hours < 24; hours += 6, advance(house.clock, 6 * HOUR)) await once(house.archive)
    expect((await house.archive.status(root)).state).toBe('satisfied')
    expect(contentOf(house.members[spare])).toHaveLength(1)
    house.members[silent].faults.unreachable = undefined
    house.clock.advanceDays(3)
    const back = await once(house.archive)
    expect(back.report).toMatchObject({ paused: [], state: 'satisfied', repairs: { objects: 0 } })
    expect(contentOf(house.members[silent])).toHaveLength(1)
  })

  it('of a vault whose copy was lost before: it is waited for until the grace is over, then another vault gets the copy', async () => {
    const house = await fleet(['a', 'b', 'c', 'd'], { policy: { copies: 3, floor: 1, graceDays: 3 } })
    const [root = ''] = await stored(house)
    const ids = ['a', 'b', 'c', 'd'] as const
    const lost = ids.find((id) => contentOf(house.members[id]).length > 0) ?? 'a'
    const spare = ids.find((id) => contentOf(house.members[id]).length === 0) ?? 'd'
    for (const at of contentOf(house.members[lost])) house.members[lost].store.delete(at)
    expect((await house.archive.verify(root)).state).toBe('damaged')
    house.members[lost].faults.unreachable = true
    for (let hours = 0; hours < 66; hours += 6, advance(house.clock, 6 * HOUR)) await once(house.archive)
    expect([contentOf(house.members[spare]).length, (await house.archive.status(root)).state]).toEqual([0, 'damaged'])
    for (let hours = 0; hours < 24; hours += 6, advance(house.clock, 6 * HOUR)) await once(house.archive)
    expect(contentOf(house.members[spare])).toHaveLength(1)
    expect((await house.archive.status(root)).replicas.filter(({ counts }) => counts)).toHaveLength(3)
    // What was lost is still not there, and is told until the vault is back or taken out.
    expect((await house.archive.status(root)).state).toBe('damaged')
  })

  it('that nobody watched do not count: a machine that slept through the grace asks again before it repairs', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 1, graceDays: 3 } })
    await stored(house)
    const holder = contentOf(house.members.a).length > 0 ? house.members.a : house.members.b
    house.clock.advanceDays(23)
    holder.faults.unreachable = true
    expect((await once(house.archive)).report.state).toBe('unknown')
    house.clock.advanceDays(5)
    expect((await once(house.archive)).report).toMatchObject({ state: 'unknown', repairs: { objects: 0 } })
    holder.faults.unreachable = undefined
    house.clock.advanceDays(2)
    expect((await once(house.archive)).report).toMatchObject({ state: 'satisfied', repairs: { objects: 0 }, paused: [] })
  })

  it('of a vault that flaps with every look cause neither repairs nor oscillation', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 1, graceDays: 3 } })
    await stored(house, 3)
    const member = contentOf(house.members.a).length > 0 ? house.members.a : house.members.b
    const puts = () => Object.values(house.members).map((one) => contentOf(one).length)
    const before = puts()
    house.clock.advanceDays(23)
    for (let look = 0; look < 60; look++) {
      member.faults.unreachable = look % 2 === 0
      const { report } = await once(house.archive)
      expect(['satisfied', 'unknown']).toContain(report.state)
      expect(report.repairs.objects).toBe(0)
      advance(house.clock, look < 30 ? 60_000 : 5 * HOUR)
    }
    expect(puts()).toEqual(before)
  })

  it('of every vault leave the state unknown: no repair, nothing deleted, and few questions', async () => {
    // One of them holds nothing, and would be the place for another copy.
    const house = await fleet(['a', 'b', 'c', 'd'], { policy: { copies: 3, floor: 2, graceDays: 1 } })
    await stored(house, 3)
    house.clock.advanceDays(23)
    for (const { faults } of Object.values(house.members)) faults.unreachable = true
    const calls = () => Object.values(house.members).map(({ faults }) => [faults.calls.put ?? 0, faults.calls.remove ?? 0])
    const before = calls()
    for (let day = 0; day < 12; day++, house.clock.advanceDays(1)) {
      const { report } = await once(house.archive)
      expect([report.state, report.repairs.objects], `day ${day}`).toEqual(['unknown', 0])
    }
    expect(calls()).toEqual(before)
    for (const { faults } of Object.values(house.members)) faults.unreachable = undefined
    house.clock.advanceDays(3)
    expect((await once(house.archive)).report).toMatchObject({ state: 'satisfied', repairs: { objects: 0 }, paused: [] })
  })

  it('by refused credentials never lead to another copy, and are told', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 1, graceDays: 1 } })
    await stored(house)
    const [member = house.members.a] = Object.values(house.members).filter((one) => contentOf(one).length > 0)
    house.clock.advanceDays(21)
    member.faults.denied = 0
    for (let day = 0; day < 6; day++, house.clock.advanceDays(1)) {
      member.faults.denied = 0
      const { report } = await once(house.archive)
      expect(report.repairs.objects).toBe(0)
      if (day === 3) expect(report.paused).toMatchObject([{ reason: 'denied' }])
    }
  })

  it('are told to a vault that asks to be left alone: it is asked no sooner, also by another process', async () => {
    const house = await fleet(['a', 'b'])
    await stored(house)
    house.clock.advanceDays(23)
    house.members.a.faults.unreachable = true
    house.members.a.faults.retryAfterMs = 2 * HOUR
    const { report } = await once(house.archive)
    expect(Date.parse(report.paused[0]?.until ?? '') - house.clock()).toBeGreaterThan(1.9 * HOUR)
    // The log's checkpoint is brought there all the same.
    const asked = () => [house.members.a.faults.calls.read, house.members.a.faults.calls.status]
    const before = asked()
    const archive = await house.reopen()
    advance(house.clock, HOUR)
    await once(archive)
    expect(asked()).toEqual(before)
    house.members.a.faults.unreachable = undefined
    advance(house.clock, 2 * HOUR)
    expect((await once(archive)).report.paused).toEqual([])
  })
})

describe('time', () => {
  it('that jumps back a year neither stalls the agenda nor makes a storm, and what is found then stands', async () => {
    const house = await fleet(['a', 'b'])
    await stored(house, 6)
    house.clock.advanceDays(-365)
    const first = await once(house.archive, { perCycle: { audits: 4 } })
    expect(first.report).toMatchObject({ audited: 4, backlog: true, repairs: { objects: 0 } })
    expect((await once(house.archive)).report).toMatchObject({ audited: 2, state: 'satisfied' })
    expect((await once(house.archive)).report).toMatchObject({ audited: 0, state: 'satisfied' })
    for (const at of contentOf(house.members.b)) house.members.b.store.delete(at)
    house.clock.advanceDays(23)
    expect((await once(house.archive)).report).toMatchObject({ audited: 6, state: 'satisfied', repairs: { repaired: 6 } })
    expect(contentOf(house.members.b)).toHaveLength(6)
    expect((await once(house.archive)).report).toMatchObject({ audited: 0, repairs: { objects: 0 } })
  })

  it('that jumps forward a year is met with bounded audits, and silence then is not taken for a year of silence', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 2, floor: 1 } })
    await stored(house, 4)
    house.clock.advanceDays(365)
    for (const { faults } of Object.values(house.members)) faults.unreachable = true
    expect((await once(house.archive)).report).toMatchObject({ state: 'unknown', repairs: { objects: 0 } })
    for (const { faults } of Object.values(house.members)) faults.unreachable = undefined
    house.clock.advanceDays(1)
    expect((await once(house.archive)).report).toMatchObject({ state: 'satisfied', repairs: { objects: 0 } })
  })

  it('slept through for ten days is made up for in bounded cycles, most at risk first', async () => {
    const house = await fleet(['a', 'b'])
    const roots = await stored(house, 8)
    house.clock.advanceDays(15)
    await once(house.archive)
    const at = contentOf(house.members.b)[7] ?? ''
    house.members.b.store.delete(at)
    await house.archive.verify(roots[7] ?? '')
    house.clock.advanceDays(10)
    const { report, events } = await once(house.archive, { perCycle: { audits: 3 } })
    expect(report).toMatchObject({ audited: 3, backlog: true, repairs: { repaired: 1 } })
    expect(events.find((event) => event.type === 'object-audited')).toMatchObject({ root: roots[7] })
    for (let cycle = 0; cycle < 2; cycle++) await once(house.archive, { perCycle: { audits: 3 } })
    expect((await once(house.archive, { perCycle: { audits: 3 } })).report).toMatchObject({
      audited: 0,
      backlog: false,
      state: 'satisfied',
    })
  })
})

describe('storms', () => {
  it('a vault that lost everything is filled again in bounded steps, unless floors are in danger', async () => {
    const house = await fleet(['a', 'b', 'c'], { policy: { copies: 3, floor: 1 } })
    await stored(house, 5)
    for (const at of contentOf(house.members.c)) house.members.c.store.delete(at)
    house.clock.advanceDays(23)
    const perCycle = { repairs: 2 }
    expect((await once(house.archive, { perCycle })).report).toMatchObject({ repairs: { repaired: 2 }, waiting: { cap: 3 } })
    expect((await once(house.archive, { perCycle })).report).toMatchObject({ repairs: { repaired: 2 }, waiting: { cap: 1 } })
    for (const member of [house.members.b, house.members.c]) for (const at of contentOf(member)) member.store.delete(at)
    house.clock.advanceDays(23)
    expect((await once(house.archive, { perCycle })).report).toMatchObject({ state: 'satisfied', repairs: { repaired: 5 } })
  })

  it('repairs that fail are tried again later, not in every cycle', async () => {
    const house = await fleet(['a', 'b'])
    await stored(house)
    house.members.b.store.clear()
    house.members.b.faults.putFails = 1_000
    house.clock.advanceDays(23)
    expect((await once(house.archive)).report).toMatchObject({ state: 'damaged', repairs: { objects: 1, failed: 1 } })
    expect((await once(house.archive)).report.repairs.objects).toBe(0)
    house.members.b.faults.putFails = 0
    advance(house.clock, HOUR)
    expect((await once(house.archive)).report.repairs.objects).toBe(1)
    expect((await once(house.archive)).report.state).toBe('satisfied')
  })
})

describe('the loop', () => {
  it('sleeps until something is due, and ends cleanly within a second of the abort', async () => {
    const house = await fleet(['a', 'b'], { clock: Date.now })
    await stored(house)
    const controller = new AbortController()
    const slept = Promise.withResolvers<void>()
    const events: string[] = []
    const running = house.archive.watch({
      signal: controller.signal,
      onProgress: ({ type }) => {
        events.push(type)
        if (type === 'sleeping') slept.resolve()
      },
    })
    await slept.promise
    const began = performance.now()
    controller.abort()
    expect(await running).toMatchObject({ cycles: 1, aborted: true, last: { state: 'satisfied' } })
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(events.filter((type) => type !== 'vault-surveyed')).toEqual(['cycle-began', 'cycle-ended', 'sleeping'])
  })

  it('ends within a second also while a vault hangs', async () => {
    const house = await fleet(['a', 'b'], { timeoutMs: 60_000 })
    await stored(house)
    house.clock.advanceDays(23)
    house.members.a.faults.hang = 'all'
    const controller = new AbortController()
    const running = house.archive.watch({ signal: controller.signal })
    while ((house.members.b.faults.calls.read ?? 0) === 0) await pause(20)
    await pause(100)
    const began = performance.now()
    controller.abort()
    expect(await running).toMatchObject({ cycles: 0, aborted: true })
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  it('goes round at short intervals', async () => {
    const house = await fleet(['a', 'b'], { clock: Date.now })
    await stored(house)
    const controller = new AbortController()
    let cycles = 0
    const { aborted } = await house.archive.watch({
      signal: controller.signal,
      intervalMs: 5,
      onProgress: ({ type }) => {
        if (type === 'cycle-ended' && ++cycles === 3) controller.abort()
      },
    })
    expect([aborted, cycles]).toEqual([true, 3])
  })

  it('has one leader: a second watch with once is told so, one without waits until the first has ended', async () => {
    const house = await fleet(['a', 'b'], { clock: Date.now })
    await stored(house)
    const [first, second] = [new AbortController(), new AbortController()]
    const leading = Promise.withResolvers<void>()
    const waiting = Promise.withResolvers<void>()
    const one = house.archive.watch({ signal: first.signal, onProgress: ({ type }) => type === 'sleeping' && leading.resolve() })
    await leading.promise
    await expect(house.archive.watch({ once: true })).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/another watch/),
    })
    const two = house.archive.watch({ signal: second.signal, onProgress: ({ type }) => type === 'watch-waiting' && waiting.resolve() })
    await waiting.promise
    second.abort()
    expect(await two).toEqual({ cycles: 0, aborted: true })
    first.abort()
    await one
    expect((await once(house.archive)).report.state).toBe('satisfied')
  })

  it('refuses limits and hours that make no sense', async () => {
    const { archive } = await fleet(['a', 'b'])
    await expect(archive.watch({ once: true, perCycle: { audits: -1 } })).rejects.toMatchObject({ code: 'invalid' })
    await expect(archive.watch({ once: true, quietHours: { from: '25:00', to: '06:00' } })).rejects.toMatchObject({ code: 'invalid' })
  })
})
