import Sqlite from 'better-sqlite3'
import { Kysely } from 'kysely'
import { expect, it } from 'vitest'
import { sqliteDialect } from '../../src/catalog/driver.ts'
import { MIGRATIONS } from '../../src/catalog/migrations.ts'
import { APPLICATION_ID, WORDS } from '../../src/catalog/sqlite.ts'
import { block, putOne, toc } from '../../src/conformance/catalog-fixtures.ts'
import { freshPath, open } from './fixtures.ts'

/** A catalog as the first version of the schema had it, with one object in one pack in one vault. */
async function firstCatalog(): Promise<string> {
  const path = await freshPath()
  const old = new Sqlite(path)
  const db = new Kysely<unknown>({ dialect: sqliteDialect(old, { path, busyTimeoutMs: 1_000 }) })
  await MIGRATIONS[0]?.(db, WORDS)
  const { name, toc: bytes } = toc('a')
  old
    .prepare(
      "insert into packs (id, name, root, kind, visibility, byte_length, block_count, spooled, created_at) values (1, ?, ?, 'content', 'public', 459, 1, 0, 1000)",
    )
    .run(name.bytes, block('a 0').bytes)
  old.prepare('insert into tocs (pack, toc) values (1, ?)').run(bytes)
  old
    .prepare(
      "insert into objects (id, root, kind, byte_length, block_count, profile, visibility, created_at, state, fresh_until) values (1, ?, 'file', 1000, 1, 'unixfs-v1-2025', 'public', 1000, 'satisfied', 0)",
    )
    .run(block('a').bytes)
  old.exec('insert into extents (object, start, pack, first, count) values (1, 0, 1, 0, 1)')
  old.exec("insert into replicas (pack, vault, state, locator, intended_at, placed_at) values (1, 'v', 'placed', 'there', 1, 1)")
  old.exec(
    `insert into evidence (pack, vault, object, retrieval, verdict, possession, at, asked, answered, bytes_read) values (1, 'v', 0, 'sampled', 'intact', 'claimed', ${3 * 86_400_000 + 5}, 3, 3, 192)`,
  )
  old.exec(`update replicas set verdict = 'intact', verdict_at = ${3 * 86_400_000 + 5}, verdict_object = 0`)
  old.pragma(`application_id = ${APPLICATION_ID}`)
  old.pragma('user_version = 1')
  old.close()
  return path
}

it('a catalog of schema 1 is upgraded when it is opened, and nothing in it was asked to be retained', async () => {
  const path = await firstCatalog()
  await expect(open({ path, readOnly: true })).rejects.toMatchObject({ code: 'denied' })
  const catalog = await open({ path })
  const found = await catalog.object(block('a'))
  expect([found?.name, found && 'retain' in found]).toEqual([undefined, false])
  expect(found).toMatchObject({ erasable: false })
  expect((await catalog.pack(1))?.erasable).toBe(false)
  expect(await catalog.replicasOf([1])).toMatchObject([{ locator: 'there' }])
  expect((await catalog.replicasOf([1]))[0]).not.toHaveProperty('retainedUntil')
  expect((await catalog.tallies(1)).replicas).toMatchObject([{ vault: 'v', verdict: 'intact', day: 3, replicas: 1 }])
  await putOne(catalog, 'b', { retain: { until: 5 } })
  expect((await catalog.objects()).map(({ retain }) => retain)).toEqual([undefined, { until: 5 }])
})
