import { execFile } from 'node:child_process'
import {
  access,
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RestoreEvent, TreeEntry } from '../../src/contracts.ts'
import { type ExtractTree, extract } from '../../src/flow/extract.ts'
import { addressOf, RAW } from '../../src/format/address.ts'

const run = promisify(execFile)

/** A folder that is gone after the test; `out` in it is the target, everything beside it must stay as it is. */
async function place(): Promise<{ readonly folder: string; readonly out: string }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'perdure-extract-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return { folder, out: join(folder, 'out') }
}

type Given = Partial<TreeEntry> & { readonly path: string; readonly content?: string | undefined }

const file = (path: string, content: string, more: Partial<TreeEntry> = {}): Given => ({ path, kind: 'file', content, ...more })
const dir = (path: string, more: Partial<TreeEntry> = {}): Given => ({ path, kind: 'directory', ...more })
const sym = (path: string, target: string): Given => ({ path, kind: 'symlink', target })

interface Tree extends ExtractTree {
  /** Paths whose content was read, in order. */
  readonly reads: string[]
  readonly checks: string[]
}

/** Entries with their content; `read` hands it out in small pieces, after `before`; `pace` milliseconds lie between entries. */
function tree(given: readonly Given[], before: (path: string) => Promise<unknown> | unknown = () => undefined, pace = 0): Tree {
  const reads: string[] = []
  const checks: string[] = []
  const contents = new Map<TreeEntry, Buffer>()
  const entries = given.map(({ content = '', kind = 'file', ...rest }): TreeEntry => {
    const bytes = Buffer.from(content)
    const entry = { kind, cid: addressOf(bytes, RAW), byteLength: kind === 'file' ? bytes.byteLength : 0, ...rest }
    contents.set(entry, bytes)
    return entry
  })
  return {
    reads,
    checks,
    entries: (async function* () {
      for (const entry of entries) {
        yield entry
        if (pace > 0) await sleep(pace)
      }
    })(),
    async *read(entry, { signal }) {
      reads.push(entry.path)
      await before(entry.path)
      const bytes = contents.get(entry) ?? Buffer.alloc(0)
      for (let at = 0; at < bytes.byteLength; at += 7) {
        signal?.throwIfAborted()
        yield bytes.subarray(at, at + 7)
      }
    },
    async holds(entry, at) {
      checks.push(entry.path)
      return addressOf(await readFile(at), RAW).equals(entry.cid)
    },
  }
}

/** Everything below a folder with kind, content and mode, symlinks not followed. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {}
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const at = join(folder, path)
    const stats = await lstat(at)
    const mode = (stats.mode & 0o7777).toString(8)
    if (stats.isSymbolicLink()) seen[path] = `-> ${await readlink(at)}`
    else seen[path] = stats.isDirectory() ? `directory ${mode}` : `file ${mode} ${await readFile(at, 'utf8')}`
  }
  return seen
}

describe('what is restored', () => {
  it('writes files, directories and symlinks with their modes and mtimes', async () => {
    const { out } = await place()
    const mtime = { secs: 1_234_567_890n, nsecs: 123_456_789 }
    const report = await extract(
      tree([
        dir('', { mode: 0o750, mtime }),
        dir('empty', { mode: 0o700 }),
        dir('sub', { mode: 0o755, mtime: { secs: -5n, nsecs: 500_000_000 } }),
        file('sub/run.sh', '#!/bin/sh\n', { mode: 0o755, mtime }),
        file('zero', '', { mode: 0o640 }),
        sym('sub/link', '../../elsewhere'),
      ]),
      out,
    )
    expect(report).toEqual({ target: out, files: 2, byteLength: 10, reused: 0, warnings: [] })
    expect(await snapshot(out)).toEqual({
      empty: 'directory 700',
      sub: 'directory 755',
      'sub/run.sh': 'file 755 #!/bin/sh\n',
      'sub/link': '-> ../../elsewhere',
      zero: 'file 640 ',
    })
    expect((await stat(out)).mode & 0o7777).toBe(0o750)
    for (const at of [out, join(out, 'sub/run.sh')]) expect((await stat(at)).mtimeMs).toBeCloseTo(1_234_567_890_123.456, 2)
    expect((await stat(join(out, 'sub'))).mtimeMs).toBeCloseTo(-4_500, 2)
  })

  it.each([
    ['a'.repeat(255)],
    ['ü'.repeat(127)],
    ['𝔘'.repeat(63)],
    ['two\nlines'],
    [' spaces '],
    ['back\\slash'],
    ['-rf'],
    ['~'],
    ['...'],
    ['e\u0301'],
    ['\u00e9'],
    ['constructor'],
    ['__proto__'],
  ])('restores the name %j', async (name) => {
    const { folder, out } = await place()
    await extract(tree([dir(''), file(name, 'content'), dir('d'), file(`d/${name}`, 'deeper')]), out)
    expect(await readdir(out)).toEqual([name, 'd'].sort())
    expect(await readFile(join(out, 'd', name), 'utf8')).toBe('deeper')
    expect(await readdir(folder)).toEqual(['out'])
  })

  it('keeps two long names apart that only differ at the end, also while both are written', async () => {
    const { out } = await place()
    const names = ['1', '2', '3', '4'].map((end) => 'n'.repeat(254) + end)
    await extract(
      tree([dir(''), ...names.map((name) => file(name, `content of ${name}`))], () => sleep(10)),
      out,
    )
    for (const name of names) expect(await readFile(join(out, name), 'utf8')).toBe(`content of ${name}`)
  })

  it('writes into directories that are read-only, and leaves them read-only, as a user without privileges', async () => {
    const { folder, out } = await place()
    const entries = [dir('', { mode: 0o755 }), dir('locked', { mode: 0o555 }), file('locked/in', 'x', { mode: 0o444 })]
    await mkdir(join(out, 'locked'), { recursive: true })
    await chmod(join(out, 'locked'), 0o555)
    for (const at of [folder, out, join(out, 'locked')]) await chown(at, 65_534, 65_534)
    const uid = process.getuid?.()
    if (uid === 0) process.seteuid?.(65_534)
    try {
      await extract(tree(entries), out)
      expect(await snapshot(out)).toEqual({ locked: 'directory 555', 'locked/in': 'file 444 x' })
      const closed = [dir('', { mode: 0o755 }), dir('a', { mode: 0 }), dir('a/b', { mode: 0o400 }), file('a/b/c', 'x')]
      expect(await extract(tree(closed), join(out, 'closed'))).toMatchObject({ files: 1, warnings: [] })
      expect((await stat(join(out, 'closed/a'))).mode & 0o7777).toBe(0)
      expect(await extract(tree(closed), join(out, 'closed'))).toMatchObject({ reused: 1, warnings: [] })
      await chmod(join(out, 'closed/a'), 0o700)
      await chmod(join(out, 'closed/a/b'), 0o700)
      await rm(join(out, 'closed'), { recursive: true })
      const failing = tree([...entries.slice(0, 2), file('locked/more', 'y')], () => Promise.reject(new RangeError('no luck')))
      await expect(extract(failing, out)).rejects.toThrow(RangeError)
      expect(await snapshot(out)).toEqual({ locked: 'directory 555', 'locked/in': 'file 444 x' })
    } finally {
      if (uid === 0) process.seteuid?.(0)
    }
  })

  it('leaves set-user-id bits of files out and says so', async () => {
    const { out } = await place()
    const { warnings } = await extract(tree([dir(''), file('su', 'x', { mode: 0o4755 })]), out)
    expect(await snapshot(out)).toEqual({ su: 'file 755 x' })
    expect(warnings).toEqual([expect.stringContaining('set-user-id')])
  })

  it('tells of every byte and every entry, and survives a listener that throws', async () => {
    const { out } = await place()
    const events: RestoreEvent[] = []
    const onProgress = (event: RestoreEvent) => {
      events.push(event)
      throw new RangeError('listener')
    }
    await extract(tree([dir(''), file('a', 'x'.repeat(20)), sym('l', 'a')]), out, { onProgress, total: 20 })
    const bytes = events.flatMap((event) => (event.type === 'bytes-restored' ? [event.byteLength] : []))
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(20)
    expect(events.filter(({ type }) => type === 'entry-restored')).toEqual(
      ['', 'a', 'l'].map((path) => ({ type: 'entry-restored', path, reused: false })),
    )
  })
})

describe('where it is restored', () => {
  const single = () => tree([file('', 'alone')])

  it('writes a single file to the target path, making its parents', async () => {
    const { folder } = await place()
    const report = await extract(single(), join(folder, 'new/dir/file.txt'), { name: 'other' })
    expect(report.target).toBe(join(folder, 'new/dir/file.txt'))
    expect(await readFile(report.target, 'utf8')).toBe('alone')
  })

  it('writes a single file into an existing directory, or one named with a slash, under its own name', async () => {
    const { folder, out } = await place()
    await mkdir(out)
    expect((await extract(single(), out, { name: 'photos/a.tif' })).target).toBe(join(out, 'a.tif'))
    expect((await extract(single(), join(folder, 'new/'), { name: 'b' })).target).toBe(join(folder, 'new/b'))
  })

  it.each([[undefined], ['..'], ['a/..'], ['nul\0'], ['x'.repeat(256)], ['a/']])(
    'calls a file by its CID when its name is %j',
    async (name) => {
      const { folder, out } = await place()
      await mkdir(out)
      await extract(single(), out, { name })
      expect(await readdir(out)).toEqual([addressOf(Buffer.from('alone'), RAW).toString()])
      expect(await readdir(folder)).toEqual(['out'])
    },
  )

  it('writes a single symlink as a symlink', async () => {
    const { out } = await place()
    await extract(tree([sym('', '/etc/passwd')]), out)
    expect(await readlink(out)).toBe('/etc/passwd')
  })

  it('follows a target that is itself a symlink to a directory', async () => {
    const { folder } = await place()
    await mkdir(join(folder, 'real'))
    await symlink('real', join(folder, 'way'))
    const { target } = await extract(tree([dir(''), file('a', 'x')]), join(folder, 'way'))
    expect(target).toBe(join(folder, 'real'))
    expect(await snapshot(join(folder, 'real'))).toEqual({ a: 'file 644 x' })
  })

  it('replaces a symlink at the place of a single file instead of writing through it', async () => {
    const { folder, out } = await place()
    await writeFile(join(folder, 'victim'), 'precious')
    await symlink('victim', out)
    await expect(extract(single(), out)).rejects.toMatchObject({ code: 'exists' })
    await extract(single(), out, { overwrite: true })
    expect(await snapshot(folder)).toEqual({ out: 'file 644 alone', victim: 'file 644 precious' })
  })

  it('refuses a file where a directory is to be restored', async () => {
    const { out } = await place()
    await writeFile(out, 'a file')
    await expect(extract(tree([dir(''), file('a', 'x')]), out)).rejects.toMatchObject({ code: 'exists' })
    expect(await readFile(out, 'utf8')).toBe('a file')
  })
})

const HOSTILE: readonly (readonly [string, readonly Given[]])[] = [
  ['a path that climbs out', [dir(''), file('../evil', 'x')]],
  ['a path that climbs out after going in', [dir(''), dir('a'), file('a/../../evil', 'x')]],
  ['a directory that climbs out', [dir(''), dir('..')]],
  ['a first entry that climbs out', [file('../evil', 'x')]],
  ['a symlink whose own path climbs out', [dir(''), sym('../evil', 'x')]],
  ['an absolute path', [dir(''), file('/tmp/perdure-evil', 'x')]],
  ['NUL in a path', [dir(''), file('a\0b', 'x')]],
  ['an empty segment', [dir(''), file('a//b', 'x')]],
  ['a trailing slash', [dir(''), file('a/', 'x')]],
  ['a dot segment', [dir(''), file('./a', 'x')]],
  ['a name of 256 bytes', [dir(''), file('x'.repeat(256), 'x')]],
  ['an unpaired surrogate', [dir(''), file('a\ud800', 'x')]],
  ['the same file twice', [dir(''), file('a', 'x'), file('a', 'y')]],
  ['a file, then a directory of its name', [dir(''), file('a', 'x'), dir('a')]],
  ['a directory, then a file of its name', [dir(''), dir('a'), file('a', 'x')]],
  ['a file below a file', [dir(''), file('a', 'x'), file('a/b', 'y')]],
  ['a file below a symlink out of the target', [dir(''), sym('a', '..'), file('a/evil', 'y')]],
  ['a file below a symlink within the target', [dir(''), dir('d'), sym('a', 'd'), file('a/evil', 'y')]],
  ['a file far below a symlink', [dir(''), sym('a', '..'), file('a/b/c/evil', 'y')]],
  ['a directory below a symlink', [dir(''), sym('a', '..'), dir('a/evil')]],
  ['a symlink below a symlink', [dir(''), sym('a', '..'), sym('a/evil', 'x')]],
  ['a symlink, then a file of its name', [dir(''), sym('a', '../beside'), file('a', 'y')]],
  ['a symlink, then a directory of its name', [dir(''), sym('a', '../besides'), dir('a'), file('a/evil', 'x')]],
  ['a directory with a file, then a symlink of its name', [dir(''), file('a/b', 'x'), sym('a', '..')]],
  ['a symlink to nothing', [dir(''), sym('a', '')]],
  ['a symlink target with NUL', [dir(''), sym('a', 'x\0y')]],
  ['a file that is the object, and one below it', [file('', 'x'), file('evil', 'y')]],
  ['a symlink that is the object, and a file below it', [sym('', '..'), file('evil', 'y')]],
  ['the object twice', [dir(''), dir('')]],
]

describe('hostile trees', () => {
  it.each(HOSTILE)('refuses %s and touches nothing outside the target', async (_, given) => {
    const { folder, out } = await place()
    await writeFile(join(folder, 'beside'), 'precious')
    await mkdir(join(folder, 'besides'))
    await expect(extract(tree(given), out, { overwrite: true })).rejects.toMatchObject({ name: 'ArchiveError', code: 'unsafe-target' })
    await rm(out, { recursive: true, force: true })
    expect(await snapshot(folder)).toEqual({ beside: 'file 644 precious', besides: 'directory 755' })
    await expect(access('/tmp/perdure-evil')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('never writes outside the target, whatever the paths are made of', async () => {
    const segment = fc.constantFrom('a', 'b', '..', '.', '', 'A', 'a\\..', '\0', '.a.perdure-part')
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
    const entry = fc.oneof(
      path.map((at) => file(at, at)),
      path.map((at) => dir(at)),
      fc.tuple(path, path).map(([at, to]) => sym(at, `../${to}`)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (given) => {
        const folder = await mkdtemp(join(tmpdir(), 'perdure-extract-'))
        try {
          await mkdir(join(folder, 'a'))
          await writeFile(join(folder, 'a/a'), 'precious')
          await extract(tree([dir(''), ...given]), join(folder, 'out'), { durable: false, overwrite: true }).catch((error: unknown) => {
            expect(error).toMatchObject({ name: 'ArchiveError', code: 'unsafe-target' })
          })
          await rm(join(folder, 'out'), { recursive: true })
          expect(await snapshot(folder)).toEqual({ a: 'directory 755', 'a/a': 'file 644 precious' })
        } finally {
          await rm(folder, { recursive: true })
        }
      }),
      { numRuns: 150 },
    )
  })

  it('refuses to go through a symlink that stood in the target before, for files, directories and symlinks', async () => {
    const { folder, out } = await place()
    await mkdir(join(folder, 'outside/deep'), { recursive: true })
    await mkdir(out)
    await symlink('../outside', join(out, 'way'))
    for (const below of [file('way/evil', 'x'), dir('way/evil'), sym('way/evil', 'x'), file('way/deep/evil', 'x')]) {
      for (const given of [
        [dir(''), dir('way'), below],
        [dir(''), below],
      ]) {
        await expect(extract(tree(given), out, { overwrite: true })).rejects.toMatchObject({ code: 'unsafe-target' })
      }
    }
    expect(await snapshot(join(folder, 'outside'))).toEqual({ deep: 'directory 755' })
  })

  it('refuses a symlink that took the place of a restored directory meanwhile, for files and symlinks', async () => {
    const { folder, out } = await place()
    await mkdir(join(folder, 'outside'))
    const swap = async (path: string) => {
      if (path !== 'swap') return
      await rm(join(out, 'd'), { recursive: true })
      await symlink('../outside', join(out, 'd'))
    }
    for (const evil of [file('d/evil', 'x'), sym('d/evil', 'x')]) {
      const given = [dir(''), dir('d'), file('swap', 'y'), evil]
      await expect(extract(tree(given, swap, 30), out, { overwrite: true })).rejects.toMatchObject({ code: 'unsafe-target' })
      await rm(out, { recursive: true })
    }
    expect(await readdir(join(folder, 'outside'))).toEqual([])
  })

  it('does not write through a part file that is a symlink', async () => {
    const { folder, out } = await place()
    await writeFile(join(folder, 'victim'), 'precious')
    await mkdir(out)
    await symlink('../victim', join(out, '.a.perdure-part'))
    await extract(tree([dir(''), file('a', 'evil')]), out)
    expect(await snapshot(folder)).toMatchObject({ victim: 'file 644 precious', 'out/a': 'file 644 evil' })
  })

  it('restores entries that are called like the part files of others', async () => {
    const names = ['.a.perdure-part', '.a.perdure-part2', '..a.perdure-part.perdure-part', '.A.perdure-part']
    for (const given of [
      ['a', ...names],
      [...names, 'a'],
      ['A', 'a', ...names.toReversed()],
    ]) {
      const { out } = await place()
      const files = given.map((name) => file(name, `content of ${name}`))
      await extract(
        tree([dir(''), ...files], () => sleep(20), 4),
        out,
      )
      expect((await readdir(out)).sort()).toEqual(given.toSorted())
      for (const name of given) expect(await readFile(join(out, name), 'utf8')).toBe(`content of ${name}`)
    }
  })

  it('puts nothing in place when another process took over the part, and leaves it its own', async () => {
    const { out } = await place()
    const intrude = async () => {
      await rm(join(out, '.a.perdure-part'))
      await writeFile(join(out, '.a.perdure-part'), 'half of what')
    }
    await expect(extract(tree([dir(''), file('a', 'x')], intrude), out)).rejects.toMatchObject({ code: 'busy' })
    expect(await snapshot(out)).toEqual({ '.a.perdure-part': 'file 644 half of what' })
  })

  it('refuses content that is not as long as was told', async () => {
    const { out } = await place()
    await expect(extract(tree([dir(''), file('a', 'four', { byteLength: 5 })]), out)).rejects.toMatchObject({ code: 'malformed' })
    expect(await readdir(out)).toEqual([])
  })
})

describe('names that a file system merges', () => {
  const PAIRS: readonly (readonly [string, string])[] = [
    ['README', 'readme'],
    ['caf\u00e9', 'cafe\u0301'],
    ['stra\u00dfe', 'STRASSE'],
    ['\u212a', 'k'],
    ['git', 'g\u200cit'],
    ['end', 'end.'],
  ]

  it.each(PAIRS)('keeps %j and %j apart where the file system does', async (a, b) => {
    const { out } = await place()
    for (let pass = 0; pass < 2; pass++) await extract(tree([dir(''), file(a, 'first'), file(b, 'second')]), out)
    expect(await readFile(join(out, a), 'utf8')).toBe('first')
    expect(await readFile(join(out, b), 'utf8')).toBe('second')
  })

  it.each(PAIRS)('refuses the second of %j and %j when both lead to the same file', async (a, b) => {
    // One inode under both names is what a merging file system shows; a hard link shows the same on any.
    const { out } = await place()
    await mkdir(out)
    await writeFile(join(out, a), 'first')
    await link(join(out, a), join(out, b))
    const error = await extract(tree([dir(''), file(a, 'first'), file(b, 'second')]), out, { overwrite: true }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'unsafe-target', message: expect.stringContaining(JSON.stringify(a)) })
    expect(error).toMatchObject({ message: expect.stringContaining(JSON.stringify(b)) })
    expect(await readFile(join(out, a), 'utf8')).toBe('first')
  })

  it('waits for the first of two such names before it looks at the second', async () => {
    const { out } = await place()
    const began: string[] = []
    const slow = async (path: string) => {
      if (path !== 'README') began.push(`${path} ${(await readdir(out)).includes('README')}`)
      else await sleep(50)
    }
    await extract(tree([dir(''), file('README', 'x'), file('readme', 'y'), file('Readme', 'z')], slow), out)
    expect(began).toEqual(['readme true', 'Readme true'])
  })

  describe('on a file system that ignores case', () => {
    let merging: string | undefined

    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'perdure-merging-'))
      const unmount = await mountMerging(folder)
      if (unmount) merging = join(folder, 'mounted')
      return async () => {
        await unmount?.()
        await rm(folder, { recursive: true, force: true })
      }
    })

    it('refuses files, directories and symlinks that share a place, and overwrites nothing', async ({ skip }) => {
      if (!merging) {
        console.warn('skipped: no file system that ignores case could be mounted here (vfat, ext4 with casefold, or lowntfs-3g)')
        skip()
        return
      }
      const cases: readonly (readonly Given[])[] = [
        [dir(''), file('README', 'first'), file('readme', 'second')],
        [dir(''), dir('D'), file('D/x', 'first'), dir('d')],
        [dir(''), file('D/x', 'first'), file('d/x', 'second')],
        [dir(''), sym('way', '..'), file('Way/evil', 'second')],
      ]
      for (const [index, given] of cases.entries()) {
        const out = join(merging, `${index}`)
        for (const overwrite of [false, true]) {
          await expect(extract(tree(given), out, { overwrite })).rejects.toMatchObject({ code: 'unsafe-target' })
        }
      }
      expect(await readFile(join(merging, '0/README'), 'utf8')).toBe('first')
      expect(await readFile(join(merging, '2/D/x'), 'utf8')).toBe('first')
      const parts = tree([dir(''), file('a', 'x'), file('.A.PERDURE-PART', 'y')], () => sleep(20), 4)
      await extract(parts, join(merging, 'parts'))
      expect(await readFile(join(merging, 'parts/a'), 'utf8')).toBe('x')
      await extract(tree([dir(''), file('One', 'x'), file('Two', 'y')]), join(merging, 'fine'))
      expect((await extract(tree([dir(''), file('One', 'x'), file('Two', 'y')]), join(merging, 'fine'))).reused).toBe(2)
    })
  })
})

/** Mounts whatever this machine has that ignores case; resolves to what takes it down again. */
async function mountMerging(folder: string): Promise<(() => Promise<unknown>) | undefined> {
  const image = join(folder, 'image')
  const at = join(folder, 'mounted')
  await mkdir(at)
  await run('truncate', ['-s', '16M', image])
  const ways: readonly (() => Promise<unknown>)[] = [
    () => run('mkfs.vfat', [image]).then(() => run('mount', ['-o', 'loop', image, at])),
    async () => {
      await run('mkfs.ext4', ['-q', '-F', '-O', 'casefold', image])
      await run('mount', ['-o', 'loop', image, at])
      await run('chattr', ['+F', at])
    },
    () => run('mkntfs', ['-F', '-Q', '-q', image]).then(() => run('lowntfs-3g', ['-o', 'ignore_case,loop', image, at])),
  ]
  for (const way of ways) {
    const mounted = await way().then(
      () => true,
      () => false,
    )
    if (mounted) return () => run('umount', [at])
  }
  return undefined
}

describe('restoring again', () => {
  it('keeps what has the right content, without reading it from the archive, and sets its mode and mtime again', async () => {
    const { out } = await place()
    const given = [dir(''), file('a', 'one', { mode: 0o640, mtime: { secs: 1_000n } }), dir('d'), file('d/b', 'two'), sym('l', 'a')]
    await extract(tree(given), out)
    await chmod(join(out, 'a'), 0o600)
    await utimes(join(out, 'a'), 5, 5)
    const inode = (await stat(join(out, 'a'))).ino
    const again = tree(given)
    expect(await extract(again, out)).toMatchObject({ files: 2, byteLength: 6, reused: 2 })
    expect(again.reads).toEqual([])
    expect(again.checks).toEqual(['a', 'd/b'])
    expect(await stat(join(out, 'a'))).toMatchObject({ ino: inode, mtimeMs: 1_000_000 })
    expect((await stat(join(out, 'a'))).mode & 0o777).toBe(0o640)
  })

  it('refuses a file with other content before anything is written to it, and replaces it when asked to', async () => {
    const { out } = await place()
    for (const [before, checked] of [
      ['other', 1],
      ['longer content', 0],
    ] as const) {
      await mkdir(out, { recursive: true })
      await writeFile(join(out, 'a'), before)
      const refused = tree([dir(''), file('a', 'right')])
      await expect(extract(refused, out)).rejects.toMatchObject({ code: 'exists', message: expect.stringContaining('/a') })
      expect(refused.reads).toEqual([])
      expect(refused.checks).toHaveLength(checked)
      expect(await snapshot(out)).toEqual({ a: `file 644 ${before}` })
      expect(await extract(tree([dir(''), file('a', 'right')]), out, { overwrite: true })).toMatchObject({ files: 1, reused: 0 })
      expect(await snapshot(out)).toEqual({ a: 'file 644 right' })
    }
  })

  it('never replaces a directory by a file or symlink, nor a file by a directory', async () => {
    const { out } = await place()
    await mkdir(join(out, 'a'), { recursive: true })
    await writeFile(join(out, 'f'), 'mine')
    const options = { overwrite: true }
    await expect(extract(tree([dir(''), file('a', 'x')]), out, options)).rejects.toMatchObject({ code: 'exists' })
    await expect(extract(tree([dir(''), sym('a', 'x')]), out, options)).rejects.toMatchObject({ code: 'exists' })
    await expect(extract(tree([dir(''), dir('f')]), out, options)).rejects.toMatchObject({ code: 'exists' })
    expect(await snapshot(out)).toEqual({ a: 'directory 755', f: 'file 644 mine' })
  })

  it('replaces a symlink with another target only when asked to', async () => {
    const { out } = await place()
    await mkdir(out)
    await symlink('old', join(out, 'l'))
    await expect(extract(tree([dir(''), sym('l', 'new')]), out)).rejects.toMatchObject({ code: 'exists' })
    expect(await readlink(join(out, 'l'))).toBe('old')
    await extract(tree([dir(''), sym('l', 'new')]), out, { overwrite: true })
    expect(await snapshot(out)).toEqual({ l: '-> new' })
  })

  it('goes on after an abort in the middle: whole files are not read again, parts are replaced', async () => {
    const { out } = await place()
    const given = [dir(''), ...Array.from({ length: 8 }, (_, index) => file(`f${index}`, `content ${index}`))]
    const controller = new AbortController()
    const first = tree(given, (path) => path === 'f4' && controller.abort(new RangeError('enough')))
    await expect(extract(first, out, { signal: controller.signal })).rejects.toThrow('enough')
    const whole = await readdir(out)
    expect(whole.length).toBeGreaterThanOrEqual(3)
    for (const name of whole) expect(await readFile(join(out, name), 'utf8')).toBe(`content ${name.slice(1)}`)
    await writeFile(join(out, '.f5.perdure-part'), 'what a killed run left, longer than the file itself')
    const second = tree(given)
    expect(await extract(second, out)).toMatchObject({ files: 8, reused: whole.length })
    expect(second.reads.toSorted()).toEqual(given.map(({ path }) => path).filter((path) => path !== '' && !whole.includes(path)))
    expect(await readdir(out)).toHaveLength(8)
  })

  it('passes on what reading throws, and ends the other file with it', async () => {
    const { out } = await place()
    const failing = tree([dir(''), file('slow', 'x'.repeat(700)), file('bad', 'y')], async (path) => {
      if (path === 'bad') throw new RangeError('unreadable')
      await sleep(30)
    })
    await expect(extract(failing, out)).rejects.toThrow('unreadable')
    expect(await readdir(out)).toEqual([])
  })

  it('reads at most two files at a time', async () => {
    const { out } = await place()
    let now = 0
    let most = 0
    const busy = async () => {
      most = Math.max(most, ++now)
      await sleep(5)
      now--
    }
    await extract(tree([dir(''), ...Array.from({ length: 10 }, (_, index) => file(`${index}`, 'x'))], busy), out)
    expect(most).toBe(2)
  })
})

describe('disks that say no', () => {
  it('says exhausted when the disk is full, keeps whole files and finishes when there is room', async ({ skip }) => {
    const { folder } = await place()
    const at = join(folder, 'small')
    await mkdir(at)
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', at])
    } catch (error) {
      console.warn('skipped: a small tmpfs could not be mounted here', error)
      skip()
    }
    try {
      const given = [dir(''), file('a', 'a'.repeat(100_000)), file('b', 'b'.repeat(300_000))]
      await expect(extract(tree(given), at)).rejects.toMatchObject({ code: 'exhausted', cause: { code: 'ENOSPC' } })
      expect((await readdir(at)).filter((name) => name !== 'a')).toEqual([])
      await run('mount', ['-o', 'remount,size=1m', at])
      expect(await extract(tree(given), at)).toMatchObject({ files: 2 })
    } finally {
      await run('umount', [at])
    }
  })

  it('keeps the cause when permission is missing', async () => {
    const { folder, out } = await place()
    await chmod(folder, 0o755)
    await mkdir(out)
    const uid = process.getuid?.()
    if (uid === 0) process.seteuid?.(65_534)
    else await chmod(out, 0o555)
    try {
      await expect(extract(tree([dir(''), file('a', 'x')]), out)).rejects.toMatchObject({ code: 'denied', cause: { code: 'EACCES' } })
    } finally {
      if (uid === 0) process.seteuid?.(0)
    }
  })
})
