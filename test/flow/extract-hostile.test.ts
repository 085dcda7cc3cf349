import { access, link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { extract } from '../../src/flow/extract.ts'

import { dir, file, type Given, place, run, snapshot, sym, tree } from './extract-tree.ts'

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
    for (const evil of [file('d/evil', 'x'), sym('d/evil', 'x')]) {
      const given = [dir(''), dir('d'), file('swap', 'y'), evil]
      const swapped = Promise.withResolvers<void>()
      const swap = async (path: string) => {
        if (path !== 'swap') return
        await rm(join(out, 'd'), { recursive: true })
        await symlink('../outside', join(out, 'd'))
        swapped.resolve()
      }
      // What comes after it is not told before the symlink stands there, however slow the machine.
      const after = (path: string) => (path === 'swap' ? swapped.promise : undefined)
      await expect(extract(tree(given, swap, after), out, { overwrite: true })).rejects.toMatchObject({ code: 'unsafe-target' })
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
        tree(
          [dir(''), ...files],
          () => sleep(20),
          () => sleep(4),
        ),
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
      const parts = tree(
        [dir(''), file('a', 'x'), file('.A.PERDURE-PART', 'y')],
        () => sleep(20),
        () => sleep(4),
      )
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
