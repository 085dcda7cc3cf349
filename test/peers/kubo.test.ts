import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { createArchive } from '../../src/archive.ts'
import type { Profile } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { files, noise, tempFolder } from '../flow/house.ts'

const KUBO = process.env.PERDURE_KUBO ?? ''
const run = promisify(execFile)

/** What Kubo 0.39 calls the profiles; v1-2025 is spelled out by its own names for the same settings. */
const SETTINGS: Readonly<Record<Profile, readonly string[]>> = {
  'unixfs-v1-2025': [
    '--cid-version=1',
    '--raw-leaves',
    '--chunker=size-1048576',
    '--max-file-links=1024',
    '--max-directory-links=0',
    '--max-hamt-fanout=256',
  ],
  'unixfs-v0-2015': [
    '--cid-version=0',
    '--raw-leaves=false',
    '--chunker=size-262144',
    '--max-file-links=174',
    '--max-directory-links=0',
    '--max-hamt-fanout=256',
  ],
}

describe.skipIf(KUBO === '')('beside a real Kubo, offline', () => {
  let repo = ''
  const ipfs = async (...args: string[]) =>
    (await run(KUBO, ['--offline', ...args], { env: { ...process.env, IPFS_PATH: repo }, maxBuffer: 1 << 28 })).stdout

  beforeAll(async () => {
    const { mkdtemp } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    repo = await mkdtemp(join(tmpdir(), 'perdure-kubo-'))
    await run(KUBO, ['init', '--empty-repo', '--profile=test'], { env: { ...process.env, IPFS_PATH: repo } })
    return async () => {
      const { rm } = await import('node:fs/promises')
      await rm(repo, { recursive: true, force: true })
    }
  })

  const added = async (profile: Profile, path: string) =>
    (await ipfs('add', '-r', '-Q', '--only-hash', '--hidden', ...SETTINGS[profile], path)).trim()

  async function sources(): Promise<string> {
    const folder = await tempFolder()
    await files(folder, {
      'empty.bin': '',
      'hello.txt': 'hello world',
      'one-chunk.bin': noise(1_048_576),
      'one-more.bin': noise(1_048_577),
      'large.bin': noise(30_000_001),
      'tree/a b.txt': 'spaces',
      'tree/.hidden': 'dot',
      'tree/sub/deep/x.bin': noise(600_000),
      'tree/ünïcödé.txt': 'é',
    })
    await symlink('a b.txt', join(folder, 'tree', 'link'))
    await mkdir(join(folder, 'tree', 'void'))
    await mkdir(join(folder, 'hamt'))
    for (let n = 0; n < 6_000; n++) await writeFile(join(folder, 'hamt', `file-number-${n}-${'x'.repeat(20)}`), 'x')
    await mkdir(join(folder, 'dirs'))
    for (let n = 0; n < 5_500; n++) await mkdir(join(folder, 'dirs', `directory-number-${n}-${'x'.repeat(20)}`))
    return folder
  }

  it.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)(
    'gives the CIDs of `ipfs add` for files, trees, symlinks and HAMTs (%s)',
    { timeout: 240_000 },
    async (profile) => {
      const folder = await sources()
      await using archive = await createArchive({
        path: join(folder, '.archive'),
        profile,
        vaults: [directory({ at: join(folder, '.vault') })],
        policy: { copies: 1 },
      })
      for (const name of ['empty.bin', 'hello.txt', 'one-chunk.bin', 'one-more.bin', 'large.bin', 'tree', 'tree/void', 'hamt', 'dirs']) {
        expect((await archive.put(join(folder, name))).root, name).toBe(await added(profile, join(folder, name)))
      }
    },
  )

  it('imports our packs with `ipfs dag import` and gives the same bytes', { timeout: 120_000 }, async () => {
    const folder = await tempFolder()
    const bytes = noise(3_000_000)
    await files(folder, { 'file.bin': bytes })
    await using archive = await createArchive({
      path: join(folder, '.archive'),
      vaults: [directory({ id: 'v', at: join(folder, 'v') })],
      policy: { copies: 1 },
    })
    const { root, replicas } = await archive.put(join(folder, 'file.bin'))
    await ipfs('dag', 'import', join(folder, 'v', replicas[0]?.locator ?? ''))
    const { stdout } = await run(KUBO, ['--offline', 'cat', root], {
      env: { ...process.env, IPFS_PATH: repo },
      encoding: 'buffer',
      maxBuffer: 1 << 28,
    })
    expect(stdout.equals(bytes)).toBe(true)
  })
})
