import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { contentOf, fleet, noise, only } from './house.ts'

it('a catalog that was put back to last week is noticed by what vaults hold; damage is seen, nothing is written or deleted in its name', async () => {
  const house = await fleet(['a', 'b'])
  const { members, clock, folder } = house
  const path = join(folder, 'archive')
  const { root } = await house.archive.put(noise(20_000, 'old'))
  expect((await house.archive.watch({ once: true })).last).toMatchObject({ state: 'satisfied', problems: [] })
  await house.archive.close()
  await cp(path, join(folder, 'last week'), { recursive: true })

  const then = await house.reopen()
  clock.advanceDays(7)
  await then.put(noise(20_000, 'newer'))
  expect((await then.watch({ once: true })).last).toMatchObject({ problems: [] })
  await then.close()
  await rm(path, { recursive: true })
  await cp(join(folder, 'last week'), path, { recursive: true })

  const archive = await house.reopen()
  const [at] = contentOf(members.b).filter((one) => contentOf(members.a).includes(one))
  const bytes = members.b.store.get(at ?? '')
  if (!at || !bytes) expect.unreachable()
  for (const own of contentOf(members.b)) members.b.store.get(own)?.fill(1)
  const before = { a: [...members.a.store], b: [...members.b.store] }
  clock.advanceDays(23)
  const { last } = await archive.watch({ once: true })
  expect(last).toMatchObject({ audited: 1, state: 'damaged', repairs: { objects: 0 } })
  expect(only(last?.problems ?? [])).toMatchObject({
    step: 'history',
    code: 'rolled-back',
    message: expect.stringContaining('older than what a and b hold;'),
  })
  // The same bytes in the same memory: what is unknown to this catalog is still there, too.
  expect([...members.a.store]).toEqual(before.a)
  for (const [locator, held] of before.b) expect(members.b.store.get(locator)).toBe(held)
  await expect(archive.repair(root)).rejects.toMatchObject({ code: 'rolled-back' })
})
