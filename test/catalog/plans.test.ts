import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { catalogOn } from '../../src/catalog/open.ts'
import { connect } from '../../src/catalog/sqlite.ts'
import { catalogCases } from '../../src/conformance/catalog.ts'
import type { Catalog } from '../../src/contracts.ts'
import { freshPath, open } from './fixtures.ts'

const LARGE = [
  'packs',
  'blocks',
  'objects',
  'extents',
  'replicas',
  'evidence',
  'tocs',
  'receipts',
  'attributes',
  'journals',
  'unanswered',
  'leases',
  'fingerprints',
  'fingerprint_extents',
  'fingerprint_files',
  'shreds',
  'fates',
  'costs',
  'charges',
  'survey_probes',
  'rotations',
  'log_entries',
  'log_nodes',
  'log_packs',
  'events',
  'deliveries',
]

/** Every statement that the conformance cases cause, but those of the methods that sum. */
async function statements(): Promise<Map<string, readonly unknown[]>> {
  const seen = new Map<string, readonly unknown[]>()
  const recording = async (path: string): Promise<Catalog> => {
    // Nor those that make the tables, or fill new ones of an old catalog.
    let summing = true
    const log = ({ query }: { query: { sql: string; parameters: readonly unknown[] } }) => {
      if (!summing) seen.set(query.sql, query.parameters)
    }
    const catalog = catalogOn(await connect({ path, log }), { clock: Date.now })
    summing = false
    const quietly =
      <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
      async (...args: Args) => {
        summing = true
        return await work(...args).finally(() => {
          summing = false
        })
      }
    const { totals, tallies, hookStates, auditCounts, vaultEvidence } = catalog
    const sums = {
      totals: quietly(totals),
      tallies: quietly(tallies),
      hookStates: quietly(hookStates),
      auditCounts: quietly(auditCounts),
      vaultEvidence: quietly(vaultEvidence),
    }
    return { ...catalog, ...sums }
  }
  const paths = new Map<Catalog, string>()
  const openAt = async (path: string) => {
    const catalog = await recording(path)
    paths.set(catalog, path)
    return catalog
  }
  const reopen = async (catalog: Catalog) => {
    await catalog.close()
    return await openAt(paths.get(catalog) ?? '')
  }
  for (const { run } of catalogCases) await run({ open: async () => openAt(await freshPath()), reopen })
  for (const catalog of paths.keys()) await catalog.close()
  return seen
}

it('no statement of any method but those that sum walks through a table', async () => {
  const path = await freshPath()
  await open({ path })
  const db = new Sqlite(path)
  const walks: string[] = []
  let explained = 0
  for (const [sql, parameters] of await statements()) {
    // Sums are filled once, when the schema is upgraded.
    if (!/^(select|insert|update|delete)/.test(sql) || sql.startsWith('insert into held ')) continue
    explained++
    for (const step of db.prepare(`explain query plan ${sql}`).all(parameters) as { detail: string }[]) {
      const [, table = ''] = /^SCAN (\w+)/.exec(step.detail) ?? []
      if (LARGE.includes(table)) walks.push(`${step.detail}: ${sql}`)
      // Garbage and spooled packs are few among many: a page of them must not be filtered out of all packs of a kind.
      for (const few of ['garbage', 'spool'])
        if (new RegExp(`where.*"${few}.* limit`).test(sql) && sql.includes('"id" >') && !step.detail.includes(`packs_by_${few} `))
          walks.push(sql)
      if (sql.includes('"due_at"') && sql.startsWith('select') && !step.detail.includes('objects_by_due'))
        walks.push(`${step.detail}: ${sql}`)
      if (step.detail.includes('TEMP B-TREE FOR ORDER BY')) walks.push(`${step.detail}: ${sql}`)
    }
  }
  db.close()
  expect(walks).toEqual([])
  expect(explained).toBeGreaterThan(60)
})

it('every reference from table to table is indexed, so that a pack is dropped without a walk', async () => {
  const path = await freshPath()
  await open({ path })
  const db = new Sqlite(path)
  const names = (statement: string) => db.prepare(statement).all() as Record<string, string>[]
  let references = 0
  for (const { name: table } of names(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`)) {
    const firsts = names(`pragma index_list(${table})`).map(({ name }) => names(`pragma index_info(${name})`)[0]?.name)
    const rowid = names(`pragma table_info(${table})`).filter(
      ({ type, pk }) => Number(pk) === 1 && String(type).toLowerCase() === 'integer',
    )
    for (const { from } of names(`pragma foreign_key_list(${table})`)) {
      references++
      expect([...firsts, ...rowid.map(({ name }) => name)], `${table}.${from}`).toContain(from)
    }
  }
  db.close()
  expect(references).toBeGreaterThan(10)
})
