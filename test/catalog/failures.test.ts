import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { chmod, open as openFile, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { SCHEMA_VERSION } from '../../src/catalog/migrations.ts'
import { openCatalog } from '../../src/catalog/open.ts'
import { putOne, staged } from '../../src/conformance/catalog-fixtures.ts'
import { child, freshPath, open } from './fixtures.ts'

const failsWith = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'CatalogError', code, message: expect.stringMatching(message) })

it('a file that is no database is named, left as it is, and told how to be rebuilt', async () => {
  const path = await freshPath()
  const text = 'This is a shopping list, and a long one, not a database. '.repeat(40)
  await writeFile(path, text)
  await expect(openCatalog({ path })).rejects.toEqual(failsWith('corrupt', /catalog\.sqlite is damaged.*recover/))
  expect(await readFile(path, 'utf8')).toBe(text)
})

it('a damaged page is reported as corrupt', async () => {
  const path = await freshPath()
  const catalog = await openCatalog({ path })
  for (let index = 0; index < 20; index++) await putOne(catalog, `object ${index}`, { count: 40 })
  await catalog.close()
  const file = await openFile(path, 'r+')
  const { size } = await file.stat()
  for (let at = 4_096; at < size; at += 4_096) await file.write(Buffer.alloc(2_000, 0xee), 0, 2_000, at)
  await file.close()
  const attempt = async () => {
    const damaged = await openCatalog({ path })
    onTestFinished(() => damaged.close())
    await damaged.objects()
    await damaged.totals(0)
  }
  await expect(attempt()).rejects.toEqual(failsWith('corrupt', /recover/))
})

it("another program's database is not touched", async () => {
  const path = await freshPath()
  const other = new Sqlite(path)
  other.exec('create table songs (title text)')
  other.close()
  const before = await readFile(path)
  await expect(openCatalog({ path })).rejects.toEqual(failsWith('corrupt', /not a catalog/))
  expect((await readFile(path)).equals(before)).toBe(true)
})

it('a newer schema is refused with both versions', async () => {
  const path = await freshPath()
  await (await openCatalog({ path })).close()
  const newer = new Sqlite(path)
  newer.pragma(`user_version = ${SCHEMA_VERSION + 3}`)
  newer.close()
  await expect(openCatalog({ path })).rejects.toEqual(
    failsWith('newer-schema', new RegExp(`schema ${SCHEMA_VERSION + 3}.*knows ${SCHEMA_VERSION}`)),
  )
})

it('a missing folder, and a missing file opened read-only, are not found', async () => {
  const path = await freshPath()
  await expect(openCatalog({ path, readOnly: true })).rejects.toEqual(failsWith('not-found', /no catalog/))
  await expect(openCatalog({ path: join(path, 'deeper', 'catalog.sqlite') })).rejects.toEqual(failsWith('not-found', /does not exist/))
})

it('a catalog opened read-only answers and denies changes', async () => {
  const path = await freshPath()
  await putOne(await open({ path }), 'a')
  const reader = await open({ path, readOnly: true })
  expect(await reader.objects()).toHaveLength(1)
  await expect(reader.stagePack(staged('b', 1))).rejects.toEqual(failsWith('denied', /writing/))
  await expect(reader.unspooled(1)).rejects.toEqual(failsWith('denied', /writing/))
})

it.skipIf(process.getuid?.() !== 0)('a folder that this user may not write is denied', async () => {
  const path = await freshPath()
  await (await openCatalog({ path })).close()
  await chmod(dirname(path), 0o755)
  const nobody = child('unprivileged.ts', [path])
  expect(await nobody.line()).toBe('CatalogError denied')
  await chmod(path, 0o600)
  expect(await child('unprivileged.ts', [path]).line()).toBe('CatalogError denied')
})

it('a closed catalog says so', async () => {
  const path = await freshPath()
  await (await openCatalog({ path })).close()
  const catalog = await openCatalog({ path })
  await catalog.close()
  await catalog.close()
  // The last connection takes SQLite's second file away.
  await expect(stat(`${path}-wal`)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(catalog.stagePack(staged('a', 1))).rejects.toEqual(failsWith('denied', /closed/))
  await expect(catalog.objects()).rejects.toEqual(failsWith('denied', /closed/))
})

function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-small-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' })
    return folder
  } catch (error) {
    console.warn(`no small disk here, so a full one is not tested: ${error}`)
    rmSync(folder, { recursive: true })
    return undefined
  }
}

it('a full disk is exhausted, and what was written before stays whole', async ({ skip }) => {
  const disk = smallDisk()
  if (disk === undefined) return skip('mounting a small disk is not permitted here')
  onTestFinished(() => {
    // Lazily, since a failed test may still have the catalog open.
    execFileSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true })
  })
  const path = join(disk, 'catalog.sqlite')
  const catalog = await openCatalog({ path })
  let stored = 0
  const fill = async () => {
    for (; stored < 1_000; stored++) await putOne(catalog, `object ${stored}`, { count: 500 })
  }
  await expect(fill()).rejects.toEqual(failsWith('exhausted', /full.*try again/))
  expect(stored).toBeGreaterThan(0)
  expect(await catalog.objects()).toHaveLength(stored)
  await catalog.close()
  const again = await openCatalog({ path })
  expect(await again.objects()).toHaveLength(stored)
  await again.close()
  expect((await stat(path)).size).toBeLessThanOrEqual(1024 * 1024)
})
