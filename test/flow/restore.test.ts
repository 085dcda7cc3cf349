import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RestoreEvent, Vault } from '../../src/contracts.ts'
import { directory } from '../../src/vaults/directory.ts'
import { files, house, noise, tempFolder } from './house.ts'

const BIG = noise(2_500_000, 'restore')

async function photos(folder: string): Promise<string> {
  const at = await files(join(folder, 'photos'), { 'a.txt': 'alpha', 'sub/big.bin': BIG, 'sub/zero': '', 'two\nlines/ü': 'x' })
  await mkdir(join(at, 'empty'))
  await symlink('../a.txt', join(at, 'sub/link'))
  await chmod(join(at, 'a.txt'), 0o640)
  await utimes(join(at, 'a.txt'), 1_500_000_000, 1_500_000_000)
  await chmod(join(at, 'empty'), 0o700)
  await utimes(join(at, 'sub'), 1_400_000_000, 1_400_000_000)
  return at
}

/** An archive over one directory vault whose reads are counted. */
async function counting() {
  const at = await tempFolder()
  const vault = directory({ id: 'a', at: join(at, 'a') })
  let read = 0
  const counted: Vault = {
    ...vault,
    async *read(...question) {
      for await (const bytes of vault.read(...question)) {
        read += bytes.byteLength
        yield bytes
      }
    },
  }
  const { folder, archive } = await house({ vaults: [counted], policy: { copies: 1, floor: 1 } })
  return { folder, archive, bytesRead: () => read }
}

async function listed(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).sort()
}

describe('restore', () => {
  it.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)('brings a directory back as it was (%s)', async (profile) => {
    const { folder, archive } = await house()
    const source = await photos(folder)
    const { root, byteLength } = await archive.put(source, { profile })
    const out = join(folder, 'out')
    const events: RestoreEvent[] = []
    const report = await archive.restore(root, out, { onProgress: (event) => events.push(event) })
    expect(report).toEqual({ root, target: out, files: 4, byteLength, reused: 0, warnings: [] })
    expect(await listed(out)).toEqual(await listed(source))
    expect(await readFile(join(out, 'sub/big.bin'))).toEqual(BIG)
    expect(await readlink(join(out, 'sub/link'))).toBe('../a.txt')
    for (const path of ['', 'a.txt', 'empty', 'sub', 'sub/big.bin']) {
      const [was, is] = await Promise.all([stat(join(source, path)), stat(join(out, path))])
      expect([path, is.mode]).toEqual([path, was.mode])
      expect(Math.abs(is.mtimeMs - was.mtimeMs)).toBeLessThan(0.01)
    }
    const bytes = events.flatMap((event) => (event.type === 'bytes-restored' ? [event] : []))
    expect(bytes.reduce((sum, event) => sum + event.byteLength, 0)).toBe(byteLength)
    expect(bytes.every(({ total }) => total === byteLength)).toBe(true)
    expect(await archive.restore(root, out)).toMatchObject({ files: 4, byteLength, reused: 4, warnings: [] })
  })

  it('recognises files by their content, without reading them from a vault', async () => {
    const { folder, archive, bytesRead } = await counting()
    const { root } = await archive.put(await photos(folder))
    const out = join(folder, 'out')
    const before = bytesRead()
    await archive.restore(root, out)
    const first = bytesRead() - before
    expect(first).toBeGreaterThan(BIG.byteLength)
    const { ino } = await lstat(join(out, 'sub/big.bin'))
    expect(await archive.restore(root, out)).toMatchObject({ files: 4, reused: 4 })
    expect(bytesRead() - before - first).toBeLessThan(10_000)
    expect((await lstat(join(out, 'sub/big.bin'))).ino).toBe(ino)
  })

  it('finishes what was left: only files that are missing or damaged are read, the damaged ones only with overwrite', async () => {
    const { folder, archive } = await house()
    const { root } = await archive.put(await photos(folder))
    const out = join(folder, 'out')
    await archive.restore(root, out)
    await rm(join(out, 'a.txt'))
    expect(await archive.restore(root, out)).toMatchObject({ files: 4, reused: 3 })
    const damaged = Buffer.from(BIG)
    damaged[2_000_000] = (damaged[2_000_000] ?? 0) ^ 1
    await writeFile(join(out, 'sub/big.bin'), damaged)
    await expect(archive.restore(root, out)).rejects.toMatchObject({ name: 'ArchiveError', code: 'exists' })
    expect(await readFile(join(out, 'sub/big.bin'))).toEqual(damaged)
    expect(await archive.restore(root, out, { overwrite: true })).toMatchObject({ files: 4, reused: 3 })
    expect(await readFile(join(out, 'sub/big.bin'))).toEqual(BIG)
  })

  it('restores a part of a tree: a directory into the target, a file to it', async () => {
    const { folder, archive } = await house()
    const { root } = await archive.put(await photos(folder))
    const out = join(folder, 'out')
    await archive.restore(root, join(out, 'sub'), { path: 'sub' })
    expect(await listed(join(out, 'sub'))).toEqual(['big.bin', 'link', 'zero'])
    expect((await stat(join(out, 'sub'))).mtimeMs).toBe(1_400_000_000_000)
    await archive.restore(root, out, { path: '/a.txt/' })
    expect(await readFile(join(out, 'a.txt'), 'utf8')).toBe('alpha')
    expect((await stat(join(out, 'a.txt'))).mode & 0o777).toBe(0o640)
  })

  it('restores a single file under its own name into a directory, and to a path', async () => {
    const { folder, archive } = await house()
    const { root } = await archive.put(BIG, { name: 'deep/big.bin' })
    const out = await tempFolder()
    expect(await archive.restore(root, out)).toMatchObject({ target: join(out, 'big.bin'), files: 1, byteLength: BIG.byteLength })
    expect(await readFile(join(out, 'big.bin'))).toEqual(BIG)
    expect(await archive.restore(root, join(folder, 'new/other'))).toMatchObject({ target: join(folder, 'new/other') })
    expect(await readFile(join(folder, 'new/other'))).toEqual(BIG)
  })

  it('stops at a signal with its reason, and goes on from there', async () => {
    const { folder, archive } = await house()
    const { root } = await archive.put(await photos(folder))
    const out = join(folder, 'out')
    const controller = new AbortController()
    const onProgress = ({ type }: RestoreEvent) => type === 'bytes-restored' && controller.abort(new RangeError('enough'))
    await expect(archive.restore(root, out, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
    expect((await listed(out)).filter((path) => path.endsWith('perdure-part'))).toEqual([])
    expect(await archive.restore(root, out)).toMatchObject({ files: 4 })
    expect(await readFile(join(out, 'sub/big.bin'))).toEqual(BIG)
  })

  it('says which path there is not, and which root', async () => {
    const { folder, archive } = await house()
    const { root } = await archive.put(await photos(folder))
    await expect(archive.restore(root, join(folder, 'out'), { path: 'sub/none' })).rejects.toMatchObject({ code: 'no-such-path' })
    await expect(archive.restore('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e', folder)).rejects.toMatchObject({
      code: 'unknown-root',
    })
  })
})
