import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { appendFile, chmod, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { NamedEntry, Source } from '../../src/contracts.ts'
import { all, bytesOf, files, fleet, noise, spooled, tempFolder } from './house.ts'

const CHILD = fileURLToPath(new URL('./unreadable.child.ts', import.meta.url))

/** A source that fails must leave an archive as if nothing had been asked of it. */
async function leavesNothing(source: (folder: string) => Promise<Source>, code: string, message: RegExp): Promise<void> {
  const { archive, folder, members } = await fleet(['a', 'b'], { maxPackBytes: 2_000_000 })
  const before = await archive.put(noise(1000, 'before'))
  const stored = members.a.store.size
  const failure = expect.objectContaining({ name: 'SourceError', code, message: expect.stringMatching(message) })
  await expect(archive.put(await source(folder))).rejects.toEqual(failure)
  expect((await all(archive.objects())).map(({ root }) => root)).toEqual([before.root])
  expect(await archive.totals()).toMatchObject({ objects: 1, packs: 2, spooledBytes: 0 })
  expect(await spooled(folder)).toEqual([])
  expect(members.a.store.size).toBe(stored)
  expect(await archive.prune({ plan: true })).toMatchObject({ removed: [] })
}

/** Hands out entries of a list of which one does something while it is read. */
function entriesWith(work: () => Promise<void>): Source {
  const content = async function* () {
    yield noise(3 * 1024 * 1024, 'first')
    await work()
    yield noise(3 * 1024 * 1024, 'second')
  }
  return [{ path: 'a.bin', content: content() }]
}

describe('a source that cannot be put leaves nothing', () => {
  it('when a file is written to while it is read', () =>
    leavesNothing(
      async (folder) => {
        const tree = await files(join(folder, 'tree'), { 'a/one.bin': noise(6 * 1024 * 1024, 'one'), 'b.bin': noise(100_000, 'b') })
        setTimeout(() => void appendFile(join(tree, 'b.bin'), 'more'), 0)
        return tree
      },
      'changed',
      /b\.bin.*put it again/,
    ))

  it('when a file changes but keeps its length', () =>
    leavesNothing(
      async (folder) => {
        const tree = await files(join(folder, 'tree'), { 'a.bin': noise(6 * 1024 * 1024, 'a'), 'b.bin': noise(100_000, 'b') })
        setTimeout(() => void writeFile(join(tree, 'b.bin'), noise(100_000, 'other')), 0)
        return tree
      },
      'changed',
      /b\.bin/,
    ))

  it('when a file vanishes before its turn', () =>
    leavesNothing(
      async (folder) => {
        const tree = await files(join(folder, 'tree'), { 'a.bin': noise(6 * 1024 * 1024, 'a'), 'b.bin': noise(100_000, 'b') })
        setTimeout(() => void rm(join(tree, 'b.bin')), 0)
        return tree
      },
      'changed',
      /b\.bin/,
    ))

  it('when there is nothing at the path', () => leavesNothing(async (folder) => join(folder, 'nowhere'), 'not-found', /nowhere.*check the path/))

  it('when a stream ends in an error, which reaches the caller as it is', async () => {
    const { archive, folder } = await fleet(['a', 'b'], { maxPackBytes: 2_000_000 })
    const broken = entriesWith(async () => {
      throw new RangeError('the tape tore')
    })
    await expect(archive.put(broken)).rejects.toThrow('the tape tore')
    expect(await all(archive.objects())).toEqual([])
    expect(await archive.totals()).toMatchObject({ packs: 0 })
    expect(await spooled(folder)).toEqual([])
  })

  it.each<[string, string]>([
    ['..', 'segment'],
    ['a/../b', 'segment'],
    ['/etc/passwd', 'relative'],
    ['nul\0', 'NUL'],
    ['n'.repeat(256), '255'],
  ])('when an entry is called %j', async (path, why) => {
    const { archive, folder } = await fleet(['a', 'b'])
    const list: NamedEntry[] = [
      { path: 'fine', content: noise(1000) },
      { path, content: noise(10) },
    ]
    const refusal = { name: 'SourceError', code: 'invalid-path' }
    await expect(archive.put(list), why).rejects.toMatchObject(refusal)
    await expect(archive.putAll(list)).rejects.toMatchObject(refusal)
    expect(await all(archive.objects())).toEqual([])
    expect(await spooled(folder)).toEqual([])
  })
})

it('a symlink is stored as one, also when it leads out of the tree or nowhere', async () => {
  const { archive } = await fleet(['a', 'b'])
  const outside = await files(await tempFolder(), { 'secret.txt': 'secret' })
  const tree = await files(await tempFolder(), { 'file.txt': 'here' })
  await symlink(outside, join(tree, 'out'))
  await symlink('nowhere', join(tree, 'dangling'))
  const { root } = await archive.put(tree)
  expect(await all(archive.entries(root))).toMatchObject([
    { path: '', kind: 'directory' },
    { path: 'dangling', kind: 'symlink', target: 'nowhere' },
    { path: 'file.txt', kind: 'file' },
    { path: 'out', kind: 'symlink', target: outside },
  ])
})

it('what matches exclude is left out, and modes and times are kept beside the content', async () => {
  const { archive, reopen } = await fleet(['a', 'b'])
  const tree = await files(await tempFolder(), { 'keep.sh': 'x', 'drop.log': 'x', 'sub/also.log': 'x', 'sub/kept': 'x' })
  await chmod(join(tree, 'keep.sh'), 0o750)
  await utimes(join(tree, 'keep.sh'), 1_000, 1_234.5)
  const { root } = await archive.put(tree, { exclude: ['*.log'] })
  const stored = await all((await reopen()).entries(root))
  expect(stored.map(({ path }) => path)).toEqual(['', 'keep.sh', 'sub', 'sub/kept'])
  expect(stored[1]).toMatchObject({ mode: 0o750, mtime: { secs: 1_234n, nsecs: 500_000_000 } })
  const plain = await archive.put([
    { path: 'keep.sh', content: Buffer.from('x') },
    { path: 'sub/kept', content: Buffer.from('x') },
  ])
  expect(plain.root, 'metadata does not change the address').toBe(root)
  expect((await bytesOf(archive.get(root, { path: 'sub/kept' }))).toString()).toBe('x')
})

/** A checkout in a private home cannot be read by another user. */
function unprivilegedRuns(): boolean {
  if (process.getuid?.() !== 0) return true
  let at = ''
  for (const segment of CHILD.split('/').slice(1, -1)) {
    at += `/${segment}`
    try {
      accessSync(at, constants.R_OK)
    } catch {
      return false
    }
  }
  return true
}

it.skipIf(process.platform === 'win32' || !unprivilegedRuns())('an unreadable file in a directory is named, and nothing is left', async ({ skip }) => {
  const folder = await tempFolder()
  const tree = await files(join(folder, 'tree'), { 'open.txt': 'open', 'closed.txt': 'closed' })
  await chmod(folder, 0o777)
  await chmod(join(tree, 'closed.txt'), 0)
  const ids = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const result = await promisify(execFile)(process.execPath, [CHILD, folder], { ...ids, cwd: '/' }).catch((error: Error) => error)
  if (result instanceof Error && /EACCES|EPERM|MODULE_NOT_FOUND/.test(result.message)) {
    console.warn('SKIPPED: user nobody cannot read this checkout, so an unreadable source was not tested')
    return skip()
  }
  if (result instanceof Error) throw result
  expect(JSON.parse(result.stdout)).toMatchObject({ name: 'SourceError', code: 'unreadable', objects: 0, packs: 0 })
  expect(JSON.parse(result.stdout).message).toMatch(/closed\.txt.*grant read permission or exclude it/)
  expect(await spooled(folder)).toEqual([])
})
