import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import { installedXattrs } from '../../src/flow/xattr-access.ts'
import { directory } from '../../src/vaults/directory.ts'
import { memoryXattrs } from '../fakes/xattrs.ts'
import { alice } from '../flow/sealed/keys.ts'
import { type Place, place } from './run.ts'

const installed = await installedXattrs().catch(() => undefined)

const IDENTITY = 'id.txt'
const with_ = ['--identity', IDENTITY]

/** Two vaults, a key, and an album. */
async function prepared(): Promise<Place> {
  const at = await place()
  await at.run(['init', '--vault', 'directory:a', '--vault', 'directory:b'])
  const file = join(at.cwd, 'perdure.json')
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), recipients: [alice.recipient] }))
  await writeFile(join(at.cwd, IDENTITY), `${alice.identity}\n`, { mode: 0o600 })
  await mkdir(join(at.cwd, 'album/summer'), { recursive: true })
  await writeFile(join(at.cwd, 'album/summer/beach.txt'), 'sand and salt\n', { mode: 0o640 })
  await writeFile(join(at.cwd, 'album/plan.txt'), 'towel\n')
  return at
}

const rootOf = async (at: Place, args: readonly string[]) => String((await at.json(['put', ...args])).document.root)

describe('put with recipients', () => {
  it('seals, says the name to whoever put it, keeps it out of the receipt, and reuses what did not change', async () => {
    await using at = await prepared()
    const first = await at.run(['put', 'album'])
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^satisfied {2}bafy\w+ .*album/) })
    const { document } = await at.json(['put', 'album'])
    expect(document).toMatchObject({ visibility: 'sealed' })
    expect(document).not.toHaveProperty('name')
    expect((await at.run(['put', 'album'])).stderr).toMatch(/\(2 files\) of bafy\w+ were stored before/)
    expect(first.stdout).toContain(String(document.root))
    expect(await rootOf(at, ['album', '--no-reuse'])).not.toBe(document.root)
    expect(await rootOf(at, ['album', '--trust-mtime'])).toBe(document.root)
    expect((await at.json(['put', 'album', '--public'])).document).toMatchObject({ visibility: 'public', name: 'album' })
    expect((await at.json(['put', 'album', '--pad'])).document).toMatchObject({ visibility: 'sealed' })
  })

  it('refuses the other profile, and what is for sealed content where nothing is sealed', async () => {
    await using at = await prepared()
    const refused = await at.json(['put', 'album', '--profile', 'unixfs-v0-2015'])
    expect(refused).toMatchObject({ code: 2, document: { error: { code: 'invalid' } } })
    expect(await at.json(['put', 'album', '--public', '--pad'])).toMatchObject({ code: 2, document: { error: { code: 'invalid' } } })
  })
})

describe('reading what is sealed', () => {
  it('ls, cat and get open it with an identity', async () => {
    await using at = await prepared()
    const root = await rootOf(at, ['album'])
    expect((await at.run(['ls', ...with_])).stdout).toBe(`${root}  album\n`)
    expect((await at.run(['ls', root, ...with_])).stdout.split('\n').sort()).toEqual(['', 'plan.txt', 'summer/', 'summer/beach.txt'])
    expect((await at.run(['cat', `${root}/summer/beach.txt`, '--offset', '9', '--length', '4', ...with_])).stdout).toBe('salt')
    expect(await at.run(['get', root, '-o', 'out', ...with_])).toMatchObject({ code: 0 })
    expect(await readFile(join(at.cwd, 'out/summer/beach.txt'), 'utf8')).toBe('sand and salt\n')
    expect((await stat(join(at.cwd, 'out/summer/beach.txt'))).mode & 0o777).toBe(0o640)
    const file = await rootOf(at, ['album/plan.txt'])
    await mkdir(join(at.cwd, 'folder'))
    expect((await at.run(['get', file, '-o', 'folder', ...with_])).code).toBe(0)
    expect(await readFile(join(at.cwd, 'folder/plan.txt'), 'utf8')).toBe('towel\n')
  })

  it('without one, ls and status say that it is sealed, verify and repair work, and opening fails with the way out', async () => {
    await using at = await prepared()
    const root = await rootOf(at, ['album'])
    expect((await at.run(['ls'])).stdout).toBe(`${root}  (sealed)\n`)
    expect((await at.json(['ls'])).document).toMatchObject({ objects: [{ root, sealed: true }] })
    expect((await at.run(['status', root])).stdout).toContain('(sealed)')
    expect((await at.run(['verify', root, '--level', 'whole'])).code).toBe(0)
    expect((await at.run(['repair'])).code).toBe(0)
    for (const args of [
      ['cat', `${root}/plan.txt`],
      ['get', root, '-o', 'out'],
      ['ls', root],
    ]) {
      const { code, document } = await at.json(args)
      expect([code, document.error]).toEqual([1, { code: 'no-identity', message: expect.stringContaining('--identity FILE') }])
    }
  })
})

describe('extended attributes on the command line', () => {
  /** Put with attributes in memory, into the archive that the command line works on. */
  async function withAttributes(at: Place): Promise<string> {
    const xattrs = memoryXattrs()
    for (let number = 0; number < 25; number++) xattrs.of(join(at.cwd, 'album/plan.txt')).set(`user.${number + 10}`, Uint8Array.of(number))
    const vaults = ['a', 'b'].map((id) => directory({ id, at: join(at.cwd, id) }))
    await using archive = await createArchive({
      path: join(at.cwd, '.perdure'),
      vaults,
      recipients: [alice.recipient],
      loadXattrs: async () => xattrs.functions,
    })
    return (await archive.put(join(at.cwd, 'album'), { xattrs: true })).root
  }

  it('are refused where nothing is sealed', async () => {
    await using at = await prepared()
    const refused = await at.json(['put', 'album', '--public', '--xattrs'])
    expect(refused).toMatchObject({ code: 2, document: { error: { code: 'invalid', message: expect.stringContaining('UnixFS') } } })
  })

  it.skipIf(installed)('name the package that they take', async () => {
    await using at = await prepared()
    const refused = await at.json(['put', 'album', '--xattrs'])
    const message = expect.stringContaining('npm install fs-xattr')
    expect(refused).toMatchObject({ code: 1, document: { error: { code: 'unsupported-runtime', message } } })
    const root = await withAttributes(at)
    const got = await at.run(['get', root, '-o', 'out', '--xattrs', ...with_])
    expect(got.code).toBe(0)
    const notes = got.stdout.split('\n').filter((line) => line.includes('note'))
    expect(notes).toHaveLength(21)
    expect(notes[0]).toMatch(/user\.10 of plan\.txt: .*npm install fs-xattr/)
    expect(notes[20]).toContain('and 5 extended attributes more')
    const again = await at.json(['get', root, '-o', 'out', '--xattrs', ...with_])
    expect(again).toMatchObject({ code: 0, document: { xattrs: { set: 0, refused: 25 } } })
    expect((await at.json(['get', root, '-o', 'out', ...with_])).document).not.toHaveProperty('xattrs')
  })

  it('are listed in base64', async () => {
    await using at = await prepared()
    const root = await withAttributes(at)
    const { document } = await at.json(['ls', `${root}/plan.txt`, ...with_])
    expect(document).toMatchObject({ entries: [{ path: 'plan.txt', xattrs: { 'user.10': 'AA==', 'user.34': 'GA==' } }] })
  })
})
