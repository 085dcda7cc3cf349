import { expect, it } from 'vitest'
import type { Vault, WatchEvent } from '../../src/contracts.ts'
import { VaultError } from '../../src/errors.ts'
import { memory } from '../../src/vaults/memory.ts'
import { house, noise, testClock } from './house.ts'

const DAY = 86_400_000
const TERM_DAYS = 30
/** One content pack, the record, and what the log brings along. */
const REPLICAS = expect.toBeOneOf([2, 3, 4, 5])

/** A vault whose replicas end 30 days after they were put or renewed. */
function leased(clock: () => number) {
  const ends = new Map<string, number>()
  const faults = { refuses: false }
  const store = memory({ id: 'leased', operator: 'landlord' })
  const { open: _, ...kept } = store
  const vault: Vault = {
    ...kept,
    profile: { ...store.profile, term: 'renewable', termDays: TERM_DAYS },
    put: async (pack, options) => {
      const at = await store.put(pack, options)
      ends.set(at, clock() + TERM_DAYS * DAY)
      return at
    },
    remove: async (at, options) => {
      await store.remove?.(at, options)
      ends.delete(at)
    },
    renew: async (at, until) => {
      if (faults.refuses) throw new VaultError('exhausted', 'leased', 'the account is empty; pay in')
      ends.set(at, Math.max(until.getTime(), ends.get(at) ?? 0))
      return at
    },
    retention: async (at) => ({ until: new Date(ends.get(at) ?? 0) }),
  }
  // Index packs that newer ones have superseded are left to lapse.
  const soonest = () => (Math.min(...[...ends].flatMap(([at, end]) => (at.startsWith('content/') ? [end] : []))) - clock()) / DAY
  return { vault, ends, faults, soonest }
}

async function setUp() {
  const clock = testClock()
  const landlord = leased(clock)
  const built = await house({ clock, vaults: [landlord.vault, memory({ id: 'b', operator: 'b' })] })
  await built.archive.put(noise(10_000))
  const cycle = async () => {
    const events: WatchEvent[] = []
    const { last } = await built.archive.watch({ once: true, onProgress: (event) => events.push(event) })
    return { last, events }
  }
  return { ...built, ...landlord, clock, cycle }
}

it('terms are renewed long before they end, and not again and again', async () => {
  const { clock, cycle, soonest } = await setUp()
  expect((await cycle()).last).toMatchObject({ renewed: 0, missedRenewals: { replicas: 0 } })
  clock.advanceDays(15)
  // Daily cycles: a third of the term is the lead. This one comes after two weeks, and the next may come as late.
  expect((await cycle()).last).toMatchObject({ renewed: REPLICAS })
  expect(soonest()).toBeGreaterThan(29)
  clock.advanceDays(1.1)
  expect((await cycle()).last).toMatchObject({ renewed: 0 })
  for (let day = 0; day < 60; day++, clock.advanceDays(1)) {
    await cycle()
    expect(soonest(), `day ${day}`).toBeGreaterThan(9)
  }
})

it('what cannot be renewed is told loudly, with the date, and tried again within hours', async () => {
  const { clock, cycle, faults, soonest } = await setUp()
  await cycle()
  faults.refuses = true
  clock.advanceDays(21)
  const missed = await cycle()
  expect(missed.last).toMatchObject({ renewed: 0, missedRenewals: { replicas: REPLICAS }, problems: [{ step: 'renew', code: 'missed' }] })
  expect(missed.last?.problems[0]?.message).toContain(missed.last?.missedRenewals.lapses)
  expect(missed.events.filter(({ type }) => type === 'renewal-missed')).toHaveLength(missed.last?.missedRenewals.replicas ?? 0)
  expect(missed.events).toContainEqual(expect.objectContaining({ action: expect.objectContaining({ code: 'exhausted' }) }))
  clock.advanceDays(0.1)
  expect((await cycle()).last?.missedRenewals.replicas).toEqual(REPLICAS)
  faults.refuses = false
  clock.advanceDays(0.1)
  expect((await cycle()).last).toMatchObject({ renewed: REPLICAS, missedRenewals: { replicas: 0 }, problems: [] })
  expect(soonest()).toBeGreaterThan(29)
})

it('a clock that was set back a year stops no renewals', async () => {
  const { clock, cycle, ends } = await setUp()
  await cycle()
  clock.advanceDays(-365)
  for (const at of ends.keys()) ends.set(at, clock() + 5 * DAY)
  expect((await cycle()).last).toMatchObject({ renewed: REPLICAS })
})
