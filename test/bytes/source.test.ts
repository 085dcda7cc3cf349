import { execFileSync } from 'node:child_process'
import { appendFile, chmod, mkdir, mkdtemp, open, readdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromPath, namedEntries, openSource } from '../../src/bytes/source.ts'
import type { Entry, NamedEntry, Source } from '../../src/contracts/source.ts'
import { all } from './all.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-source-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const paths = (entries: readonly Entry[]) => entries.map(({ path }) => path)
const entriesOf = async (source: Source, exclude?: readonly string[]) =>
  all((await openSource(source, { exclude, chunkSize: 16 })).entries())
const read = async (entry: Entry | undefined) => Buffer.concat(await all(entry?.open?.() ?? []))
const file = (path: string, content = 'x') => writeFile(join(dir, path), content)
const openHandles = async () => (await readdir('/proc/self/fd')).length

describe('a path', () => {
  it('gives a tree in the order of UTF-8 bytes, parents first, with empty folders, symlinks, modes and times', async () => {
    for (const name of ['b', 'a', 'a/empty', 'é']) await mkdir(join(dir, name))
    for (const name of ['a/z', 'a.txt', 'a b', 'new\nline', 'b/😀', 'b/\uffee']) await file(name)
    await symlink('../outside', join(dir, 'a', 'link'))
    await chmod(join(dir, 'a.txt'), 0o640)
    await utimes(join(dir, 'a.txt'), new Date(), new Date(-1250))
    const entries = await entriesOf(dir)
    expect(paths(entries)).toEqual(['', 'a', 'a/empty', 'a/link', 'a/z', 'a b', 'a.txt', 'b', 'b/\uffee', 'b/😀', 'new\nline', 'é'])
    expect(entries.find(({ path }) => path === 'a/link')).toMatchObject({ kind: 'symlink', target: '../outside' })
    expect(entries.find(({ path }) => path === 'a.txt')).toMatchObject({
      kind: 'file',
      byteLength: 1,
      mode: 0o640,
      mtime: { secs: -2n, nsecs: 750_000_000 },
    })
  })

  it('is followed when it is itself a symlink, and takes its name from the link', async () => {
    await file('real', 'content')
    await symlink('real', join(dir, 'alias'))
    const opened = await openSource(join(dir, 'alias'))
    expect(opened).toMatchObject({ name: 'alias', shape: 'single', byteLength: 7 })
    const [entry] = await all(opened.entries())
    expect(entry?.path).toBe('')
    expect((await read(entry)).toString()).toBe('content')
  })

  it('may be a file: URL, and no other', async () => {
    await file('with space', 'u')
    expect((await read((await entriesOf(pathToFileURL(join(dir, 'with space'))))[0])).toString()).toBe('u')
    await expect(openSource(new URL('https://example.org/x'))).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('leaves out what a glob matches by path or by name, with everything below it', async () => {
    await mkdir(join(dir, 'node_modules/x'), { recursive: true })
    await mkdir(join(dir, 'new\nline'))
    for (const name of ['keep', '.hidden', 'a.tmp', 'node_modules/x/y', 'new\nline/a.tmp', 'new\nline/z']) await file(name)
    expect(paths(await entriesOf(fromPath(dir, { exclude: ['*.tmp', 'node_modules/', '.h*'] })))).toEqual([
      '',
      'keep',
      'new\nline',
      'new\nline/z',
    ])
    expect(paths(await entriesOf(dir, ['**/z', 'node_modules/**', '?eep']))).not.toContain('new\nline/z')
  })

  it.each([
    ['a path that is not there', 'nothing', 'not-found'],
    ['a path below a file', 'plain/below', 'not-found'],
    ['a symlink to nothing', 'dangling', 'not-found'],
    ['a fifo', 'pipe', 'unsupported'],
    ['a folder with a fifo', '.', 'unsupported'],
  ])('refuses %s by name', async (_, name, code) => {
    await file('plain')
    await symlink('gone', join(dir, 'dangling'))
    execFileSync('mkfifo', [join(dir, 'pipe')])
    await expect(entriesOf(join(dir, name))).rejects.toMatchObject({
      name: 'SourceError',
      code,
      message: expect.stringContaining(name === '.' ? 'pipe' : name),
    })
  })

  it('refuses a socket and a device', async () => {
    const server = createServer().listen(join(dir, 'socket'))
    await expect(entriesOf(join(dir, 'socket'))).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('socket') })
    server.close()
    await expect(entriesOf('/dev/null')).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('refuses a name that is not UTF-8', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${dir}/bad-`), Buffer.of(0xff, 0xfe)]), 'x')
    await expect(entriesOf(dir)).rejects.toMatchObject({ code: 'invalid-path', message: expect.stringContaining('bad-') })
  })

  it('tells an unreadable file from one that is not there', () => {
    const program = `
      import { openSource } from ${JSON.stringify(new URL('../../src/bytes/source.ts', import.meta.url).href)}
      process.setuid(65534)
      const read = async (path) => { for await (const e of (await openSource(path)).entries()) if (e.open) for await (const _ of e.open()) ; }
      for (const path of process.argv.slice(1)) await read(path).catch((error) => console.log(error.name, error.code))`
    execFileSync('mkdir', ['-m', '711', join(dir, 'd')])
    execFileSync('sh', ['-c', `chmod 711 ${dir}; echo x > ${dir}/d/secret; chmod 600 ${dir}/d/secret; mkdir -m 700 ${dir}/locked`])
    const out = execFileSync(process.execPath, [
      '--no-warnings',
      '--input-type=module',
      '-e',
      program,
      join(dir, 'd/secret'),
      join(dir, 'locked'),
      join(dir, 'd/gone'),
    ])
    expect(out.toString().trim().split('\n')).toEqual(['SourceError unreadable', 'SourceError unreadable', 'SourceError not-found'])
  })
})

describe('reading a file', () => {
  it('yields exact chunks, several pool lengths of them, and closes the file', async () => {
    const content = Buffer.from(Array.from({ length: 16 * 20 + 5 }, (_, index) => index))
    await writeFile(join(dir, 'f'), content)
    const before = await openHandles()
    const [entry] = await entriesOf(join(dir, 'f'))
    const chunks = await all(entry?.open?.() ?? [])
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([...Array(20).fill(16), 5])
    expect(Buffer.concat(chunks)).toEqual(content)
    expect(await openHandles()).toBe(before)
  })

  it('closes the file when its reader leaves early or is aborted', async () => {
    await file('f', 'y'.repeat(200))
    const before = await openHandles()
    const [entry] = await entriesOf(join(dir, 'f'))
    for await (const _ of entry?.open?.() ?? []) break
    const controller = new AbortController()
    const reading = async () => {
      for await (const _ of entry?.open?.({ signal: controller.signal }) ?? []) controller.abort(new RangeError('stop'))
    }
    await expect(reading()).rejects.toThrow('stop')
    expect(await openHandles()).toBe(before)
  })

  const meanwhile: [string, (at: string) => Promise<unknown>][] = [
    ['grows', (at) => appendFile(at, 'more')],
    ['is cut', (at) => truncate(at, 100)],
    ['is removed', (at) => rm(at)],
    ['is replaced by a copy', (at) => writeFile(`${at}.new`, 'y'.repeat(200)).then(() => rename(`${at}.new`, at))],
    [
      'is written to in place',
      async (at) => {
        const handle = await open(at, 'r+')
        await handle.write('Z', 199)
        await handle.utimes(5, 5)
        await handle.close()
      },
    ],
  ]
  it.each(meanwhile)('fails when the file %s after the first chunk', async (_, change) => {
    await file('f', 'y'.repeat(200))
    const [entry] = await entriesOf(join(dir, 'f'))
    const reading = async () => {
      let first = true
      for await (const _ of entry?.open?.() ?? []) {
        if (first) await change(join(dir, 'f'))
        first = false
      }
    }
    await expect(reading()).rejects.toMatchObject({ name: 'SourceError', code: 'changed', message: expect.stringContaining('/f"') })
  })

  it('fails when the file vanished, or became a symlink or a fifo, since it was listed', async () => {
    await file('f')
    const [entry] = await entriesOf(join(dir, 'f'))
    await rm(join(dir, 'f'))
    await expect(read(entry)).rejects.toMatchObject({ code: 'changed' })
    await symlink('/etc/passwd', join(dir, 'f'))
    await expect(read(entry)).rejects.toMatchObject({ code: 'changed' })
    await rm(join(dir, 'f'))
    execFileSync('mkfifo', [join(dir, 'f')])
    await expect(read(entry)).rejects.toMatchObject({ code: 'changed' })
  })

  it('gives each of many short files its own content, and fails at the turn of one that vanished', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `f${String(index).padStart(2, '0')}`)
    for (const name of names) await file(name, name.slice(0, 2 + Number(name.at(-1))))
    const opened = await openSource(dir)
    const seen: string[] = []
    const reading = async () => {
      for await (const entry of opened.entries()) {
        if (entry.kind !== 'file') continue
        if (entry.path === 'f40') await rm(join(dir, 'f60'))
        expect((await read(entry)).toString()).toBe(entry.path.slice(0, 2 + Number(entry.path.at(-1))))
        seen.push(entry.path)
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'changed', message: expect.stringContaining('f60') })
    expect(seen).toEqual(names.slice(0, 60))
  })

  it('fails for a file that says it is empty and is not', async () => {
    await expect(read((await entriesOf('/proc/self/status'))[0])).rejects.toMatchObject({ code: 'changed' })
  })
})

describe('a list', () => {
  const list: NamedEntry[] = [
    { path: 'b/c', content: Buffer.from('C'), mode: 0o100600, mtime: new Date(-1) },
    { path: 'b.x', content: new Blob(['blob']) },
    { path: 'b-', target: '../nowhere' },
    { path: 'a/deep/empty' },
  ]

  it('is sorted like a folder, and names the folders it implies', async () => {
    const entries = await entriesOf(list)
    expect(paths(entries)).toEqual(['a', 'a/deep', 'a/deep/empty', 'b', 'b/c', 'b-', 'b.x'])
    expect(entries[4]).toMatchObject({ kind: 'file', byteLength: 1, mode: 0o600, mtime: { secs: -1n, nsecs: 999_000_000 } })
    expect((await read(entries[6])).toString()).toBe('blob')
    expect(entries[5]).toMatchObject({ kind: 'symlink', target: '../nowhere' })
  })

  it('is an empty directory when it is empty, where another empty iterable is an empty file', async () => {
    expect(await openSource([])).toMatchObject({ shape: 'tree' })
    expect(await openSource(new Set<Uint8Array>())).toMatchObject({ shape: 'single' })
    expect(await openSource([new Uint8Array(1)])).toMatchObject({ shape: 'single' })
  })

  const bad = ['', '/abs', '..', 'a/../b', 'a/./b', 'a//b', 'a/', 'nul\0', 'x'.repeat(256), 'é'.repeat(128), 'lone\ud800']
  it.each(bad)('refuses the path %j by name', async (path) => {
    const refused = { name: 'SourceError', code: 'invalid-path', message: expect.stringContaining(JSON.stringify(path)) }
    await expect(openSource([{ path, content: new Uint8Array(1) }])).rejects.toMatchObject(refused)
    await expect(all(namedEntries([{ path }]))).rejects.toMatchObject(refused)
  })

  it('takes 255 bytes a segment, and names with dots, spaces, newlines and backslashes', async () => {
    const good = ['é'.repeat(127), '...', ' ', 'a\nb', 'back\\', 'back\\/x'].map((path) => ({ path }))
    expect(await entriesOf(good.filter(({ path }) => path !== 'back\\'))).toHaveLength(6)
  })

  it.each([
    ['twice the same path', [{ path: 'a' }, { path: 'a' }]],
    ['a path below a file', [{ path: 'a/b/c' }, { path: 'a', content: new Uint8Array(1) }]],
    ['a path below a symlink', [{ path: 'a', target: 'x' }, { path: 'a/b' }]],
  ])('refuses %s', async (_, entries) => {
    await expect(openSource(entries)).rejects.toMatchObject({ code: 'invalid-path' })
  })

  it('refuses what is neither file, directory nor symlink', async () => {
    await expect(openSource([{ path: 'a', content: new Uint8Array(1), target: 'x' }])).rejects.toMatchObject({ code: 'unsupported' })
    await expect(openSource([{ path: 'a', content: 'text' as unknown as Uint8Array }])).rejects.toMatchObject({ code: 'unsupported' })
    await expect(openSource([{ path: 'a', mtime: new Date(Number.NaN) }])).rejects.toMatchObject({ code: 'unsupported' })
    await expect(openSource([{ path: 'a', target: 'nul\0' }])).rejects.toMatchObject({ code: 'invalid-path' })
  })
})

describe('bytes', () => {
  it('of a Uint8Array and a File are cut without being copied or buffered whole', async () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, index) => index)
    const chunks = await all((await entriesOf(bytes))[0]?.open?.() ?? [])
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([16, 16, 8])
    expect(chunks.every(({ buffer }) => buffer === bytes.buffer)).toBe(true)
    const named = await openSource(new File([bytes], 'photo.tif'), { chunkSize: 16 })
    expect(named).toMatchObject({ name: 'photo.tif', byteLength: 40, shape: 'single' })
    expect(await read((await all(named.entries()))[0])).toEqual(Buffer.from(bytes))
  })

  it.each([undefined, null, 5, {}, { path: 'x' }, new ArrayBuffer(2)])('are not %j', async (source) => {
    await expect(openSource(source as unknown as Source)).rejects.toMatchObject({ name: 'SourceError', code: 'unsupported' })
  })
})
