import { execFile } from 'node:child_process'
import { appendFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { chmod, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { NamedEntry, PutEvent, Source } from '../../src/contracts.ts'
import { all, bytesOf, files, fleet, noise, spooled, tempFolder } from './house.ts'

const CHILD = fileURLToPath(new URL('./unreadable.child.ts', import.meta.url))

interface Bad {
  readonly source: (folder: string) => Promise<Source>
  /** What happens to the tree behind the put's back, once, after that many bytes were read. */
  readonly meanwhile?: { readonly after: number; readonly act: (tree: string) => void }
  readonly code: string
  readonly message: RegExp
}

/** A source that fails must leave an archive as if nothing had been asked of it. */
async function leavesNothing({ source, meanwhile, code, message }: Bad): Promise<void> {
  const { archive, folder, members } = await fleet(['a', 'b'], { maxPackBytes: 2_000_000 })
  const before = await archive.put(noise(1000, 'before'))
  const stored = members.a.store.size
  const failure = expect.objectContaining({ name: 'SourceError', code, message: expect.stringMatching(message) })
  let [left, acted] = [meanwhile?.after ?? 0, false]
  const onProgress = (event: PutEvent) => {
    if (event.type !== 'bytes-read' || !meanwhile || acted) return
    left -= event.byteLength
    if (left > 0) return
    acted = true
    meanwhile.act(join(folder, 'tree'))
  }
  await expect(archive.put(await source(folder), { onProgress })).rejects.toEqual(failure)
  expect(acted, 'the tree was changed').toBe(meanwhile !== undefined)
  expect((await all(archive.objects())).map(({ root }) => root)).toEqual([before.root])
  expect(await archive.totals()).toMatchObject({ objects: 1, packs: 2, spooledBytes: 0 })
  expect(await spooled(folder)).toEqual([])
  expect(members.a.store.size).toBe(stored)
  expect(await archive.prune({ plan: true })).toMatchObject({ removed: [] })
}

const MIB = 1024 * 1024
const twoFiles = (folder: string) => files(join(folder, 'tree'), { 'a.bin': noise(4 * MIB, 'a'), 'b.bin': noise(100_000, 'b') })

describe('a source that cannot be put leaves nothing', () => {
  it.each([
    ['grows', (tree: string) => appendFileSync(join(tree, 'a.bin'), 'more')],
    ['shrinks', (tree: string) => truncateSync(join(tree, 'a.bin'), MIB)],
    ['is overwritten and keeps its length', (tree: string) => writeFileSync(join(tree, 'a.bin'), noise(4 * MIB, 'other'))],
    ['vanishes', (tree: string) => rmSync(join(tree, 'a.bin'))],
  ])('when a file %s while it is read', (_, act) =>
    leavesNothing({ source: twoFiles, meanwhile: { after: MIB, act }, code: 'changed', message: /a\.bin.*put it again/ }),
  )

  it.each([
    ['grew', (tree: string) => appendFileSync(join(tree, 'b.bin'), 'more')],
    ['vanished', (tree: string) => rmSync(join(tree, 'b.bin'))],
    ['became a symlink', (tree: string) => [rmSync(join(tree, 'b.bin')), symlinkSync('/etc/passwd', join(tree, 'b.bin'))]],
  ])('when a file %s between being listed and its turn', (_, act) =>
    leavesNothing({ source: twoFiles, meanwhile: { after: 3 * MIB, act }, code: 'changed', message: /b\.bin.*put it again/ }),
  )

  it('when there is nothing at the path', () =>
    leavesNothing({ source: async (folder) => join(folder, 'nowhere'), code: 'not-found', message: /nowhere.*check the path/ }))

  it('when a stream ends in an error, which reaches the caller as it is', async () => {
    const { archive, folder } = await fleet(['a', 'b'], { maxPackBytes: 2_000_000 })
    const tape = async function* () {
      yield noise(3 * MIB)
      throw new RangeError('the tape tore')
    }
    await expect(archive.put([{ path: 'a.bin', content: tape() }])).rejects.toThrow('the tape tore')
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
  const again = await reopen()
  const stored = await all(again.entries(root))
  expect(stored.map(({ path }) => path)).toEqual(['', 'keep.sh', 'sub', 'sub/kept'])
  expect(stored[1]).toMatchObject({ mode: 0o750, mtime: { secs: 1_234n, nsecs: 500_000_000 } })
  const plain = await again.put([
    { path: 'keep.sh', content: Buffer.from('x') },
    { path: 'sub/kept', content: Buffer.from('x') },
  ])
  expect(plain.root, 'metadata does not change the address').toBe(root)
  expect((await bytesOf(again.get(root, { path: 'sub/kept' }))).toString()).toBe('x')
})

it.skipIf(process.platform === 'win32')('an unreadable file in a directory is named, and nothing is left', async ({ skip }) => {
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
