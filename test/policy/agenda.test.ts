import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ObjectState } from '../../src/contracts/policy.ts'
import {
  type AgendaReplica,
  horizonOf,
  levelFor,
  NEVER,
  objectDueAt,
  pickDue,
  replicaDueAt,
  vaultsDue,
  wakeAt,
} from '../../src/policy/agenda.ts'
import { quietHours } from '../../src/policy/quiet.ts'
import { DAY, NOW } from './fixtures.ts'

const HOUR = DAY / 24

const replica = (more: Partial<AgendaReplica> = {}): AgendaReplica => ({
  vault: 'a',
  name: 'pack a',
  footing: 'sound',
  at: NOW - DAY,
  acceptedAt: NOW - DAY,
  maxAgeDays: 30,
  ...more,
})
const dueOf = (more: Partial<AgendaReplica> = {}, pauses?: ReadonlyMap<string, number>, state: ObjectState = 'unknown') =>
  replicaDueAt(replica(more), { now: NOW, state, pauses })

describe('when a replica is due', () => {
  it('sound: around two thirds of the age limit after its evidence, never after it lapses, and not all in one moment', () => {
    const dates = Array.from({ length: 200 }, (_, index) => dueOf({ name: `pack ${index}` }))
    for (const date of dates) {
      expect(date).toBeGreaterThan(NOW + 16 * DAY)
      expect(date).toBeLessThan(NOW + 22 * DAY)
    }
    expect(Math.max(...dates) - Math.min(...dates)).toBeGreaterThan(3 * DAY)
  })

  it('never asked: now; never placed or in no vault of ours: never', () => {
    expect(dueOf({ at: undefined, footing: 'open' })).toBe(0)
    expect(dueOf({ footing: 'unplaced' })).toBe(NEVER)
    expect(dueOf({ footing: 'foreign' })).toBe(NEVER)
  })

  it('asked in the future: now, whatever it showed', () => {
    expect(dueOf({ at: NOW + 365 * DAY })).toBe(0)
    expect(dueOf({ at: NOW + 365 * DAY, footing: 'lost' })).toBe(0)
    expect(dueOf({ at: NOW + 60_000 })).toBeGreaterThan(NOW)
  })

  it('silent: within hours where the vault answers, and more and more rarely where it does not', () => {
    const silent = { footing: 'doubtful', at: NOW } as const
    expect(dueOf({ ...silent, acceptedAt: NOW - 20 * DAY })).toBeLessThan(NOW + 1.2 * HOUR)
    const shut = new Map([['a', NOW + HOUR]])
    const after = [0.1, 1, 5, 20].map((days) => dueOf({ ...silent, acceptedAt: NOW - days * DAY }, shut) - NOW)
    expect(after).toEqual(after.toSorted((x, y) => x - y))
    expect(after[0]).toBeGreaterThanOrEqual(0.9 * HOUR)
    expect(after[3]).toBeGreaterThan(1.7 * DAY)
    expect(after[3]).toBeLessThan(2.3 * DAY)
  })

  it('in a vault that is left alone: not before that ends', () => {
    expect(dueOf({ at: NOW - 29 * DAY }, new Map([['a', NOW + 5 * HOUR]]))).toBe(NOW + 5 * HOUR)
    expect(dueOf({ at: NOW - 29 * DAY }, new Map([['b', NOW + 5 * HOUR]]))).toBeLessThan(NOW)
  })
})

describe('an object', () => {
  it('is due with the first of its replicas, and asks the vaults that are due or soon would be', () => {
    const replicas = [
      replica({ vault: 'a', at: NOW - 25 * DAY }),
      replica({ vault: 'b', at: NOW - 19 * DAY, name: 'pack b' }),
      replica({ vault: 'c', at: NOW - DAY }),
      replica({ vault: 'd', footing: 'unplaced' }),
    ]
    expect(objectDueAt({ now: NOW, state: 'satisfied', replicas })).toBeLessThan(NOW)
    expect(vaultsDue({ now: NOW, state: 'satisfied', replicas })).toEqual(['a', 'b'])
    expect(objectDueAt({ now: NOW, state: 'satisfied', replicas: [] })).toBe(NEVER)
  })

  it('is never due beyond the horizon, so that a date there tells of a clock', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('sound', 'doubtful', 'open', 'lost'),
        fc.integer({ min: 0, max: 400 * DAY }),
        fc.integer({ min: 1, max: 90 }),
        fc.string(),
        (footing, age, maxAgeDays, name) => {
          const due = replicaDueAt(replica({ footing, at: NOW - age, acceptedAt: undefined, maxAgeDays, name }), {
            now: NOW,
            state: 'unknown',
          })
          return due <= horizonOf(NOW, maxAgeDays)
        },
      ),
    )
  })
})

it('an audit asks for the least that the rules accept', () => {
  const level = (...accept: ('listed' | 'sampled' | 'whole' | 'proven')[]) => levelFor({ accept, maxAgeDays: 30 })
  expect([level('sampled', 'whole'), level('whole'), level('listed', 'whole'), level('listed'), level('proven')]).toEqual([
    'sampled',
    'whole',
    'whole',
    'listed',
    'listed',
  ])
})

describe('the work of a cycle', () => {
  const rows = fc.uniqueArray(
    fc.record({
      id: fc.nat(),
      state: fc.constantFrom<ObjectState>('lost', 'at-risk', 'damaged', 'unknown', 'degraded', 'satisfied'),
      dueAt: fc.nat(),
    }),
    { selector: ({ id }) => id },
  )

  it('is never more than its limit, never less than it could be, and nothing twice', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 20 }), (due, most) => {
        const picked = pickDue([...due, ...due], most)
        expect(picked).toHaveLength(Math.min(most, due.length))
        expect(new Set(picked.map(({ id }) => id)).size).toBe(picked.length)
      }),
    )
  })

  it('begins with what is most at risk, and leaves half of it to those who wait longest', () => {
    const due = Array.from({ length: 20 }, (_, index) => ({
      id: index,
      state: index < 10 ? ('damaged' as const) : ('satisfied' as const),
      dueAt: 100 - index,
    }))
    const picked = pickDue([...due, { id: 99, state: 'at-risk', dueAt: 1_000 }], 6)
    expect(picked.map(({ id }) => id)).toEqual([99, 9, 8, 19, 18, 17])
    expect(pickDue(due.slice(0, 10), 6)).toHaveLength(6)
  })
})

describe('sleep', () => {
  const sleep = (nextDueAt: number, unit = 1) => wakeAt({ now: NOW, nextDueAt, intervalMs: HOUR, leastMs: 1_000, unit }) - NOW

  it('lasts until the next thing is due, an interval at most, and never no time at all', () => {
    expect(sleep(NOW + 600_000)).toBe(600_000)
    expect(sleep(NOW + DAY)).toBe(HOUR)
    expect([sleep(NOW - DAY), sleep(0), sleep(NOW + 365 * DAY)]).toEqual([1_000, 1_000, HOUR])
    expect(sleep(NOW + DAY, 0)).toBe(0.9 * HOUR)
  })
})

describe('quiet hours', () => {
  const at = (time: string) => Date.parse(`2026-07-01T${time}:00Z`)
  const end = (hours: Parameters<typeof quietHours>[0], time: string) => quietHours(hours).endsAt(at(time))

  it('hold within a day and over midnight, and say when they end', () => {
    const day = { from: '09:00', to: '17:30', timeZone: 'UTC' }
    expect([end(day, '08:59'), end(day, '17:30')]).toEqual([undefined, undefined])
    expect(end(day, '09:00')).toBe(at('17:30'))
    const night = { from: '22:00', to: '06:00', timeZone: 'UTC' }
    expect(end(night, '21:59')).toBeUndefined()
    expect(end(night, '23:10')).toBe(at('06:00') + DAY)
    expect(end(night, '05:59')).toBe(at('06:00'))
    expect(end(undefined, '05:59')).toBeUndefined()
  })

  it('are those of the time zone', () => {
    const night = { from: '22:00', to: '06:00', timeZone: 'Asia/Tokyo' }
    expect(end(night, '13:00')).toBe(at('21:00'))
    expect(end(night, '21:00')).toBeUndefined()
  })

  it('that are none are refused with the field', () => {
    for (const hours of [
      { from: '24:00', to: '06:00' },
      { from: '6:00', to: '07:00' },
      { from: '06:00', to: '06:00' },
      { from: '06:00', to: '07:00', timeZone: 'Mars/Olympus' },
    ])
      expect(() => quietHours(hours)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})
