import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { samplePack } from '../../src/conformance/fixture.ts'
import { assertHolds, readAll } from '../../src/conformance/vault-context.ts'
import type { Listed, Pack, Vault } from '../../src/contracts.ts'
import { host } from '../../src/vaults/directory/paths.ts'
import { directory } from '../../src/vaults/directory.ts'

let at: string
let vault: Vault

beforeEach(async () => {
  at = join(await mkdtemp(join(tmpdir(), 'perdure-directory-')), 'Vault 1')
  vault = directory({ at })
  await vault.open?.()
})
afterEach(() => rm(dirname(at), { recursive: true, force: true }))

async function listed(of = vault): Promise<readonly Listed[]> {
  const found: Listed[] = []
  for await (const each of of.list?.() ?? []) found.push(each)
  return found
}

/** A spool that gives its file away once. */
async function spooled(
  pack: Awaited<ReturnType<typeof samplePack>>,
): Promise<Pack & { readonly file: string; readonly opened: () => number }> {
  const file = join(dirname(at), 'spooled.car')
  await writeFile(file, pack.bytes)
  let opened = 0
  return {
    ...pack,
    file,
    opened: () => opened,
    open: (options) => {
      opened++
      return pack.open(options)
    },
    adopt: async (path) => {
      await link(file, path)
      return true
    },
  }
}

describe('opening a directory vault', () => {
  it('does nothing before open, then makes the folder and finds the device', async () => {
    const fresh = directory({ at: join(at, 'deep', 'er'), region: 'eu', labels: { rack: 'b2' } })
    expect(fresh.profile).toMatchObject({ id: 'er', network: 'local', operator: 'device-unknown', labels: { rack: 'b2' } })
    await expect(stat(join(at, 'deep'))).rejects.toThrow('ENOENT')
    const { dev } = await stat(at)
    expect(await fresh.open?.()).toMatchObject({ operator: `device-${dev}`, region: 'eu', labels: { rack: 'b2', device: String(dev) } })
    expect(JSON.parse(await readFile(join(at, 'deep', 'er', 'perdure-vault.json'), 'utf8'))).toMatchObject({ version: 1, id: 'er' })
  })

  it('names itself after its folder', () => expect(vault.profile.id).toBe('vault-1'))

  it('lets two folders on one device share a failure domain, and an operator of its own stand', async () => {
    const [one, two] = await Promise.all([vault.open?.(), directory({ at: `${at}-2` }).open?.()])
    expect(one?.operator).toBe(two?.operator)
    expect((await directory({ at, operator: 'me', labels: { device: 'raid' } }).open?.()) ?? {}).toMatchObject({
      operator: 'me',
      labels: { device: 'raid' },
    })
  })

  it('refuses a path that is not a folder', async () => {
    await writeFile(join(at, 'file'), '')
    await expect(directory({ at: join(at, 'file') }).open?.()).rejects.toMatchObject({ code: 'invalid' })
    await expect(directory({ at: join(at, 'file', 'below') }).open?.()).rejects.toMatchObject({ code: 'invalid' })
  })

  it('refuses a layout of a later version and writes a half-written marker again', async () => {
    const marker = join(at, 'perdure-vault.json')
    await writeFile(marker, '{"version":2}')
    await expect(vault.open?.()).rejects.toMatchObject({ code: 'unsupported' })
    await writeFile(marker, '{"vers')
    await vault.open?.()
    expect(JSON.parse(await readFile(marker, 'utf8')).version).toBe(1)
  })

  it('makes nothing with mustExist: an empty folder may be a disk that is not mounted', async () => {
    const empty = `${at}-mount`
    await mkdir(empty)
    await expect(directory({ at: empty, mustExist: true }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
    await expect(directory({ at: `${at}-gone`, mustExist: true }).open?.()).rejects.toMatchObject({ code: 'unreachable' })
    expect(await readdir(empty)).toEqual([])
    await directory({ at, mustExist: true }).open?.()
  })

  it('clears what dead and idle writers left, and nothing else', async () => {
    const parts = join(at, 'tmp')
    const mine = `${host}.${process.pid}.0a.part`
    const dead = `${host}.4194303.0b.part`
    const elsewhere = 'another-host.4194303.0c.part'
    for (const file of [mine, dead, elsewhere, 'notes.txt']) await writeFile(join(parts, file), 'x')
    await utimes(join(parts, mine), 0, 0)
    await vault.open?.()
    expect((await readdir(parts)).sort()).toEqual([elsewhere, mine, 'notes.txt'].sort())
  })
})

describe('storing in a directory vault', () => {
  it('lays files out by kind and shard, under a locator that is their path', async () => {
    const content = await samplePack()
    const index = await samplePack({ kind: 'index' })
    const name = content.name.toString()
    expect(await vault.put(content)).toBe(`packs/${name.slice(-3, -1)}/${name}.car`)
    expect(await readFile(join(at, await vault.put(content)))).toEqual(Buffer.from(content.bytes))
    expect(await vault.put(index)).toMatch(/^index\/[a-z2-7]{2}\/bafy[a-z2-7]+\.car$/)
    expect(await readdir(join(at, 'tmp'))).toEqual([])
  })

  it('adopts the file of the spool without opening the body', async () => {
    const pack = await spooled(await samplePack())
    const locator = await vault.put(pack)
    expect(pack.opened()).toBe(0)
    expect((await stat(join(at, locator))).ino).toBe((await stat(pack.file)).ino)
    expect(await readdir(join(at, 'tmp'))).toEqual([])
    await unlink(pack.file)
    await assertHolds(vault, locator, await samplePack())
  })

  it('refuses an adopted file of another length', async () => {
    const pack = await spooled(await samplePack())
    await truncate(pack.file, 100)
    await expect(vault.put(pack)).rejects.toMatchObject({ code: 'damaged' })
    expect(await vault.locate(pack.name)).toBeUndefined()
    expect(await readdir(join(at, 'tmp'))).toEqual([])
  })

  it('gives no name to a pack whose put was aborted after its last byte', async () => {
    const reason = new Error('aborted at the end')
    const abort = new AbortController()
    const pack = await spooled(await samplePack())
    const adopt = async (path: string) => {
      await link(pack.file, path)
      abort.abort(reason)
      return true
    }
    await expect(vault.put({ ...pack, adopt }, { signal: abort.signal })).rejects.toBe(reason)
    expect(await vault.locate(pack.name)).toBeUndefined()
    expect(await readdir(join(at, 'tmp'))).toEqual([])
  })

  it('copies when the spool keeps its file', async () => {
    const pack = await spooled(await samplePack())
    const locator = await vault.put({ ...pack, adopt: async () => false })
    expect(pack.opened()).toBe(1)
    expect((await stat(join(at, locator))).ino).not.toBe((await stat(pack.file)).ino)
  })

  it('never links to replace: the damaged file may be the very one that the spool would give', async () => {
    const pack = await spooled(await samplePack())
    const locator = await vault.put(pack)
    await writeFile(join(at, locator), Buffer.alloc(pack.byteLength))
    expect(await vault.put(pack, { replace: true })).toBe(locator)
    expect((await stat(join(at, locator))).ino).not.toBe((await stat(pack.file)).ino)
    await assertHolds(vault, locator, await samplePack())
  })

  it('writes a file anew that was cut off, and finds no pack in an empty one', async () => {
    const pack = await samplePack()
    const locator = await vault.put(pack)
    await truncate(join(at, locator), 100)
    await vault.put(pack)
    await assertHolds(vault, locator, pack)
    await truncate(join(at, locator), 0)
    expect(await vault.locate(pack.name)).toBeUndefined()
    expect(await vault.status(locator)).toBe('absent')
    expect(await listed()).toEqual([])
  })

  it('takes the write permission off files when asked, and can still replace and remove them', async () => {
    const careful = directory({ at, readOnlyFiles: true })
    for (const pack of [await samplePack({ seed: 'streamed' }), await spooled(await samplePack({ seed: 'adopted' }))]) {
      const locator = await careful.put(pack)
      expect((await stat(join(at, locator))).mode & 0o777).toBe(0o444)
      await careful.put(pack, { replace: true })
      expect((await stat(join(at, locator))).mode & 0o777).toBe(0o444)
      await careful.remove?.(locator)
      expect(await careful.status(locator)).toBe('absent')
    }
  })

  it('says how many bytes are missing before it writes one', async () => {
    const greedy = directory({ at, reserveBytes: 2 ** 52 })
    const put = greedy.put(await samplePack())
    await expect(put).rejects.toMatchObject({ code: 'exhausted', message: expect.stringMatching(/\d{13,} bytes are missing/) })
    expect(await listed()).toEqual([])
  })

  it('makes its folder of parts again when somebody cleared it away', async () => {
    for (const folder of ['tmp', 'packs']) await rm(join(at, folder), { recursive: true })
    await assertHolds(vault, await vault.put(await samplePack()), await samplePack())
  })
})

describe('finding in a directory vault', () => {
  it('passes over foreign files, links and packs in the wrong shard', async () => {
    const pack = await samplePack()
    const locator = await vault.put(pack)
    const name = `${pack.name}.car`
    const shard = dirname(join(at, locator))
    await mkdir(join(at, 'packs', 'zz'), { recursive: true })
    await writeFile(join(at, 'packs', 'zz', name), pack.bytes)
    await writeFile(join(shard, '.DS_Store'), 'x')
    await writeFile(join(shard, 'bafyfoo.car'), 'x')
    await writeFile(join(at, 'packs', 'stray.car'), 'x')
    const other = await samplePack({ seed: 'linked' })
    await symlink(join(at, locator), join(shard, `${other.name}.car`))
    expect((await listed()).map((each) => each.at)).toEqual([locator])
  })

  it('accepts no locator that it never issued', async () => {
    const [span] = await (await samplePack()).spans()
    if (!span) return expect.unreachable()
    for (const locator of ['../secret.car', 'packs/ab/../../../etc/passwd', '/etc/passwd', 'packs/zz/bafyab.car', 'tmp/x.part', '']) {
      await expect(vault.status(locator)).rejects.toMatchObject({ code: 'invalid' })
      await expect(readAll(vault, locator, span)).rejects.toMatchObject({ code: 'invalid' })
      await expect(vault.remove?.(locator)).rejects.toMatchObject({ code: 'invalid' })
    }
  })

  it('yields what there is of a file that was cut off', async () => {
    const pack = await samplePack()
    const locator = await vault.put(pack)
    await truncate(join(at, locator), 1000)
    const bytes = await readAll(vault, locator, { cid: pack.root, offset: 500, length: 2000 })
    expect(Buffer.from(bytes)).toEqual(Buffer.from(pack.bytes.subarray(500, 1000)))
  })

  it('reads a span in one chunk and a whole pack in chunks of bounded size', async () => {
    const pack = await samplePack({ blocks: 9, blockLength: 1024 * 1024 })
    const locator = await vault.put(pack)
    const sizes = async (offset: number, length: number) => {
      const found: number[] = []
      for await (const chunk of vault.read(locator, { cid: pack.root, offset, length })) found.push(chunk.byteLength)
      return found
    }
    expect(await sizes(100, 1024 * 1024)).toEqual([1024 * 1024])
    expect((await sizes(0, pack.byteLength)).slice(0, 2)).toEqual([4 * 1024 * 1024, 4 * 1024 * 1024])
    await assertHolds(vault, locator, pack)
  })
})

describe('a directory vault whose disk went away', () => {
  it('is unreachable, not empty, and nothing is written below the mount point', async () => {
    const pack = await samplePack()
    const locator = await vault.put(pack)
    const [span] = await pack.spans()
    if (!span) return expect.unreachable()
    for (const gone of ['emptied', 'removed']) {
      await rm(at, { recursive: true })
      if (gone === 'emptied') await mkdir(at)
      const away = { code: 'unreachable', message: expect.stringContaining('may not be mounted') }
      await expect(vault.locate(pack.name)).rejects.toMatchObject(away)
      await expect(vault.status(locator)).rejects.toMatchObject(away)
      await expect(readAll(vault, locator, span)).rejects.toMatchObject(away)
      await expect(vault.remove?.(locator)).rejects.toMatchObject(away)
      await expect(vault.put(pack)).rejects.toMatchObject(away)
      await expect(vault.put(pack, { replace: true })).rejects.toMatchObject(away)
      await expect(listed()).rejects.toMatchObject(away)
      if (gone === 'emptied') expect(await readdir(at)).toEqual([])
    }
  })

  it('is the same vault again when the disk is back', async () => {
    const pack = await samplePack()
    const locator = await vault.put(pack)
    await chmod(at, 0o700)
    await assertHolds(vault, (await vault.locate(pack.name)) ?? '', pack)
    expect(await vault.status(locator)).toBe('held')
  })
})
