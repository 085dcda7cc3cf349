import { chmod, mkdir, open, rename, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSource } from '../../../src/bytes/source.ts'
import type { Archive, ArchiveConfig, PutEvent, PutOptions, TreeEntry, XattrProblem } from '../../../src/contracts.ts'
import { ConfigError } from '../../../src/errors.ts'
import { installedXattrs } from '../../../src/flow/xattr-access.ts'
import { xattrSetter } from '../../../src/flow/xattr-restore.ts'
import { withXattrs } from '../../../src/flow/xattr-source.ts'
import { type MemoryXattrs, memoryXattrs } from '../../fakes/xattrs.ts'
import { all, bytesOf, files, house, tempFolder, treeOf } from '../house.ts'
import { alice, bob, sealedHouse } from './keys.ts'
import { carsOf, indexLines, unpack } from './stock.ts'
import { realXattrs } from './xattr-real.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()

const installed = await installedXattrs().catch((error: unknown) => {
  console.warn(`SKIPPED: ${error instanceof Error ? error.message : error}; extended attributes of real files were not tested here`)
  return undefined
})
if (installed) realXattrs(installed)

async function withAttributes(config: Partial<ArchiveConfig> = {}, xattrs = memoryXattrs()) {
  const built = await sealedHouse({ loadXattrs: async () => xattrs.functions, ...config })
  const source = await files(join(built.folder, 'tree'), { 'a.txt': 'a', 'sub/b.txt': 'b', 'sub/plain.txt': 'none' })
  await symlink('a.txt', join(source, 'link'))
  xattrs.of(source).set('user.top', bytes('top'))
  xattrs.of(join(source, 'a.txt')).set('user.author', bytes('me')).set('user.empty', bytes(''))
  xattrs.of(join(source, 'sub')).set('user.folder', bytes('yes'))
  xattrs.of(join(source, 'sub/b.txt')).set('user.b', Uint8Array.of(0, 255, 10))
  return { built, archive: built.archive, folder: built.folder, source, xattrs }
}

async function put(archive: Archive, source: string, options: PutOptions = {}) {
  const leftOut: XattrProblem[] = []
  let reusedFiles = -1
  let packs = -1
  const onProgress = (event: PutEvent) => {
    if (event.type === 'xattr-left-out') leftOut.push(event)
    if (event.type === 'sealed') [reusedFiles, packs] = [event.reusedFiles ?? -1, event.packs]
  }
  const { root } = await archive.put(source, { xattrs: true, ...options, onProgress })
  return { root, leftOut, reusedFiles, packs }
}

/** What the entries of an object carry, as text. */
async function kept(archive: Archive, root: string) {
  const entries = await all(archive.entries(root))
  return Object.fromEntries(
    entries.flatMap(({ path, xattrs }) =>
      xattrs ? [[path, Object.fromEntries(Object.entries(xattrs).map(([name, value]) => [name, text(value)]))]] : [],
    ),
  )
}

const AS_STORED = {
  '': { 'user.top': 'top' },
  'a.txt': { 'user.author': 'me', 'user.empty': '' },
  sub: { 'user.folder': 'yes' },
  'sub/b.txt': { 'user.b': Buffer.from([0, 255, 10]).toString() },
}

describe('extended attributes of a sealed directory', () => {
  it('are kept of files and directories, never of symlinks, and set again', async () => {
    const { archive, folder, source, xattrs } = await withAttributes()
    const { root, leftOut } = await put(archive, source)
    expect(leftOut).toEqual([])
    expect(await kept(archive, root)).toEqual(AS_STORED)
    const out = join(folder, 'out')
    expect(await archive.restore(root, out, { xattrs: true })).toMatchObject({ warnings: [], xattrs: { set: 5, refused: 0, refusals: [] } })
    for (const path of ['', 'a.txt', 'sub', 'sub/b.txt', 'sub/plain.txt'])
      expect([path, xattrs.of(join(out, path))]).toEqual([path, xattrs.of(join(source, path))])
    expect(await treeOf(out)).toEqual(await treeOf(source))
    expect((await stat(join(out, 'a.txt'))).mtimeMs).toBeCloseTo((await stat(join(source, 'a.txt'))).mtimeMs, 0)
  })

  it('are neither kept nor set without being asked for', async () => {
    const { archive, folder, source, xattrs } = await withAttributes({ loadXattrs: undefined })
    const { root } = await put(archive, source, { xattrs: false })
    expect(await kept(archive, root)).toEqual({})
    const other = await withAttributes({}, xattrs)
    const asked = await put(other.archive, source)
    const report = await other.archive.restore(asked.root, join(folder, 'out'))
    expect(report).not.toHaveProperty('xattrs')
    expect([...xattrs.of(join(folder, 'out/a.txt'))]).toEqual([])
    expect(xattrs.written).toEqual([])
  })

  it('stand in the index as FORMAT.md says', async () => {
    const { built, source } = await withAttributes()
    await put(built.archive, source)
    const [car = ''] = await carsOf(join(built.folder, 'a'))
    await unpack(car, join(built.folder, 'unpacked'))
    const lines = await indexLines(join(built.folder, 'unpacked'), alice.identity)
    expect(lines.find(({ path }) => path === 'a.txt')).toMatchObject({ xattrs: { 'user.author': 'bWU=', 'user.empty': '' } })
    expect(lines.find(({ path }) => path === 'link')).not.toHaveProperty('xattrs')
    expect(lines.find(({ path }) => path === 'sub/plain.txt')).not.toHaveProperty('xattrs')
  })

  it('stay when recipients change', async () => {
    const { built, source } = await withAttributes()
    const { root } = await put(built.archive, source)
    const report = await built.archive.changeRecipients(root, { add: [bob.recipient] })
    expect(await kept(await built.reopen({ identities: [bob.identity] }), report.root)).toEqual(AS_STORED)
  })

  it('leave out what belongs to the machine', async () => {
    const { archive, source, xattrs } = await withAttributes()
    for (const name of ['security.selinux', 'security.ima', 'trusted.overlay.origin', 'system.nfs4_acl'])
      xattrs.of(join(source, 'a.txt')).set(name, bytes('x'))
    xattrs.of(join(source, 'a.txt')).set('security.capability', bytes('cap'))
    xattrs.of(join(source, 'sub')).set('system.posix_acl_default', bytes('acl'))
    const { root, leftOut } = await put(archive, source)
    expect(leftOut).toEqual([])
    expect(await kept(archive, root)).toMatchObject({
      'a.txt': { 'security.capability': 'cap', 'user.author': 'me', 'user.empty': '' },
      sub: { 'system.posix_acl_default': 'acl', 'user.folder': 'yes' },
    })
    expect(Object.keys((await kept(archive, root))['a.txt'] ?? {})).toHaveLength(3)
  })
})

describe('extended attributes of a sealed file', () => {
  it('are in what is said of it, change with a put of the same content, and stay when recipients change', async () => {
    const { built, archive, folder, source, xattrs } = await withAttributes()
    const path = join(source, 'a.txt')
    const { root } = await put(archive, path)
    expect(await kept(archive, root)).toEqual({ '': { 'user.author': 'me', 'user.empty': '' } })
    xattrs.of(path).set('user.author', bytes('you'))
    const again = await put(archive, path)
    expect(again).toMatchObject({ root, reusedFiles: 1, packs: 0 })
    expect(await kept(archive, root)).toEqual({ '': { 'user.author': 'you', 'user.empty': '' } })
    expect(await archive.restore(root, join(folder, 'one'), { xattrs: true })).toMatchObject({ xattrs: { set: 2, refused: 0 } })
    expect(text(xattrs.of(join(folder, 'one')).get('user.author'))).toBe('you')
    const report = await archive.changeRecipients(root, { add: [bob.recipient] })
    expect(await kept(await built.reopen({ identities: [bob.identity] }), report.root)).toEqual({
      '': { 'user.author': 'you', 'user.empty': '' },
    })
  })
})

describe('a directory whose extended attributes changed', () => {
  it.each([false, true])('gets a new index; its files are not stored again (believing mtimes: %s)', async (trustMtime) => {
    const { archive, source, xattrs } = await withAttributes()
    // Fingerprints of files are believed when they are older than two seconds.
    const first = await put(archive, source, { trustMtime })
    expect(await put(archive, source, { trustMtime })).toMatchObject({ root: first.root, packs: 0, reusedFiles: 3 })
    const changes: readonly ((attributes: Map<string, Uint8Array>) => unknown)[] = [
      (attributes) => attributes.set('user.author', bytes('you')),
      (attributes) => attributes.delete('user.empty'),
      (attributes) => attributes.set('user.new', bytes('n')),
    ]
    const roots = new Set([first.root])
    for (const change of changes) {
      change(xattrs.of(join(source, 'a.txt')))
      const again = await put(archive, source, { trustMtime })
      expect(again.reusedFiles).toBe(3)
      roots.add(again.root)
      expect((await kept(archive, again.root))['a.txt']).toEqual(
        Object.fromEntries([...xattrs.of(join(source, 'a.txt'))].map(([name, value]) => [name, text(value)])),
      )
    }
    expect(roots.size).toBe(4)
    xattrs.of(join(source, 'sub')).set('user.folder', bytes('no'))
    roots.add((await put(archive, source, { trustMtime })).root)
    // A put that does not keep them is another directory.
    roots.add((await put(archive, source, { trustMtime, xattrs: false })).root)
    expect(roots.size).toBe(6)
  })

  it('is the same in whatever order the system lists them', async () => {
    const { archive, source, xattrs } = await withAttributes()
    const { root } = await put(archive, source)
    const attributes = xattrs.of(join(source, 'a.txt'))
    const reversed = [...attributes].reverse()
    attributes.clear()
    for (const [name, value] of reversed) attributes.set(name, value)
    expect(await put(archive, source)).toMatchObject({ root, packs: 0 })
  })
})

describe('a put that cannot keep extended attributes', () => {
  it('is refused before the source is read when it is public, or nothing is sealed', async () => {
    const { archive, folder } = await withAttributes()
    const nowhere = join(folder, 'not there')
    const refusal = { code: 'invalid', message: expect.stringContaining('UnixFS, which has no place for them') }
    await expect(archive.put(nowhere, { xattrs: true, public: true })).rejects.toMatchObject(refusal)
    const { archive: open } = await house()
    await expect(open.put(nowhere, { xattrs: true })).rejects.toMatchObject(refusal)
    await expect(open.put(nowhere, { xattrs: true })).rejects.toBeInstanceOf(ConfigError)
  })

  it.skipIf(installed)('is refused without the package, which the message names', async () => {
    const { archive, source } = await withAttributes({ loadXattrs: undefined })
    await expect(archive.put(source, { xattrs: true })).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'unsupported-runtime',
      message: expect.stringContaining('npm install fs-xattr'),
      cause: expect.anything(),
    })
  })

  it('fails with the path when one is longer than 64 KiB, or all are too much, and leaves nothing', async () => {
    const { archive, source, xattrs } = await withAttributes()
    const attributes = xattrs.of(join(source, 'sub/b.txt'))
    attributes.set('user.big', new Uint8Array(65_536))
    expect((await put(archive, source)).leftOut).toEqual([])
    attributes.set('user.big', new Uint8Array(65_537))
    const refusal = { name: 'SourceError', code: 'unsupported' }
    await expect(put(archive, source)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/sub\/b\.txt.*user\.big.*65537/),
    })
    attributes.delete('user.big')
    for (let at = 0; at < 8; at++) attributes.set(`user.${at}`, new Uint8Array(65_536))
    const { root } = await put(archive, source)
    expect(Object.keys((await kept(archive, root))['sub/b.txt'] ?? {})).toHaveLength(9)
    attributes.set('user.8', new Uint8Array(65_536))
    await expect(put(archive, source)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/sub\/b\.txt.*more than 786432 bytes/),
    })
    await expect(put(archive, join(source, 'sub/b.txt'))).rejects.toMatchObject(refusal)
  })

  it('tells of those that may not be read or have no name in UTF-8, and keeps the others', async () => {
    const { archive, source, xattrs } = await withAttributes()
    const real = xattrs.functions.listAttributesSync
    const listAttributesSync = (path: string) => [
      ...real(path),
      ...(xattrs.of(path).has('user.author') ? ['user.\ufffd', 'user.gone'] : []),
    ]
    Object.assign(xattrs.functions, { listAttributesSync })
    xattrs.faults.get.set('user.folder', 'EACCES')
    const { root, leftOut } = await put(archive, source)
    expect(leftOut).toMatchObject([
      { path: 'a.txt', name: 'user.\ufffd', reason: expect.stringContaining('UTF-8') },
      { path: 'sub', name: 'user.folder', reason: expect.stringContaining('EACCES') },
    ])
    const { sub: _, ...others } = AS_STORED
    expect(await kept(archive, root)).toEqual(others)
  })

  it('keeps a name in which the sign for broken text is meant, and tells of another that looks like it', async () => {
    const { archive, source, xattrs } = await withAttributes()
    xattrs.of(join(source, 'a.txt')).set('user.\ufffd', bytes('meant'))
    const real = xattrs.functions.listAttributesSync
    Object.assign(xattrs.functions, {
      listAttributesSync: (path: string) => real(path).flatMap((name) => (name === 'user.\ufffd' ? [name, name] : [name])),
    })
    const { root, leftOut } = await put(archive, source)
    expect(leftOut).toMatchObject([{ path: 'a.txt', name: 'user.\ufffd' }])
    expect(await kept(archive, root)).toMatchObject({ 'a.txt': { 'user.\ufffd': 'meant' } })
  })

  it('goes on where the file system has none, and ends where the disk fails', async () => {
    const { archive, source, xattrs } = await withAttributes()
    xattrs.faults.list = 'ENOTSUP'
    expect(await kept(archive, (await put(archive, source)).root)).toEqual({})
    xattrs.faults.list = 'EIO'
    await expect(put(archive, source)).rejects.toMatchObject({ name: 'SourceError', code: 'unreadable' })
    xattrs.faults.list = undefined
    xattrs.faults.get.set('user.b', 'EIO')
    await expect(put(archive, source)).rejects.toMatchObject({ name: 'SourceError', message: expect.stringContaining('sub/b.txt') })
  })

  it('notices that another file took the place of the one that was listed', async () => {
    const xattrs = memoryXattrs()
    const folder = await files(await tempFolder(), { 'a.txt': 'a', 'b.txt': 'b' })
    const source = await openSource(join(folder, 'a.txt'))
    const told = withXattrs(source, { functions: xattrs.functions, onLeftOut: () => undefined })
    await rename(join(folder, 'b.txt'), join(folder, 'a.txt'))
    await expect(all(told.entries())).rejects.toMatchObject({ code: 'changed' })
    await rename(join(folder, 'a.txt'), join(folder, 'c.txt'))
    await symlink('c.txt', join(folder, 'a.txt'))
    await expect(all(told.entries())).rejects.toMatchObject({ code: 'changed' })
  })

  it('takes a value that became shorter or longer while it was read as it is in the end', async () => {
    const { archive, source, xattrs } = await withAttributes()
    const answers = ['garbage behind', 'ERANGE', 'now', 'now']
    const real = xattrs.functions.getAttributeSync
    const getAttributeSync = (path: string, name: string) => {
      const answer = name === 'user.author' ? answers.shift() : undefined
      if (answer === 'ERANGE') throw Object.assign(new TypeError('longer'), { code: 'ERANGE' })
      return answer === undefined ? real(path, name) : bytes(answer)
    }
    Object.assign(xattrs.functions, { getAttributeSync })
    expect((await kept(archive, (await put(archive, source)).root))['a.txt']).toMatchObject({ 'user.author': 'now' })
  })
})

describe('a restore that cannot set extended attributes', () => {
  it.each(['ENOTSUP', 'EPERM', 'EACCES', 'ENOSPC', 'EIO', ''])('succeeds, and names path, attribute and reason (%s)', async (code) => {
    const { archive, folder, source, xattrs } = await withAttributes()
    const { root } = await put(archive, source)
    xattrs.faults.set.set('user.author', code)
    const report = await archive.restore(root, join(folder, 'out'), { xattrs: true })
    expect(report).toMatchObject({
      files: 3,
      warnings: [],
      xattrs: { set: 4, refused: 1, refusals: [{ path: 'a.txt', name: 'user.author', reason: expect.stringContaining(code) }] },
    })
    expect(text(xattrs.of(join(folder, 'out/a.txt')).get('user.empty'))).toBe('')
    expect((await stat(join(folder, 'out/a.txt'))).mode).toBe((await stat(join(source, 'a.txt'))).mode)
  })

  it('for want of the package succeeds, and names every one of them and the package', async () => {
    const { built, folder, source } = await withAttributes()
    const { root } = await put(built.archive, source)
    const load = async () => {
      throw new ConfigError('unsupported-runtime', 'run `npm install fs-xattr`')
    }
    const report = await (await built.reopen({ loadXattrs: load })).restore(root, join(folder, 'out'), { xattrs: true })
    expect(report.xattrs).toMatchObject({ set: 0, refused: 5 })
    expect(report.xattrs?.refusals.map(({ path, name }) => `${path} ${name}`).sort()).toEqual(
      [' user.top', 'a.txt user.author', 'a.txt user.empty', 'sub user.folder', 'sub/b.txt user.b'].sort(),
    )
    expect(new Set(report.xattrs?.refusals.map(({ reason }) => reason))).toEqual(new Set(['run `npm install fs-xattr`']))
    expect(await treeOf(join(folder, 'out'))).toEqual(await treeOf(source))
  })

  it('names the first thousand and counts them all', async () => {
    const setter = xattrSetter(async () => {
      throw new ConfigError('unsupported-runtime', 'none')
    })
    const entry = { path: 'x', xattrs: Object.fromEntries(Array.from({ length: 1_500 }, (_, at) => [`user.${at}`, bytes('')])) }
    await using handle = await open(await tempFolder())
    await setter.set(handle, entry)
    expect(setter.report()).toMatchObject({ set: 0, refused: 1_500 })
    expect(setter.report().refusals).toHaveLength(1_000)
  })

  it('never sets what belongs to a machine, whatever an index says', async () => {
    const xattrs = memoryXattrs()
    const setter = xattrSetter(async () => xattrs.functions)
    const folder = await tempFolder()
    await using handle = await open(folder)
    const hostile: Pick<TreeEntry, 'path' | 'xattrs'> = {
      path: 'x',
      xattrs: { 'security.selinux': bytes('x'), 'trusted.overlay.opaque': bytes('y'), 'user.ok': bytes('z') },
    }
    await setter.set(handle, hostile)
    expect(setter.report()).toMatchObject({ set: 1, refused: 2 })
    expect([...xattrs.of(folder).keys()]).toEqual(['user.ok'])
  })

  it('sets them on what is open, not on what took its name', async () => {
    const xattrs = memoryXattrs()
    const folder = await files(await tempFolder(), { 'out.txt': 'a', 'victim.txt': 'b' })
    await using handle = await open(join(folder, 'out.txt'))
    await rename(join(folder, 'out.txt'), join(folder, 'moved.txt'))
    await symlink('victim.txt', join(folder, 'out.txt'))
    const setter = xattrSetter(async () => xattrs.functions)
    await setter.set(handle, { path: 'out.txt', xattrs: { 'user.a': bytes('1') } })
    expect(text(xattrs.of(join(folder, 'moved.txt')).get('user.a'))).toBe('1')
    expect(xattrs.of(join(folder, 'victim.txt')).size).toBe(0)
  })
})

describe('a restore of extended attributes', () => {
  const strict = (): MemoryXattrs => memoryXattrs({ strict: true })

  it('sets them on read-only files and directories, new and found', async () => {
    const { archive, folder, source, xattrs } = await withAttributes({}, strict())
    await chmod(join(source, 'a.txt'), 0o444)
    await chmod(join(source, 'sub'), 0o555)
    const { root } = await put(archive, source)
    const out = join(folder, 'out')
    const whole = { xattrs: { set: 5, refused: 0 } }
    expect(await archive.restore(root, out, { xattrs: true })).toMatchObject(whole)
    const modes = async () => [(await stat(join(out, 'a.txt'))).mode & 0o777, (await stat(join(out, 'sub'))).mode & 0o777]
    expect(await modes()).toEqual([0o444, 0o555])
    for (const path of ['a.txt', 'sub']) xattrs.of(join(out, path)).clear()
    expect(await archive.restore(root, out, { xattrs: true })).toMatchObject({ ...whole, reused: 3 })
    expect([...xattrs.of(join(out, 'a.txt')).keys()].sort()).toEqual(['user.author', 'user.empty'])
    expect(await modes()).toEqual([0o444, 0o555])
    await chmod(join(out, 'sub'), 0o755)
    await chmod(join(source, 'sub'), 0o755)
  })

  it('writes what differs alone, and leaves what it does not know', async () => {
    const { archive, folder, source, xattrs } = await withAttributes()
    const { root } = await put(archive, source)
    const out = join(folder, 'out')
    await archive.restore(root, out, { xattrs: true })
    xattrs.written.length = 0
    xattrs.of(join(out, 'a.txt')).set('user.author', bytes('other')).set('user.mine', bytes('mine'))
    expect(await archive.restore(root, out, { xattrs: true })).toMatchObject({ reused: 3, xattrs: { set: 5 } })
    expect(xattrs.written).toEqual(['user.author'])
    expect(text(xattrs.of(join(out, 'a.txt')).get('user.mine'))).toBe('mine')
  })

  it('of one path sets those below it', async () => {
    const { archive, folder, source, xattrs } = await withAttributes()
    const { root } = await put(archive, source)
    await archive.restore(root, join(folder, 'part'), { xattrs: true, path: 'sub' })
    expect([...xattrs.of(join(folder, 'part')).keys()]).toEqual(['user.folder'])
    expect([...xattrs.of(join(folder, 'part/b.txt')).keys()]).toEqual(['user.b'])
  })

  it('of public content, and of what was put without, has nothing to set', async () => {
    const { archive, folder, source } = await withAttributes()
    const nothing = { xattrs: { set: 0, refused: 0, refusals: [] } }
    const open = await archive.put(source, { public: true })
    expect(await archive.restore(open.root, join(folder, 'public'), { xattrs: true })).toMatchObject(nothing)
    const plain = await put(archive, source, { xattrs: false })
    expect(await archive.restore(plain.root, join(folder, 'plain'), { xattrs: true })).toMatchObject(nothing)
  })

  it('is the same after padding, for erasable content, and for a file that is read by path', async () => {
    const { archive, source } = await withAttributes()
    const { root } = await put(archive, source, { padding: 'padme', reuse: false })
    expect(await kept(archive, root)).toEqual(AS_STORED)
    const erasable = await put(archive, source, { erasable: true })
    expect(await kept(archive, erasable.root)).toEqual(AS_STORED)
    expect((await bytesOf(archive.get(erasable.root, { path: 'a.txt' }))).toString()).toBe('a')
  })
})

it('attributes do not fill the memory: a directory with too many is sealed as a new one, and whole', async () => {
  const { archive, source, xattrs } = await withAttributes()
  const many = await files(join(source, 'many'), Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`${at}`.padStart(3, '0'), 'x'])))
  await mkdir(join(source, 'last'))
  for (let at = 0; at < 60; at++)
    for (let of = 0; of < 8; of++) xattrs.of(join(many, `${at}`.padStart(3, '0'))).set(`user.${of}`, new Uint8Array(65_000).fill(at))
  const first = await put(archive, source)
  const again = await put(archive, source)
  expect(again.root).toBe(first.root)
  const entries = await all(archive.entries(again.root))
  const last = entries.find(({ path }) => path === 'many/059')
  expect(last?.xattrs?.['user.7']).toEqual(new Uint8Array(65_000).fill(59))
  await utimes(join(source, 'a.txt'), 1, 1)
  await truncate(join(source, 'a.txt'), 0)
  await writeFile(join(source, 'a.txt'), 'changed')
  const changed = await put(archive, source)
  expect(changed.reusedFiles).toBe(62)
})
