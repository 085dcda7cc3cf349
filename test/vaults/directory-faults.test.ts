import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { vaultCases } from '../../src/conformance/vault.ts'
import { assertHolds, assertNothing, counted, readAll } from '../../src/conformance/vault-context.ts'
import { directory } from '../../src/vaults/directory.ts'

const NOBODY = 65534
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const isRoot = process.getuid?.() === 0

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perdure-faults-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a directory vault of a process without rights', () => {
  const suite = script('suite.child.ts')
  const dropped = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const readable = canRun()

  it.skipIf(!readable)('passes the conformance cases, and denied is not absent', async () => {
    await chmod(folder, 0o755)
    const own = join(folder, 'own')
    await mkdir(own)
    if (isRoot) await chown(own, NOBODY, NOBODY)
    const { stdout } = await promisify(execFile)(process.execPath, [suite, join(own, 'vault')], dropped)
    const { uid, passed, failed, denials } = JSON.parse(stdout)
    expect(uid).not.toBe(0)
    expect(failed).toEqual([])
    expect(passed).toContain('denied is not absent, on any method')
    const vault = directory({ at: folder })
    const meant = vaultCases.filter(({ needs, wants }) => (!needs || vault[needs]) && (wants === undefined || wants === 'deny'))
    expect(passed.length).toBe(meant.length)
    expect(denials).toEqual({
      'read of a file without permission': 'denied',
      'put without write permission': 'denied',
      'open without write permission': 'denied',
      'open of a closed folder': 'denied',
    })
  })

  /** A checkout in a private home cannot be read by another user. */
  function canRun(): boolean {
    if (process.platform === 'win32') return false
    try {
      accessSync(suite)
      execFileSync(process.execPath, ['-e', 'require("node:fs").accessSync(process.argv[1])', suite], { ...dropped, stdio: 'ignore' })
      return true
    } catch {
      console.warn('SKIPPED: user nobody cannot read this checkout, so permissions of the directory vault were not tested')
      return false
    }
  }
})

describe('a directory vault on a disk of its own', () => {
  let disk: string
  const mounted = canMount()

  beforeEach(async () => {
    disk = join(folder, crypto.randomUUID())
    await mkdir(disk)
    if (mounted) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
  })
  afterEach(() => {
    // Fails where the test has unmounted it itself.
    if (mounted) spawnSync('umount', ['-l', disk])
  })

  it.skipIf(!mounted)('is exhausted when the pack does not fit, and says so before it writes', async () => {
    const vault = directory({ at: disk, reserveBytes: 0 })
    await vault.open?.()
    const large = await samplePack({ blocks: 3, blockLength: 1024 * 1024 })
    const { pack: watched, sent } = counted(large)
    await expect(vault.put(watched)).rejects.toMatchObject({ code: 'exhausted' })
    expect(sent()).toBe(0)
    const small = await samplePack({ blockLength: 100_000 })
    await assertHolds(vault, await vault.put(small), small)
  })

  it.skipIf(!mounted)('is exhausted when the disk fills up meanwhile, leaves nothing, and goes on when there is space again', async () => {
    const vault = directory({ at: disk, reserveBytes: 0 })
    await vault.open?.()
    const pack = await samplePack({ blocks: 1, blockLength: 1024 * 1024 })
    const filler = join(disk, 'filler')
    const filling = {
      ...pack,
      open: async function* (options?: Parameters<typeof pack.open>[0]) {
        await writeFile(filler, Buffer.alloc(1_500_000))
        yield* pack.open(options)
      },
    }
    await expect(vault.put(filling)).rejects.toMatchObject({ code: 'exhausted', cause: expect.objectContaining({ code: 'ENOSPC' }) })
    await assertNothing(vault, pack)
    expect(await readdir(join(disk, 'tmp'))).toEqual([])
    await unlink(filler)
    await assertHolds(vault, await vault.put(pack), pack)
  })

  it.skipIf(!mounted)('denies writing and still reads when the disk is mounted read-only', async () => {
    const vault = directory({ at: disk, reserveBytes: 0 })
    await vault.open?.()
    const pack = await samplePack()
    const at = await vault.put(pack)
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await assertHolds(vault, at, pack)
    await expect(vault.put(await samplePack({ seed: 'other' }))).rejects.toMatchObject({ code: 'denied' })
    await expect(vault.remove?.(at)).rejects.toMatchObject({ code: 'denied' })
    await expect(directory({ at: disk }).open?.()).rejects.toMatchObject({ code: 'denied' })
  })

  it.skipIf(!mounted)('is unreachable once it is unmounted, and nothing lands on the disk below', async () => {
    const vault = directory({ at: disk, reserveBytes: 0 })
    const profile = await vault.open?.()
    expect(profile?.operator).not.toBe((await directory({ at: join(folder, 'elsewhere') }).open?.())?.operator)
    const pack = await samplePack()
    const at = await vault.put(pack)
    execFileSync('umount', [disk])
    await expect(vault.locate(pack.name)).rejects.toMatchObject({ code: 'unreachable' })
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'unreachable' })
    await expect(readAll(vault, at, { cid: pack.root, offset: 0, length: 1 })).rejects.toMatchObject({ code: 'unreachable' })
    await expect(directory({ at: disk, mustExist: true }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
    expect(await readdir(disk)).toEqual([])
  })

  function canMount(): boolean {
    if (!isRoot) return warn()
    const probe = join(tmpdir(), `perdure-mount-${process.pid}`)
    try {
      execFileSync('mkdir', ['-p', probe])
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' })
      execFileSync('umount', [probe])
      execFileSync('rmdir', [probe])
      return true
    } catch {
      return warn()
    }
  }

  function warn(): boolean {
    console.warn('SKIPPED: this user may not mount a tmpfs, so full, read-only and unmounted disks were not tested')
    return false
  }
})

describe('a directory vault whose writer is killed', () => {
  it('holds nothing of the pack, and clears the rest away when it is opened again', async () => {
    const at = join(folder, 'killed')
    const child = spawn(process.execPath, [script('slow-put.child.ts'), at], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')

    const pack = await samplePack({ seed: 'killed', blocks: 6, blockLength: 1024 * 1024 })
    const vault = directory({ at })
    await assertNothing(vault, pack)
    expect(await readdir(join(at, 'tmp'))).toHaveLength(1)
    await vault.open?.()
    expect(await readdir(join(at, 'tmp'))).toEqual([])
    expect(dirname(await vault.put(pack))).toMatch(/^packs\//)
    await assertHolds(vault, (await vault.locate(pack.name)) ?? '', pack)
  })
})
