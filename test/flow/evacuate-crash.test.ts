import { execFile } from 'node:child_process'
import { appendFile, cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { Archive, Vault } from '../../src/contracts.ts'
import { eachOf } from '../../src/flow/context.ts'
import { directory } from '../../src/vaults/directory.ts'
import { all, bytesOf, noise, tempFolder } from './house.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./evacuate-crash.child.ts', import.meta.url))
const EVERY = process.env.PERDURE_SLOW === '1'
if (!EVERY) console.warn('crash sweep of evacuate: only part of the kill points (PERDURE_SLOW=1 runs every one)')
const OBJECTS = 3

async function killed(folder: string, nth: number, moment: string): Promise<number | 'killed'> {
  try {
    const { stdout } = await run(process.execPath, [CHILD, folder, String(nth), moment])
    return (JSON.parse(stdout.trim()) as { calls: number }).calls
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return 'killed'
    throw error
  }
}

function open(folder: string): Promise<Archive> {
  const logged = (vault: Vault): Vault => ({
    ...vault,
    put: async (pack, options) => {
      const at = await vault.put(pack, options)
      await appendFile(join(folder, 'uploads.log'), `put ${vault.profile.id} ${pack.name}\n`)
      return at
    },
  })
  const vaults = ['a', 'b', 'c'].map((id) => logged(directory({ id, at: join(folder, id), operator: id })))
  return createArchive({ path: join(folder, 'archive'), vaults, maxPackBytes: 400_000 })
}

/** Three objects in a and b, some of several packs, as a folder that can be copied. */
async function world(): Promise<{ readonly folder: string; readonly packs: ReadonlySet<string> }> {
  const folder = await tempFolder()
  await using archive = await open(folder)
  const packs = new Set<string>()
  for (let nth = 0; nth < OBJECTS; nth++)
    for (const { name } of (await archive.put(noise(300_000 + nth * 250_000, `${nth}`))).packs) packs.add(name)
  return { folder, packs }
}

const carsIn = async (vault: string) => (await readdir(vault, { recursive: true })).filter((path) => path.endsWith('.car'))
const points = (total: number, every: number) =>
  Array.from({ length: total }, (_, index) => index + 1).filter((nth) => EVERY || nth % every === 0)

describe('kill -9 at any step of an evacuation that removes, then the same command again', () => {
  it.each([
    ['after', 9],
    ['before', 23],
  ] as const)(
    'everything is elsewhere, nothing was sent twice, and nothing is left behind, killed %s the call',
    { timeout: 600_000 },
    async (moment, every) => {
      const start = await world()
      const plain = await tempFolder()
      await cp(start.folder, plain, { recursive: true })
      const total = await killed(plain, 0, moment)
      expect(total).toBeGreaterThan(30)
      await eachOf(points(Number(total), every), 2, async (nth) => {
        const folder = await tempFolder()
        await cp(start.folder, folder, { recursive: true })
        const why = `a kill ${moment} call ${nth}`
        expect(await killed(folder, nth, moment), why).toBe('killed')
        await using archive = await open(folder)
        // Whatever the moment, everything can be read.
        for (const { root, byteLength } of await all(archive.objects()))
          expect((await bytesOf(archive.get(root))).byteLength, why).toBe(byteLength)
        const report = await archive.evacuate('a', { remove: true })
        expect(report, why).toMatchObject({ state: 'left', troubles: [], remaining: [] })
        expect(await carsIn(join(folder, 'a')), why).toEqual([])
        const states = (await all(archive.verifyAll({ level: 'whole' }))).map(({ state }) => state)
        expect(states, why).toEqual(Array(OBJECTS).fill('satisfied'))
        const uploads = (await readFile(join(folder, 'uploads.log'), 'utf8')).trim().split('\n')
        const content = uploads.filter((line) => start.packs.has(line.split(' ').at(-1) ?? ''))
        expect(new Set(content).size, `uploads after ${why}`).toBe(content.length)
        expect(await readdir(join(folder, 'archive', 'spool', 'packs')), `spool after ${why}`).toEqual([])
      })
    },
  )
})
