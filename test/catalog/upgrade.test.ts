import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openCatalog } from '../../src/catalog/open.ts'
import { putOne } from '../../src/conformance/catalog-fixtures.ts'
import { freshPath, open } from './fixtures.ts'

it('a catalog of schema 1 is upgraded when it is opened, and nothing in it was asked to be retained', async () => {
  const path = await freshPath()
  const first = await openCatalog({ path })
  const { root, pack } = await putOne(first, 'a')
  await first.placed(pack, 'v', 'there', 1)
  await first.close()
  const old = new Sqlite(path)
  old.exec('drop index objects_by_supersedes')
  old.exec('drop index packs_by_root')
  for (const [table, column] of [
    ['packs', 'erasable'],
    ['objects', 'erasable'],
    ['objects', 'shredded_at'],
    ['objects', 'supersedes'],
    ['objects', 'retain_until'],
    ['objects', 'retain_mode'],
    ['objects', 'retain_hold'],
    ['replicas', 'retained_until'],
  ])
    old.exec(`alter table ${table} drop column ${column}`)
  for (const table of ['fingerprint_extents', 'fingerprint_files', 'fingerprints', 'shreds']) old.exec(`drop table ${table}`)
  old.pragma('user_version = 1')
  old.close()
  await expect(openCatalog({ path, readOnly: true })).rejects.toMatchObject({ code: 'denied' })
  const catalog = await open({ path })
  const found = await catalog.object(root)
  expect([found?.name, found && 'retain' in found]).toEqual([undefined, false])
  expect(found).toMatchObject({ erasable: false })
  expect((await catalog.pack(pack))?.erasable).toBe(false)
  expect(await catalog.replicasOf([pack])).toMatchObject([{ locator: 'there' }])
  expect((await catalog.replicasOf([pack]))[0]).not.toHaveProperty('retainedUntil')
  await putOne(catalog, 'b', { retain: { until: 5 } })
  expect((await catalog.objects()).map(({ retain }) => retain)).toEqual([undefined, { until: 5 }])
})
