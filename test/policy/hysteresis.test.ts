import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VaultPause } from '../../src/contracts/catalog-due.ts'
import type { VaultProfile } from '../../src/contracts/vault.ts'
import {
  type HysteresisInput,
  relieve,
  repairBudget,
  type Silence,
  type StandingReplica,
  silenceSeen,
} from '../../src/policy/hysteresis.ts'
import { isPaused, pauseAfter } from '../../src/policy/pauses.ts'
import { compareSources, type SourcePreference } from '../../src/policy/sources.ts'
import { DAY, ipfs, NOW, vault } from './fixtures.ts'

const VAULTS = new Map<string, VaultProfile>([
  ...['a', 'b', 'c', 'd'].map((id): [string, VaultProfile] => [id, vault(id)]),
  ['pins', ipfs('pins')],
])
const stand = (id: string, footing: StandingReplica['footing'], verdict: StandingReplica['verdict'] = 'intact'): StandingReplica => ({
  vault: id,
  footing,
  verdict,
  at: NOW,
})
const sound = (id: string) => stand(id, 'sound')
const silent = (id: string) => stand(id, 'doubtful', 'unreachable')
const lapsed = (id: string) => stand(id, 'open', 'unreachable')
const lost = (id: string) => stand(id, 'lost', 'damaged')
const forDays = (id: string, days: number, reason: Silence['reason'] = 'silent') => new Map([[id, { reason, silentMs: days * DAY }]])

const decide = (replicas: readonly StandingReplica[], more: Partial<HysteresisInput> = {}) =>
  relieve({ replicas, vaults: VAULTS, floor: 1, graceDays: 3, silences: new Map(), spooled: false, ...more })

describe('hysteresis', () => {
  it('lets a silent copy wait for the grace, and gives it up after', () => {
    const before = decide([sound('a'), silent('b')], { silences: forDays('b', 2.9) })
    expect([before.urgent, [...before.givenUp], before.waiting]).toEqual([false, [], ['b']])
    const after = decide([sound('a'), silent('b')], { silences: forDays('b', 3) })
    expect([after.urgent, [...after.givenUp.keys()], after.waiting]).toEqual([false, ['b'], []])
    expect(after.givenUp.get('b')).toMatch(/silent for 3 days/)
  })

  it('never takes refused credentials, a vault that wants less, or lapsed evidence in a vault that answers, for absence', () => {
    expect(decide([sound('a'), stand('b', 'doubtful', 'denied')], { silences: forDays('b', 99, 'denied') }).givenUp.size).toBe(0)
    expect(decide([sound('a'), silent('b')], { silences: forDays('b', 99, 'limited') }).givenUp.size).toBe(0)
    expect(decide([sound('a'), stand('b', 'open')], { silences: forDays('b', 99) }).givenUp.size).toBe(0)
    expect(decide([sound('a'), silent('b')], { silences: forDays('c', 99) }).givenUp.size).toBe(0)
  })

  it('lets what is lost wait for a vault that does not answer, and for no longer than the grace', () => {
    const three = [sound('a'), sound('c'), lost('b')]
    expect(decide(three, { silences: forDays('b', 2.9) })).toMatchObject({ urgent: false, givenUp: new Map() })
    expect([...decide(three, { silences: forDays('b', 3) }).givenUp.keys()]).toEqual(['b'])
    expect(decide(three, { silences: forDays('b', 99, 'denied') }).givenUp.size).toBe(0)
    expect(decide(three, { silences: forDays('b', 99, 'limited') }).givenUp.size).toBe(0)
    expect(decide(three).givenUp.size).toBe(0)
  })

  it('waits for nobody below the floor, or at the floor with a copy lost', () => {
    expect(decide([lapsed('b'), sound('a')], { floor: 2 })).toMatchObject({ urgent: true, waiting: [] })
    expect([...decide([sound('a'), lapsed('b')], { floor: 2 }).givenUp.keys()]).toEqual(['b'])
    expect(decide([sound('a'), lost('b')])).toMatchObject({ urgent: true })
    expect([...decide([sound('a'), lost('b'), lapsed('c')]).givenUp.keys()]).toEqual(['c'])
    expect(decide([sound('a'), sound('c'), lost('b')])).toMatchObject({ urgent: false })
    // An outage alone: the copies still count, and none is lost.
    expect(decide([sound('a'), silent('b')], { floor: 2 })).toMatchObject({ urgent: false })
  })

  it('buys no copy because nobody asked, or because a vault settles slowly, not even below the floor', () => {
    const unasked = [stand('b', 'open', 'intact'), { ...stand('b', 'open', 'unproven'), at: undefined }, stand('b', 'open', 'pending')]
    for (const replica of unasked)
      expect(decide([sound('a'), replica], { floor: 2 }), replica.verdict).toMatchObject({
        urgent: true,
        givenUp: new Map(),
        waiting: ['b'],
      })
    expect(decide([sound('a'), stand('b', 'open', 'unproven')], { floor: 2 }).givenUp.size).toBe(1)
  })

  it('counts operators, and nothing on IPFS, toward the floor', () => {
    const twins = new Map([...VAULTS, ['b', vault('b', { operator: 'operator-a' })] as const])
    expect(decide([sound('a'), sound('b')], { floor: 2, vaults: twins }).urgent).toBe(true)
    expect(decide([sound('a'), sound('pins')], { floor: 2 }).urgent).toBe(true)
    expect(decide([sound('a'), sound('b')], { floor: 2 }).urgent).toBe(false)
  })

  it('has a source where a copy is not gone and its vault answers, damaged ones included, or the pack lies in the spool', () => {
    const gone = stand('b', 'lost', 'missing')
    expect(decide([silent('a'), gone]).source).toBe(false)
    expect(decide([silent('a'), gone], { spooled: true }).source).toBe(true)
    expect(decide([sound('a'), gone]).source).toBe(true)
    expect(decide([sound('a'), gone], { silences: forDays('a', 0) }).source).toBe(false)
    // What the one lacks the other may have: damaged copies are damaged in part.
    expect(decide([lost('a'), lost('b')]).source).toBe(true)
    expect(decide([lost('a'), lost('b')], { silences: new Map([...forDays('a', 1), ...forDays('b', 1)]) }).source).toBe(false)
  })

  it('with every vault silent and the floor still counted, gives nothing up before the grace', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 2 }),
        fc.double({ min: 0, max: 2.99, noNaN: true }),
        (ids, days) => {
          const silences = new Map(ids.map((id) => [id, { reason: 'silent', silentMs: days * DAY } as const]))
          const { urgent, givenUp, source } = decide(ids.map(silent), { floor: 2, silences })
          expect([urgent, givenUp.size, source]).toEqual([false, 0, false])
        },
      ),
    )
  })
})

describe('silence', () => {
  it('is what was seen: a gap counts for half the grace at most, and a clock that was set back for nothing', () => {
    const look = (at: number, silentMs: number, now: number) => silenceSeen({ at, silentMs }, { now, graceDays: 4 })
    expect(silenceSeen(undefined, { now: NOW, graceDays: 4 })).toBe(0)
    expect(look(NOW - DAY, DAY, NOW)).toBe(2 * DAY)
    expect(look(NOW - 365 * DAY, 0, NOW)).toBe(2 * DAY)
    expect(look(NOW + 365 * DAY, DAY, NOW)).toBe(DAY)
  })

  it('pauses a vault a minute first, then longer and longer, six hours at most, and as long as it asks', () => {
    let pause: VaultPause | undefined
    const waits: number[] = []
    let now = NOW
    for (let failure = 0; failure < 14; failure++) {
      pause = pauseAfter(pause, { vault: 'a', reason: 'silent' }, { now, graceDays: 3, unit: 1 })
      waits.push((pause.until - now) / 60_000)
      now = pause.until
    }
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8])
    expect(waits.slice(-2)).toEqual([360, 360])
    expect(pause?.since).toBe(NOW)
    expect(pause?.silentMs).toBe((pause?.at ?? 0) - NOW)
    const asked = pauseAfter(undefined, { vault: 'a', reason: 'limited', retryAfterMs: 7_200_000 }, { now: NOW, graceDays: 3, unit: 0 })
    expect([asked.until - NOW, asked.silentMs]).toEqual([7_200_000, 0])
    expect(pauseAfter(pause, { vault: 'a', reason: 'denied' }, { now, graceDays: 3, unit: 1 })).toMatchObject({
      failures: 1,
      silentMs: 0,
      since: now,
    })
  })

  it('of a clock that ran ahead pauses nobody for a year', () => {
    const ahead = pauseAfter(undefined, { vault: 'a', reason: 'silent' }, { now: NOW + 365 * DAY, graceDays: 3, unit: 1 })
    expect([isPaused(ahead, NOW), isPaused(ahead, ahead.at)]).toEqual([false, true])
    const next = pauseAfter(ahead, { vault: 'a', reason: 'silent' }, { now: NOW, graceDays: 3, unit: 1 })
    expect([next.since, next.silentMs]).toEqual([NOW, 0])
  })
})

describe('the budget of repairs', () => {
  const caps = { repairs: 2, repairBytes: 100, urgentRepairs: 3, urgentRepairBytes: 1_000 }

  it('counts objects and bytes, and what is urgent apart', () => {
    const { take } = repairBudget(caps)
    expect([60, 60, 30, 1].map((byteLength) => take({ urgent: false, byteLength }))).toEqual([true, false, true, false])
    expect([900, 200, 50, 50, 1].map((byteLength) => take({ urgent: true, byteLength }))).toEqual([true, false, true, true, false])
  })

  it('lets one through that is larger than all of it, and none where the cap is zero', () => {
    expect(repairBudget(caps).take({ urgent: false, byteLength: 5_000 })).toBe(true)
    expect(repairBudget({ ...caps, repairs: 0 }).take({ urgent: false, byteLength: 1 })).toBe(false)
    expect(repairBudget({ ...caps, repairBytes: 0 }).take({ urgent: false, byteLength: 1 })).toBe(false)
  })
})

describe('the order of sources', () => {
  const prices = (egressPerGiB: number, currency = 'USD') => ({ prices: { currency, egressPerGiB } })
  const source = (id: string, more: Partial<VaultProfile> = {}, known: object = {}) => ({
    profile: vault(id, { network: 's3', ...more }),
    missing: false,
    quarantined: false,
    paceMs: 100,
    ...known,
  })
  const order = (list: readonly ReturnType<typeof source>[], prefer: SourcePreference) =>
    list.toSorted((x, y) => compareSources(x, y, prefer)).map(({ profile }) => profile.id)

  it('for a repair is by price among the healthy, and for a reader by pace', () => {
    const dear = source('dear', prices(0.09), { paceMs: 5 })
    const cheap = source('cheap', prices(0.01), { paceMs: 500 })
    const free = source('free', {}, { paceMs: 900 })
    expect(order([dear, cheap, free], 'cheap')).toEqual(['free', 'cheap', 'dear'])
    expect(order([dear, cheap, free], 'quick')).toEqual(['dear', 'cheap', 'free'])
  })

  it('never puts a price before health: cold, missing and quarantined sources come last', () => {
    const dear = source('dear', prices(9))
    const cold = source('cold', { cold: true })
    const gone = source('gone', {}, { missing: true })
    const liar = source('liar', {}, { quarantined: true })
    expect(order([cold, gone, liar, dear], 'cheap')).toEqual(['dear', 'gone', 'cold', 'liar'])
  })
})
