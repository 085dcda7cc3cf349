import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { event } from '../../src/conformance/catalog-events.ts'
import { freshPath, open } from './fixtures.ts'

it('the log of events is bounded, but for those that still wait for a hook', async () => {
  const path = await freshPath()
  const catalog = await open({ path })
  const announce = (count: number, from: number, hooks: readonly { id: string; maxWaiting: number }[]) =>
    catalog.announce(Array.from({ length: count }, (_, index) => ({ event: event(`${from + index}`), hooks })))
  await announce(50, 0, [{ id: 'h', maxWaiting: 100 }])
  await announce(12_000, 50, [])
  const [first] = await catalog.waitingFor('h', { limit: 1 })
  expect(first?.event.id).toBe('0')
  expect((await catalog.hookStates())[0]?.waiting).toBe(50)
  expect((await catalog.tallies(1)).events[0]?.total).toBe(12_050)
  await catalog.close()
  const db = new Sqlite(path)
  const { kept } = db.prepare('select count(*) as kept from events').get() as { kept: number }
  db.close()
  expect(kept).toBeGreaterThanOrEqual(10_050)
  expect(kept).toBeLessThanOrEqual(10_150)
})
