import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { PutEvent } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memory } from '../../src/vaults/memory.ts'
import { fill, smallDisk } from './disk.ts'
import { all, bytesOf, noise, only, spooled, tempFolder, testClock } from './house.ts'

const MIB = 1024 * 1024

async function opened(config: Parameters<typeof createArchive>[0]) {
  const archive = await createArchive({ timeoutMs: 300, ...config })
  onTestFinished(() => archive.close())
  return archive
}

it('a full disk under the spool: put is exhausted, nothing is left, and it works again when space is free', async ({ skip }) => {
  const disk = smallDisk('8m')
  if (disk === undefined) return skip()
  const vaults = ['a', 'b'].map((id) => memory({ id }))
  const archive = await opened({ path: join(disk, 'archive'), vaults })
  const before = await archive.put(noise(100_000, 'before'))
  for (const left of [3 * MIB, 200_000, 60_000, 20_000, 4_096, 0]) {
    const ballast = fill(disk, left)
    const failure = await archive.put(noise(6 * MIB)).catch((error: unknown) => error)
    expect(failure, `with ${left} bytes left`).toMatchObject({ name: expect.stringMatching(/^(Archive|Catalog)Error$/), code: 'exhausted' })
    expect(await spooled(disk)).toEqual([])
    await ballast.remove()
  }
  expect((await all(archive.objects())).map(({ root }) => root)).toEqual([before.root])
  expect(await archive.put(noise(3 * MIB))).toMatchObject({ state: 'satisfied', complete: true })
  expect((await bytesOf(archive.get(before.root))).equals(noise(100_000, 'before'))).toBe(true)
})

it('a disk that fills up after the put was sealed: whatever step it strikes, the error is typed, nothing is lost, and the same put completes', async ({
  skip,
}) => {
  const disk = smallDisk('8m')
  if (disk === undefined) return skip()
  const vaults = ['a', 'b'].map((id) => memory({ id }))
  const clock = testClock()
  const archive = await opened({ path: join(disk, 'archive'), vaults, clock })
  for (const [index, type] of (['sealed', 'placing', 'placed', 'challenged'] as const).entries()) {
    const content = noise(300_000, type)
    let ballast: ReturnType<typeof fill> | undefined
    const onProgress = (event: PutEvent) => {
      if (event.type === type && ballast === undefined) ballast = fill(disk, 0)
    }
    const outcome = await archive.put(content, { onProgress }).catch((error: unknown) => error)
    if (outcome instanceof Error) expect(outcome, `after ${type}`).toMatchObject({ code: 'exhausted' })
    await ballast?.remove()
    // A lease that could not be given back on the full disk lapses within the minute.
    clock.advanceDays(1 / 1_000)
    const again = await archive.put(content)
    expect(again, `after ${type}`).toMatchObject({ state: 'satisfied', complete: true })
    expect(await all(archive.objects())).toHaveLength(index + 1)
  }
  await archive.prune()
  expect(await spooled(disk)).toEqual([])
})

it('a full directory vault: the receipt is degraded and says so, no part is left, and repair completes it later', async ({ skip }) => {
  const disk = smallDisk('4m')
  if (disk === undefined) return skip()
  const folder = await tempFolder()
  const vaults = [directory({ id: 'a', at: join(folder, 'a') }), directory({ id: 'b', at: join(disk, 'b'), reserveBytes: 0 })]
  const config = { path: join(folder, 'archive'), vaults }
  const first = await opened(config)
  const kept = await first.put(noise(1 * MIB, 'kept'))
  expect(kept.state).toBe('satisfied')
  const ballast = fill(disk, 500_000)
  const receipt = await first.put(noise(2 * MIB))
  expect(receipt).toMatchObject({ state: 'degraded', complete: false })
  expect(await readdir(join(disk, 'b', 'tmp'))).toEqual([])
  await first.close()
  await ballast.remove()
  const whole = fill(disk, 0)
  const again = await opened(config)
  expect((await again.verify(kept.root)).state, 'a full disk can still be read').toBe('satisfied')
  expect((await again.repair(receipt.root)).state).toBe('degraded')
  await whole.remove()
  expect(await again.repair(receipt.root)).toMatchObject({ before: 'degraded', state: 'satisfied' })
  expect(only((await again.repair(receipt.root)).replicas.filter(({ vault }) => vault === 'b')).verdict).toBe('intact')
  expect(await spooled(folder)).toEqual([])
})

it('a full disk during repair leaves the replicas as they are, and says why', async ({ skip }) => {
  const disk = smallDisk('8m')
  if (disk === undefined) return skip()
  const stores = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
  const vaults = stores.map((store, index) => memory({ id: `m${index}`, store }))
  const archive = await opened({ path: join(disk, 'archive'), vaults })
  const { root } = await archive.put(noise(4 * MIB))
  const lost = [...(stores[1]?.keys() ?? [])].find((at) => at.startsWith('content/')) ?? ''
  stores[1]?.delete(lost)
  const ballast = fill(disk, 300_000)
  const report = await archive.repair(root).catch((error: unknown) => error)
  if (report instanceof Error) expect(report).toMatchObject({ code: 'exhausted' })
  else expect(report).toMatchObject({ state: 'damaged', actions: [{ outcome: 'failed', detail: expect.stringMatching(/space/) }] })
  await ballast.remove()
  expect(await archive.repair(root)).toMatchObject({ before: 'damaged', state: 'satisfied' })
  expect(await spooled(disk)).toEqual([])
})

it('a spool on a full disk of its own, struck when only the record is left to write: typed, stored all the same, and recorded by the next put', async ({
  skip,
}) => {
  const disk = smallDisk('2m')
  if (disk === undefined) return skip()
  const folder = await tempFolder()
  await mkdir(join(folder, 'archive'))
  await symlink(disk, join(folder, 'archive', 'spool'))
  const stores = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
  const vaults = stores.map((store, index) => memory({ id: `m${index}`, store }))
  const archive = await opened({ path: join(folder, 'archive'), vaults })
  let ballast: ReturnType<typeof fill> | undefined
  const onProgress = (event: PutEvent) => {
    if (event.type === 'challenged' && ballast === undefined) ballast = fill(disk, 0)
  }
  const failure = { name: 'ArchiveError', code: 'exhausted', message: expect.stringMatching(/What is stored stays stored/) }
  await expect(archive.put(noise(50_000), { onProgress })).rejects.toMatchObject(failure)
  const { root } = only(await all(archive.objects()))
  expect((await archive.status(root)).state).toBe('satisfied')
  const lost = [...(stores[1]?.keys() ?? [])].find((at) => at.startsWith('content/')) ?? ''
  await ballast?.remove()
  expect(await archive.put(noise(50_000))).toMatchObject({ root, complete: true })
  stores[1]?.delete(lost)
  ballast = fill(disk, 0)
  const report = await archive.repair(root).catch((error: unknown) => error)
  if (report instanceof Error) expect(report).toMatchObject({ name: 'ArchiveError', code: 'exhausted' })
  else
    expect(report).toMatchObject({
      state: 'damaged',
      actions: [{ outcome: 'failed', detail: expect.stringMatching(/no space is left.*Replicas are as they were/) }],
    })
  await ballast.remove()
  expect(await archive.repair(root)).toMatchObject({ state: 'satisfied' })
})
