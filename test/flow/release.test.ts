import { expect, it } from 'vitest'
import { house, noise, spooled } from './house.ts'

it('a put that only waited for acceptance keeps its pack in the spool until verify has seen bytes in the vaults', async () => {
  const home = await house()
  const receipt = await home.archive.put(noise(50_000), { until: 'accepted' })
  expect(receipt).toMatchObject({ state: 'unknown', complete: false })
  expect(await spooled(home.folder)).toHaveLength(1)
  expect((await home.archive.verify(receipt.root)).state).toBe('satisfied')
  expect(await spooled(home.folder)).toEqual([])
})
