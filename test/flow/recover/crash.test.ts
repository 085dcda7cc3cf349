import { execFile } from 'node:child_process'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createArchive, recoverArchive } from '../../../src/archive.ts'
import { openCatalog } from '../../../src/catalog/open.ts'
import { eachOf } from '../../../src/flow/context.ts'
import { directory } from '../../../src/vaults/directory.ts'
import { bytesOf, noise, spooled, tempFolder } from '../house.ts'
import { alice } from '../sealed/keys.ts'
import { headerPacks } from '../sealed/shred-house.ts'
import { counting, keyIn, shownOf, wipe } from './wiped.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const EVERY = process.env.PERDURE_SLOW === '1'

/** What the machine had, before it was lost. */
async function template() {
  const folder = await tempFolder()
  const archive = await createArchive({
    path: join(folder, 'archive'),
    vaults: vaultsIn(folder),
    identities: [alice.identity],
    recipients: [alice.recipient],
    maxPackBytes: 300_000,
  })
  const open = await archive.put(noise(1_000_000, 'open'), { name: 'open', public: true })
  const sealed = await archive.put(noise(10_000, 'sealed'), { name: 'sealed' })
  const erasable = await archive.put(noise(10_000, 'erasable'), { name: 'erasable', erasable: true })
  const removed = await archive.put(noise(10_000, 'removed'), { public: true })
  const shredded = await archive.put(noise(10_000, 'shredded'), { erasable: true })
  const headers = await headerPacks({ folder }, shredded.root)
  await archive.rm(removed.root)
  await archive.shred(shredded.root)
  const expected = await shownOf(archive)
  await archive.close()
  const key = await keyIn(folder)
  await wipe(folder)
  return {
    folder,
    expected,
    key,
    headers,
    roots: { open: open.root, sealed: sealed.root, erasable: erasable.root, shredded: shredded.root },
  }
}

const vaultsIn = (folder: string) => ['a', 'b'].map((id) => directory({ id, at: join(folder, id) }))

async function killed(folder: string, nth: number, moment: string, key: string | undefined): Promise<number | 'killed'> {
  try {
    const args = [CHILD, folder, String(nth), moment, ...(key === undefined ? [] : [key])]
    const { stdout } = await run(process.execPath, args, { env: { ...process.env, PERDURE_TEST_IDENTITY: alice.identity } })
    return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { calls: number }).calls
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return 'killed'
    throw error
  }
}

describe('kill -9 at any step of recover, then the same command again', () => {
  it.each([
    ['after', 'given', 9],
    ['before', 'lost', 11],
  ] as const)(
    'converges to what was there, and stores no content, killed %s the call, with the key %s',
    { timeout: 300_000 },
    async (moment, keyIs, every) => {
      const made = await template()
      const key = keyIs === 'given' ? made.key : undefined
      const copy = async () => {
        const folder = await tempFolder()
        await cp(made.folder, folder, { recursive: true, preserveTimestamps: true })
        return folder
      }
      const total = Number(await killed(await copy(), 0, moment, key))
      expect(total).toBeGreaterThan(25)
      const points = Array.from({ length: total }, (_, index) => index + 1).filter((nth) => EVERY || nth % every === 0)
      await eachOf(points, 2, async (nth) => {
        const at = `after a kill ${moment} call ${nth}`
        const folder = await copy()
        expect(await killed(folder, nth, moment, key), `call ${nth} kills it`).toBe('killed')
        const uploads: string[] = []
        const config = {
          path: join(folder, 'archive'),
          vaults: vaultsIn(folder).map((vault) => counting(vault, uploads)),
          identities: [alice.identity],
        }
        const report = await recoverArchive(config, { key })
        expect(report, at).toMatchObject({
          halted: false,
          incomplete: { count: 0 },
          orphans: { count: 0 },
          unread: { count: 0 },
          headers: { remaining: [] },
        })
        const archive = await createArchive({ ...config, timeoutMs: 2_000 })
        try {
          expect(await shownOf(archive), at).toEqual(made.expected)
          for (const root of [made.roots.open, made.roots.sealed, made.roots.erasable])
            expect(await archive.verify(root), `${root} ${at}`).toMatchObject({ state: 'satisfied' })
          expect((await bytesOf(archive.get(made.roots.sealed))).equals(noise(10_000, 'sealed'))).toBe(true)
          expect((await archive.status(made.roots.shredded)).shredded, at).toMatchObject({ complete: true })
          expect(await archive.certificate(made.roots.shredded), at).toMatchObject({ state: 'complete' })
        } finally {
          await archive.close()
        }
        expect(uploads, at).toEqual([])
        expect(await spooled(folder), at).toEqual([])
        expect((await readFile(join(folder, 'archive', 'fingerprint.key'), 'utf8')).length, at).toBeGreaterThan(40)
        const cars = await readdir(join(folder, 'a', 'packs'), { recursive: true })
        for (const name of made.headers)
          expect(
            cars.some((path) => path.includes(name)),
            at,
          ).toBe(false)
        const catalog = await openCatalog({ path: join(folder, 'archive', 'catalog.sqlite') })
        expect(await catalog.foundArchives(), 'nothing is left of what was found').toEqual([])
        await catalog.close()
      })
    },
  )
})
