import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Place, place } from './run.ts'

const BYTES = Buffer.alloc(2_500_000, 'the quick brown fox ')

/** Two directory vaults, a file and a folder with names that need care. */
async function prepared(): Promise<Place> {
  const at = await place()
  await writeFile(join(at.cwd, 'photo.tif'), BYTES)
  await mkdir(join(at.cwd, 'album/sommer ü'), { recursive: true })
  await writeFile(join(at.cwd, 'album/sommer ü/note.txt'), 'hello\n')
  await writeFile(join(at.cwd, 'album/skip.tmp'), 'x')
  await symlink('sommer ü/note.txt', join(at.cwd, 'album/link'))
  await at.run(['init', '--vault', 'directory:a', '--vault', 'directory:b'])
  return at
}

/** The content packs of a vault, largest first. */
async function packs(at: Place, vault: string): Promise<string[]> {
  const names = await readdir(join(at.cwd, vault, 'packs'), { recursive: true })
  const files = names.filter((name) => name.endsWith('.car')).map((name) => join(at.cwd, vault, 'packs', name))
  const sized = await Promise.all(files.map(async (file) => ({ file, size: (await readFile(file)).byteLength })))
  return sized.sort((x, y) => y.size - x.size).map(({ file }) => file)
}

async function flipAByte(file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 1
  await writeFile(file, bytes)
}

describe('without any configuration', () => {
  it('put works, exits 0, and says in a line each that it is public, that one local copy is degraded, and what to do', async () => {
    await using at = await place()
    await writeFile(join(at.cwd, 'x'), 'x')
    const { code, stdout, stderr } = await at.run(['put', 'x'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^degraded {2}bafk/)
    expect(stderr).toMatch(/^[^\n]*in public[^\n]*perdure key new[^\n]*\n[^\n]*degraded[^\n]*perdure init --vault directory:[^\n]*\n$/)
    expect((await at.run(['put', 'x', '--public'])).stderr).not.toContain('in public')
    expect((await at.run(['put', 'x', '--json'])).stderr).not.toContain('in public')
    expect((await at.run(['status'])).code).toBe(3)
  })

  it('a vault that is added later keeps what the embedded one holds', async () => {
    await using at = await place()
    await writeFile(join(at.cwd, 'x'), 'x')
    await at.run(['put', 'x'])
    await at.run(['init', '--vault', 'directory:other'])
    expect((await at.run(['repair'])).code).toBe(0)
    expect((await at.json(['status'])).document).toMatchObject({ state: 'satisfied', objects: 1 })
  })
})

describe('init', () => {
  it('writes the vaults it was given, by names of their own, and never overwrites a file', async () => {
    await using at = await place()
    const { code, document } = await at.json(['init', '--vault', 'directory:one/copy', '--vault', 'directory:two/copy'])
    expect(code).toBe(0)
    expect(document.vaults).toEqual([
      { type: 'directory', id: 'copy', at: './one/copy' },
      { type: 'directory', id: 'copy-2', at: './two/copy' },
    ])
    const before = await readFile(join(at.cwd, 'perdure.json'), 'utf8')
    expect((await at.run(['init'])).code).toBe(2)
    expect(await readFile(join(at.cwd, 'perdure.json'), 'utf8')).toBe(before)
  })

  it.each(['directory:', 'directory', ':x', 'memory:x', 'ftp:x'])('refuses --vault %s', async (vault) => {
    await using at = await place()
    expect(await at.run(['init', '--vault', vault])).toMatchObject({ code: 2, stderr: expect.stringContaining('TYPE:PATH') })
  })
})

describe('the main job', () => {
  it('stores, catches damage and loss, plans, repairs, and ends where it began', async () => {
    await using at = await prepared()
    const put = await at.json(['put', 'photo.tif'])
    expect(put.code).toBe(0)
    expect(put.document).toMatchObject({ state: 'satisfied', byteLength: BYTES.byteLength, missing: [], name: 'photo.tif' })
    expect(put.document.replicas).toEqual(
      ['a', 'b'].map((vault) =>
        expect.objectContaining({ vault, verdict: 'intact', pack: expect.any(String), retrieval: expect.any(String) }),
      ),
    )
    const root = String(put.document.root)
    expect((await at.run(['put', 'album', '--exclude', '*.tmp', '--quiet'])).stdout).toMatch(/^bafy\w+\n$/)

    const [large] = await packs(at, 'b')
    const [, small] = await packs(at, 'a')
    await flipAByte(String(large))
    await rm(String(small))
    const verify = await at.json(['verify', '--level', 'whole'])
    expect(verify.code).toBe(5)
    expect(verify.document.state).toBe('damaged')
    const verdicts = (verify.document.objects as { replicas: { vault: string; verdict: string }[] }[]).map(({ replicas }) =>
      replicas.map(({ vault, verdict }) => `${vault} ${verdict}`),
    )
    expect(verdicts).toEqual([
      ['a intact', 'b damaged'],
      ['a missing', 'b intact'],
    ])
    expect((await at.run(['status', root])).code).toBe(5)

    const plan = await at.run(['repair', '--plan'])
    expect(plan).toMatchObject({ code: 3, stdout: expect.stringContaining('2 actions planned') })
    expect((await at.run(['verify', '--level', 'whole'])).code).toBe(5)

    const repair = await at.run(['repair'])
    expect(repair).toMatchObject({ code: 0, stdout: expect.stringMatching(/repaired/) })
    expect(await at.run(['verify', root, '--level', 'whole'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/a +intact.*\n +b +intact/),
    })
    expect((await at.run(['repair', '--plan'])).code).toBe(0)
  })

  it('says that an object is lost when no copy is left, and exits 6', async () => {
    await using at = await prepared()
    const root = (await at.run(['put', 'photo.tif', '-q'])).stdout.trim()
    for (const vault of ['a', 'b']) for (const file of await packs(at, vault)) await flipAByte(file)
    expect(await at.run(['verify', root, '--level', 'whole'])).toMatchObject({ code: 6, stdout: expect.stringMatching(/^lost|^at-risk/) })
  })
})

describe('reading back', () => {
  it('cat writes the bytes and ranges of them, from files inside a tree too', async () => {
    await using at = await prepared()
    const root = (await at.run(['put', 'photo.tif', '-q'])).stdout.trim()
    const tree = (await at.run(['put', 'album', '-q'])).stdout.trim()
    expect((await at.run(['cat', root])).stdout).toBe(BYTES.toString())
    expect((await at.run(['cat', root, '--offset', '4', '--length', '5'])).stdout).toBe('quick')
    expect((await at.run(['cat', `${tree}/sommer ü/note.txt`])).stdout).toBe('hello\n')
    expect((await at.json(['cat', `${tree}/sommer ü/note.txt`, '--offset', '1'])).document).toMatchObject({
      content: Buffer.from('ello\n').toString('base64'),
      byteLength: 5,
    })
    expect(await at.json(['cat', root, '--offset', '99MB'])).toMatchObject({ code: 1, document: { error: { code: 'bad-range' } } })
  })

  it('ls lists objects, and the entries of one', async () => {
    await using at = await prepared()
    const tree = (await at.run(['put', 'album', '--name', 'Sommer\u001b[31m', '-q'])).stdout.trim()
    expect((await at.run(['ls'])).stdout).toBe(`${tree}  Sommer\\u{1b}[31m\n`)
    expect((await at.run(['ls', tree])).stdout).toBe('link\nskip.tmp\nsommer ü/\nsommer ü/note.txt\n')
    expect((await at.run(['ls', tree, '--long'])).stdout).toMatch(/link -> sommer ü\/note\.txt\n/)
    const { document } = await at.json(['ls', `${tree}/sommer ü`])
    expect(document).toMatchObject({
      root: tree,
      path: 'sommer ü',
      entries: expect.arrayContaining([expect.objectContaining({ kind: 'file', byteLength: 6 })]),
    })
  })

  it('get writes a tree, finishes what is there, and refuses other content unless told to overwrite', async () => {
    await using at = await prepared()
    const tree = (await at.run(['put', 'album', '-q'])).stdout.trim()
    expect((await at.run(['get', tree, '-o', 'out'])).code).toBe(0)
    expect(await readFile(join(at.cwd, 'out/link'), 'utf8')).toBe('hello\n')
    expect((await at.json(['get', tree, '-o', 'out'])).document).toMatchObject({ files: expect.any(Number), reused: expect.any(Number) })
    await writeFile(join(at.cwd, 'out/sommer ü/note.txt'), 'mine')
    expect((await at.run(['get', tree, '-o', 'out'])).code).toBe(1)
    expect(await readFile(join(at.cwd, 'out/sommer ü/note.txt'), 'utf8')).toBe('mine')
    expect((await at.run(['get', tree, '-o', 'out', '--overwrite'])).code).toBe(0)
    expect(await readFile(join(at.cwd, 'out/sommer ü/note.txt'), 'utf8')).toBe('hello\n')
  })

  it('get puts a file into a folder under its own name, and never outside it', async () => {
    await using at = await prepared()
    await mkdir(join(at.cwd, 'folder'))
    const root = (await at.run(['put', 'photo.tif', '-q', '--name', '../../evil.tif'])).stdout.trim()
    expect((await at.run(['get', root, '-o', 'folder'])).code).toBe(0)
    expect((await at.run(['get', root, '-o', 'fresh/'])).code).toBe(0)
    expect((await at.run(['get', root, '-o', 'plain'])).code).toBe(0)
    for (const file of ['folder/evil.tif', 'fresh/evil.tif', 'plain']) expect((await readFile(join(at.cwd, file))).equals(BYTES)).toBe(true)
  })
})

describe('standard input', () => {
  it('is stored with put -, under the same root as the file', async () => {
    await using at = await prepared()
    const stdin = (async function* () {
      for (let offset = 0; offset < BYTES.byteLength; offset += 77_777) yield BYTES.subarray(offset, offset + 77_777)
    })()
    const piped = await at.run(['put', '-', '--name', 'piped', '-q'], { stdin })
    expect(piped.stdout).toBe((await at.run(['put', 'photo.tif', '-q'])).stdout)
  })
})

describe('receipts', () => {
  it('are shown as they were signed and verified offline, with and without the key that must have signed', async () => {
    await using at = await prepared()
    const { document: receipt } = await at.json(['put', 'photo.tif'])
    expect((await at.json(['receipt', 'show', String(receipt.root)])).document).toEqual(receipt)
    const elsewhere = join(at.cwd, 'receipt.json')
    await writeFile(elsewhere, JSON.stringify(receipt))
    expect(await at.json(['receipt', 'verify', elsewhere])).toMatchObject({ code: 0, document: { valid: true, keyGiven: false } })
    expect((await at.run(['receipt', 'verify', elsewhere, '--key', String(receipt.archive)])).code).toBe(0)
    await writeFile(elsewhere, JSON.stringify({ ...receipt, byteLength: 1 }))
    expect(await at.json(['receipt', 'verify', elsewhere])).toMatchObject({ code: 1, document: { valid: false } })
    await writeFile(elsewhere, 'not json')
    expect((await at.json(['receipt', 'verify', elsewhere])).document).toMatchObject({ error: { code: 'malformed' } })
  })
})

describe('forgetting', () => {
  it('removes objects, and one that is unknown does not keep the others', async () => {
    await using at = await prepared()
    const root = (await at.run(['put', 'photo.tif', '-q'])).stdout.trim()
    const { code, document } = await at.json(['rm', 'bafkqaaa', root])
    expect(code).toBe(1)
    expect(document.objects).toMatchObject([
      { root: 'bafkqaaa', error: { code: 'unknown-root' } },
      { root, removed: [{ vault: 'a' }, { vault: 'b' }] },
    ])
    expect(await packs(at, 'a')).toEqual([])
    expect((await at.json(['prune', '--plan'])).document).toMatchObject({ planned: true })
    expect((await at.run(['prune'])).code).toBe(0)
    expect((await at.run(['status'])).stdout).toContain('empty')
  })
})

describe('vaults and policy', () => {
  it('vault list, vault test and explain speak of every vault', async () => {
    await using at = await prepared()
    for (const command of [['vault', 'list'], ['vaults']])
      expect((await at.json(command)).document).toMatchObject({ vaults: [{ id: 'a' }, { id: 'b' }] })
    const test = await at.json(['vault', 'test'])
    expect(test).toMatchObject({
      code: 0,
      document: {
        ok: true,
        vaults: [
          { vault: 'a', ok: true },
          { vault: 'b', ok: true },
        ],
      },
    })
    const explain = await at.json(['explain', '--size', '64MiB'])
    expect(explain).toMatchObject({ code: 0, document: { satisfiable: true, chosen: ['a', 'b'] } })
    expect((await at.run(['vault', 'test', 'nobody'])).code).toBe(2)
  })

  it('explain exits 3 when the policy cannot be met', async () => {
    await using at = await place()
    expect(await at.run(['explain'])).toMatchObject({ code: 3, stdout: expect.stringContaining('cannot be met') })
  })
})
