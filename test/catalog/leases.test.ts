import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { isDead, thisProcess } from '../../src/catalog/process.ts'
import { freshPath, open } from './fixtures.ts'

/** Makes the lease look as if another process had taken it. */
function pretend(path: string, holder: Record<string, string | number>): void {
  const db = new Sqlite(path)
  for (const [column, value] of Object.entries(holder)) db.prepare(`update leases set ${column} = ?`).run(value)
  db.close()
}

it('a lease of another machine is respected until it lapses, then its first holder learns that it is lost', async () => {
  const path = await freshPath()
  let now = 1_000
  const catalog = await open({ path, clock: () => now })
  const first = await catalog.acquire('key', { ttlMs: 100 })
  pretend(path, { host: 'elsewhere', pid: 1 })
  now = 1_099
  expect(await catalog.acquire('key', { ttlMs: 100 })).toBeUndefined()
  await first?.renew()
  now = 1_198
  expect(await catalog.acquire('key', { ttlMs: 100 })).toBeUndefined()
  now = 1_199
  const second = await catalog.acquire('key', { ttlMs: 100 })
  expect(second).toBeDefined()
  await expect(first?.renew()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('taken over') })
  await first?.release()
  await second?.renew()
})

it('a lapsed lease that nobody took is renewed', async () => {
  let now = 0
  const catalog = await open({ path: await freshPath(), clock: () => now })
  const lease = await catalog.acquire('key', { ttlMs: 10 })
  now = 1_000
  await lease?.renew()
  expect(await catalog.acquire('key', { ttlMs: 10 })).toBeUndefined()
})

it.skipIf(process.platform !== 'linux')('a process number that was given out again is not taken for the old holder', async () => {
  const path = await freshPath()
  const catalog = await open({ path })
  await catalog.acquire('key', { ttlMs: 60_000 })
  expect(await catalog.acquire('key', { ttlMs: 60_000 })).toBeUndefined()
  pretend(path, { started: 'another boot 12345' })
  expect(await catalog.acquire('key', { ttlMs: 60_000 })).toBeDefined()
})

it('this process is alive, an unused number is dead, and of other machines nothing is known', () => {
  const self = thisProcess()
  expect(isDead(self)).toBe(false)
  expect(isDead({ ...self, pid: 2 ** 22 + 1 })).toBe(true)
  expect(isDead({ ...self, pid: 2 ** 22 + 1, host: 'elsewhere' })).toBe(false)
})
