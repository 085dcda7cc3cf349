import { execFile } from 'node:child_process'
import { appendFile, cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { Archive, ObjectState, Vault } from '../../src/contracts.ts'
import { eachOf } from '../../src/flow/context.ts'
import { directory } from '../../src/vaults/directory.ts'
import { all, bytesOf, files, flip, noise, only, tempFolder, treeOf } from './house.ts'
import { logInFolder } from './log-house.ts'
import { alice, bob } from './sealed/keys.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
const EVERY = process.env.PERDURE_SLOW === '1'
if (!EVERY) console.warn('crash sweep: only part of the kill points (PERDURE_SLOW=1 runs every one)')

type Verb = 'put' | 'put-sealed' | 'repair' | 'shred' | 'recipients'
type Moment = 'before' | 'after'
interface Said {
  readonly root: string
  readonly state: ObjectState
}

/** Runs the verb in a process of its own that is killed at that call; resolves to the number of calls when it lives. */
async function killed(folder: string, verb: Verb, nth: number, moment: Moment): Promise<number | 'killed'> {
  try {
    const recipient = verb === 'recipients' ? bob.recipient : alice.recipient
    const env = { ...process.env, PERDURE_TEST_IDENTITY: alice.identity, PERDURE_TEST_RECIPIENT: recipient }
    const { stdout } = await run(process.execPath, [CHILD, folder, verb, String(nth), moment], { env })
    return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { calls: number }).calls
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return 'killed'
    throw error
  }
}

/** The same command again, by a process that lives. */
async function again(folder: string, verb: Verb): Promise<Said | undefined> {
  const logged = (vault: Vault): Vault => ({
    ...vault,
    put: async (pack, options) => {
      const at = await vault.put(pack, options)
      await appendFile(join(folder, 'uploads.log'), `put ${vault.profile.id} ${pack.name}\n`)
      return at
    },
  })
  const vaults = ['a', 'b'].map((id) => logged(directory({ id, at: join(folder, id) })))
  const keys = verb === 'put-sealed' ? { recipients: [alice.recipient], identities: [alice.identity] } : {}
  await using archive = await createArchive({ path: join(folder, 'archive'), vaults, maxPackBytes: 700_000, ...keys })
  if (verb === 'put-sealed') {
    const receipt = await archive.put(join(folder, 'tree'))
    await archive.restore(receipt.root, join(folder, 'restored'))
    return receipt
  }
  if (verb === 'put') {
    const receipt = await archive.put(join(folder, 'tree'))
    await expectWholeLog(archive, folder, receipt)
    return receipt
  }
  let said: Said | undefined
  for await (const report of archive.repairAll()) said = report
  if (said) await expectWholeLog(archive, folder, said)
  return said
}

/** Whenever it was killed: the write is entered, nothing contradicts the log, and every vault has all of it. */
async function expectWholeLog(archive: Archive, folder: string, { root }: Said): Promise<void> {
  const entries = (await all(archive.logEntries())).map(({ entry }) => entry)
  expect(entries.some((entry) => entry.kind === 'write' && entry.root === root)).toBe(true)
  expect(await archive.verifyLog()).toMatchObject({ valid: true })
  expect(await archive.checkHistory()).toMatchObject({ verdict: 'consistent' })
  await archive.publishLog()
  for (const { id } of archive.vaults)
    expect(await logInFolder(join(folder, id), archive.publicKey)).toMatchObject({ size: entries.length, gap: undefined })
}

async function newTree(): Promise<string> {
  const folder = await tempFolder()
  await files(join(folder, 'tree'), { 'one.bin': noise(900_000, 'one'), 'sub/two.bin': noise(500_000, 'two'), 'sub/three.txt': 'three' })
  return folder
}

/** Uploads of content packs that a vault had accepted, by vault and pack. */
async function contentUploads(folder: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile(join(folder, 'uploads.log'), 'utf8')).trim().split('\n')
  const content = new Set((await readdir(join(folder, 'a', 'packs'), { recursive: true })).map((path) => path.split('/').at(-1)))
  const counts = new Map<string, number>()
  for (const line of lines) if (content.has(`${line.split(' ').at(-1)}.car`)) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

const spooled = async (folder: string) => [
  ...(await readdir(join(folder, 'archive', 'spool', 'parts'))),
  ...(await readdir(join(folder, 'archive', 'spool', 'packs'))),
]

const points = (total: number, every: number) =>
  Array.from({ length: total }, (_, index) => index + 1).filter((nth) => EVERY || nth % every === 0)

describe('kill -9 at any step of put, then the same command again', () => {
  it.each([
    ['after', 1],
    ['before', 4],
  ] as const)(
    'converges to one whole copy per vault and uploads nothing twice, killed %s the call',
    { timeout: 300_000 },
    async (moment, every) => {
      const plain = await newTree()
      const total = await killed(plain, 'put', 0, moment)
      expect(total).toBeGreaterThan(20)
      const expected = await again(plain, 'put')
      await eachOf(points(Number(total), every), 2, async (nth) => {
        const folder = await newTree()
        expect(await killed(folder, 'put', nth, moment), `call ${nth} kills it`).toBe('killed')
        expect(await again(folder, 'put'), `after a kill ${moment} call ${nth}`).toMatchObject({ root: expected?.root, state: 'satisfied' })
        expect(Math.max(...(await contentUploads(folder)).values()), `uploads after a kill ${moment} call ${nth}`).toBe(1)
        expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
      })
    },
  )
})

describe('kill -9 at any step of a sealed put, then the same command again', () => {
  it.each([
    ['after', 2],
    ['before', 7],
  ] as const)(
    'converges to one whole copy per vault that opens, uploads no pack twice and leaves nothing, killed %s the call',
    { timeout: 300_000 },
    async (moment, every) => {
      const plain = await newTree()
      const total = await killed(plain, 'put-sealed', 0, moment)
      expect(total).toBeGreaterThan(20)
      const content = await treeOf(join(plain, 'tree'))
      await eachOf(points(Number(total), every), 2, async (nth) => {
        const folder = await newTree()
        expect(await killed(folder, 'put-sealed', nth, moment), `call ${nth} kills it`).toBe('killed')
        expect(await again(folder, 'put-sealed'), `after a kill ${moment} call ${nth}`).toMatchObject({ state: 'satisfied' })
        expect(await treeOf(join(folder, 'restored')), `restored after a kill ${moment} call ${nth}`).toEqual(content)
        expect(Math.max(...(await contentUploads(folder)).values()), `uploads after a kill ${moment} call ${nth}`).toBe(1)
        expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
        // Whatever was sealed is stored once: another run seals nothing.
        const uploads = await readFile(join(folder, 'uploads.log'), 'utf8')
        await again(folder, 'put-sealed')
        const later = (await readFile(join(folder, 'uploads.log'), 'utf8')).slice(uploads.length)
        const packs = new Set((await readdir(join(folder, 'a', 'packs'), { recursive: true })).map((path) => path.split('/').at(-1)))
        expect(later.split('\n').filter((line) => packs.has(`${line.split(' ').at(-1)}.car`))).toEqual([])
      })
    },
  )
})

describe('kill -9 at any step of repair, then repair again', () => {
  it.each([
    ['after', 3],
    ['before', 7],
  ] as const)('converges to satisfied, killed %s the call', { timeout: 300_000 }, async (moment, every) => {
    const template = await newTree()
    const stored = await again(template, 'put')
    const packs = (await readdir(join(template, 'b', 'packs'), { recursive: true })).filter((path) => path.endsWith('.car'))
    for (const pack of packs) await flip(join(template, 'b', 'packs', pack), 200)
    const damaged = async () => {
      const folder = await tempFolder()
      await cp(template, folder, { recursive: true, preserveTimestamps: true })
      return folder
    }
    const total = await killed(await damaged(), 'repair', 0, moment)
    expect(total).toBeGreaterThan(20)
    await eachOf(points(Number(total), every), 2, async (nth) => {
      const folder = await damaged()
      expect(await killed(folder, 'repair', nth, moment), `call ${nth} kills it`).toBe('killed')
      expect(await again(folder, 'repair'), `after a kill ${moment} call ${nth}`).toMatchObject({ root: stored?.root, state: 'satisfied' })
      expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
    })
  })
})

/** Seals for alice; alice and bob can open. */
const sealedArchive = (folder: string) =>
  createArchive({
    path: join(folder, 'archive'),
    vaults: ['a', 'b'].map((id) => directory({ id, at: join(folder, id) })),
    recipients: [alice.recipient],
    identities: [alice.identity, bob.identity],
  })

describe('kill -9 at any step of changing recipients, then the same again', () => {
  it.each([
    ['after', 3],
    ['before', 4],
  ] as const)(
    'converges to one object that only the new recipient opens, killed %s the call',
    { timeout: 300_000 },
    async (moment, every) => {
      const template = await tempFolder()
      const made = await sealedArchive(template)
      const content = noise(2_100_000)
      const { root } = await made.put(content)
      await made.close()
      const stored = async () => {
        const folder = await tempFolder()
        await cp(template, folder, { recursive: true, preserveTimestamps: true })
        return folder
      }
      const total = await killed(await stored(), 'recipients', 0, moment)
      expect(total).toBeGreaterThan(20)
      await eachOf(points(Number(total), every), 2, async (nth) => {
        const folder = await stored()
        expect(await killed(folder, 'recipients', nth, moment), `call ${nth} kills it`).toBe('killed')
        const archive = await sealedArchive(folder)
        try {
          const again = await archive.changeRecipients(root, { set: [bob.recipient] }).catch((error: { code: string }) => error.code)
          if (again === 'unknown-root') await archive.prune()
          const object = only(await all(archive.objects()))
          expect(object.root, `after a kill ${moment} call ${nth}`).not.toBe(root)
          expect(await archive.recipients(object.root)).toEqual([bob.recipient])
          expect(await archive.repair(object.root)).toMatchObject({ state: 'satisfied' })
          expect((await bytesOf(archive.get(object.root))).equals(content), `after a kill ${moment} call ${nth}`).toBe(true)
        } finally {
          await archive.close()
        }
        expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
      })
    },
  )
})

describe('kill -9 at any step of shred, then shred again', () => {
  it.each([
    ['after', 2],
    ['before', 3],
  ] as const)('converges to headers that are nowhere, killed %s the call', { timeout: 300_000 }, async (moment, every) => {
    const template = await tempFolder()
    const open = sealedArchive
    const made = await open(template)
    const { root } = await made.put(noise(1_000_000), { erasable: true })
    await made.close()
    const stored = async () => {
      const folder = await tempFolder()
      await cp(template, folder, { recursive: true, preserveTimestamps: true })
      return folder
    }
    const total = await killed(await stored(), 'shred', 0, moment)
    expect(total).toBeGreaterThan(10)
    await eachOf(points(Number(total), every), 2, async (nth) => {
      const folder = await stored()
      expect(await killed(folder, 'shred', nth, moment), `call ${nth} kills it`).toBe('killed')
      const archive = await open(folder)
      try {
        for await (const report of archive.repairAll()) if (report.state === 'satisfied') expect(report.actions).toEqual([])
        const marked = (await archive.certificate(root)) !== undefined || (await archive.status(root)).shredded !== undefined
        if (marked) expect((await archive.repair(root)).actions, `repair after a kill ${moment} call ${nth}`).toEqual([])
        expect(await archive.shred(root), `after a kill ${moment} call ${nth}`).toMatchObject({ state: 'complete' })
      } finally {
        await archive.close()
      }
      expect(await spooled(folder), `spool after a kill ${moment} call ${nth}`).toEqual([])
      for (const vault of ['a', 'b'])
        for (const path of await readdir(join(folder, vault), { recursive: true }))
          if (path.endsWith('.car'))
            expect(
              (await readFile(join(folder, vault, path))).includes('age-encryption.org'),
              `${path} after a kill ${moment} call ${nth}`,
            ).toBe(false)
    })
  })
})
