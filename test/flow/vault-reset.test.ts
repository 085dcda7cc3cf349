import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bytesOf, house, noise } from './house.ts'

it('a vault that is gone for good is unknown until it is reset, then repaired into its new folder', async () => {
  const home = await house()
  const { root } = await home.archive.put(noise(100_000))
  await rm(join(home.folder, 'b'), { recursive: true })
  await mkdir(join(home.folder, 'b'))
  await home.reopen()
  const silent = await home.archive.verify(root)
  expect(silent.state).toBe('unknown')
  expect(silent.replicas.find(({ vault }) => vault === 'b')?.detail).toMatch(/may not be mounted.*reset/)
  expect((await home.archive.repair(root)).actions).toEqual([])

  expect(await home.archive.resetVault('b')).toEqual({ vault: 'b', replicas: 2 })
  expect((await home.archive.status(root)).state).toBe('degraded')
  await home.reopen()
  expect((await home.archive.repair(root)).state).toBe('satisfied')
  expect(await bytesOf(home.archive.get(root))).toEqual(noise(100_000))
})

it('resetting a vault that still has its packs uploads nothing: they are found there', async () => {
  const home = await house()
  const { root, replicas } = await home.archive.put(noise(100_000))
  await home.archive.resetVault('b')
  const found: string[] = []
  const report = await home.archive.repair(root, { onProgress: (event) => void (event.type === 'found' && found.push(event.vault)) })
  expect(report.state).toBe('satisfied')
  expect(found).toEqual(['b'])
  expect(report.replicas.map(({ locator }) => locator)).toEqual(replicas.map(({ locator }) => locator))
})
