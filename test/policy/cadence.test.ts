import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueAt, isDue } from '../../src/policy/cadence.ts'
import { DAY, NOW } from './fixtures.ts'

describe('cadence', () => {
  it('renews evidence around two thirds of its age limit, before it lapses', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 400 }), (name, maxAgeDays) => {
        const share = (dueAt({ name, lastAt: NOW, maxAgeDays }) - NOW) / (maxAgeDays * DAY)
        expect(share).toBeGreaterThan(0.599)
        expect(share).toBeLessThan(0.734)
      }),
    )
  })

  it('spreads replicas of one moment, each always to the same time', () => {
    const times = Array.from({ length: 50 }, (_, i) => dueAt({ name: `pack-${i} a`, lastAt: NOW, maxAgeDays: 30 }))
    expect(new Set(times).size).toBe(50)
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(2 * DAY)
    expect(dueAt({ name: 'pack-0 a', lastAt: NOW, maxAgeDays: 30 })).toBe(times[0])
  })

  it('is due from that moment on, and at once without evidence', () => {
    const aging = { name: 'x', lastAt: NOW, maxAgeDays: 30 }
    expect(isDue({ ...aging, now: dueAt(aging) - 1 })).toBe(false)
    expect(isDue({ ...aging, now: dueAt(aging) })).toBe(true)
    expect(isDue({ ...aging, lastAt: undefined, now: 1 })).toBe(true)
  })
})
