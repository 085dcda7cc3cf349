import { chmod, chown, mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { RestoreEvent } from '../../src/contracts.ts'
import { extract } from '../../src/flow/extract.ts'
import { addressOf, RAW } from '../../src/format/address.ts'

import { dir, file, place, run, snapshot, sym, tree } from './extract-tree.ts'

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
