/** What may happen to a watch from outside: killed anywhere, a full disk, a catalog of last week. */
import { execFile } from 'node:child_process'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { eachOf } from '../../src/flow/context.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memory } from '../../src/vaults/memory.ts'
import { fill, smallDisk } from './disk.ts'
import { contentOf, flip, noise, spooled, tempFolder, testClock } from './house.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const EVERY = process.env.PERDURE_SLOW === '1'
const DAYS = 23

async function killed(folder: string, nth: number, moment: 'before' | 'after'): Promise<number | 'killed'> {
  try {
    const { stdout } = await run(process.execPath, [CHILD, folder, 'watch', String(nth), moment])
    return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { calls: number }).calls
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return 'killed'
    throw error
  }
}

const opened = (folder: string) =>
  createArchive({
    path: join(folder, 'archive'),
    vaults: ['a', 'b'].map((id) => directory({ id, at: join(folder, id) })),
    maxPackBytes: 700_000,
    clock: () => Date.now() + DAYS * 86_400_000,
  })

it.each([
  ['after', 4],
  ['before', 6],
] as const)(
  'kill -9 at any step of a cycle, then another cycle: everything is repaired, nothing is left in the spool, killed %s the call',
  { timeout: 300_000 },
  async (moment, every) => {
    const template = await tempFolder()
    const vaults = ['a', 'b'].map((id) => directory({ id, at: join(template, id) }))
    const made = await createArchive({ path: join(template, 'archive'), vaults, maxPackBytes: 700_000 })
    await made.put(noise(900_000, 'one'))
    await made.put(noise(50_000, 'two'))
    await made.close()
    const packs = (await readdir(join(template, 'b', 'packs'), { recursive: true })).filter((path) => path.endsWith('.car'))
    for (const pack of packs) await flip(join(template, 'b', 'packs', pack), 200)
    const damaged = async () => {
      const folder = await tempFolder()
      await cp(template, folder, { recursive: true, preserveTimestamps: true })
      return folder
    }
    const total = Number(await killed(await damaged(), 0, moment))
    expect(total).toBeGreaterThan(20)
    const points = Array.from({ length: total }, (_, index) => index + 1).filter((nth) => EVERY || nth % every === 0)
    await eachOf(points, 2, async (nth) => {
      const folder = await damaged()
      expect(await killed(folder, nth, moment), `call ${nth} kills it`).toBe('killed')
      await using archive = await opened(folder)
      const { last } = await archive.watch({ once: true })
      expect(last, `after a kill ${moment} call ${nth}`).toMatchObject({ state: 'satisfied', problems: [] })
      expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
      for (const pack of packs)
        expect((await readdir(join(folder, 'b', 'packs'), { recursive: true })).includes(pack), `${pack} after ${nth}`).toBe(true)
    })
  },
)

it('a disk that is full while it repairs: told, nothing half-done is left, and repaired when there is space again', async ({ skip }) => {
  const disk = smallDisk('12m')
  if (disk === undefined) return skip()
  const clock = testClock()
  const store = new Map<string, Uint8Array>()
  const vaults = [memory({ id: 'a', operator: 'a' }), memory({ id: 'b', operator: 'b', store })]
  const archive = await createArchive({ path: join(disk, 'archive'), vaults, clock, timeoutMs: 300 })
  onTestFinished(() => archive.close())
  await archive.put(noise(3_000_000))
  for (const at of contentOf({ store, faults: { calls: {}, bytesRead: 0 } })) store.delete(at)
  clock.advanceDays(DAYS)
  const ballast = fill(disk, 1_500_000)
  const { last } = await archive.watch({ once: true })
  expect(last).toMatchObject({ state: 'damaged', repairs: { failed: 1, repaired: 0 }, problems: [{ step: 'repair', code: 'exhausted' }] })
  expect(last?.problems[0]?.message).toMatch(/no space is left for the spool/)
  expect(await spooled(disk)).toEqual([])
  await ballast.remove()
  clock.advanceDays(1)
  expect((await archive.watch({ once: true })).last).toMatchObject({ state: 'satisfied', repairs: { repaired: 1 }, problems: [] })
})
