/** What one scrape costs in a large archive: a million objects, as many packs, five replicas of each. `node bench/metrics.ts [OBJECTS]` */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { openCatalog } from '../src/catalog/open.ts'

const OBJECTS = Number(process.argv[2] ?? 1_000_000)
const VAULTS = 5
const RUNS = 5
const DAY = 86_400_000
const NOW = 20_000 * DAY

const folder = await mkdtemp(join(tmpdir(), 'perdure-bench-'))
const path = join(folder, 'catalog.sqlite')
try {
  await (await openCatalog({ path })).close()
  fill(path)
  console.log(`${OBJECTS} objects, ${OBJECTS * VAULTS} replicas, ${((await stat(path)).size / 2 ** 20).toFixed(0)} MiB`)
  const catalog = await openCatalog({ path })
  for (const name of ['tallies', 'totals', 'hookStates'] as const) {
    const times: number[] = []
    const used: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const [startedAt, cpu] = [performance.now(), process.cpuUsage()]
      await catalog[name](NOW)
      times.push(performance.now() - startedAt)
      const { user, system } = process.cpuUsage(cpu)
      used.push((user + system) / 1_000)
    }
    const shown = (list: readonly number[]) => list.map((ms) => ms.toFixed(0)).join(', ')
    console.log(`${name}: ${shown(times)} ms; of the CPU ${shown(used)} ms`)
  }
  await catalog.close()
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Straight into the tables: put would take an hour. */
function fill(file: string): void {
  const db = new Sqlite(file)
  db.pragma('synchronous = OFF')
  const count = `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${OBJECTS})`
  db.exec(`${count} insert into packs (id, name, root, kind, visibility, byte_length, block_count, spooled, created_at)
    select i, randomblob(36), randomblob(36), 'content', 'public', 1000000, 1, i % 1000 = 0, 1 from n`)
  db.exec(`${count} insert into objects (id, root, kind, byte_length, block_count, profile, visibility, created_at, state, fresh_until)
    select i, randomblob(36), 'file', 1000000, 1, 'unixfs-v1-2025', 'public', 1,
      case i % 10 when 0 then 'degraded' else 'satisfied' end, ${NOW} + (i % 30 - 3) * ${DAY} from n`)
  for (let vault = 0; vault < VAULTS; vault++)
    db.exec(`${count} insert into replicas (pack, vault, state, locator, intended_at, placed_at, verdict, verdict_at, verdict_object, shown_at)
      select i, 'v${vault}', 'placed', 'content/aa/' || i, 1, 1, 'intact', ${NOW}, 0, ${NOW} - (i % 30) * ${DAY} from n`)
  db.exec(`insert into replica_tallies select vault, state, verdict, shown_at / ${DAY}, count(*), count(*) * 1000000 from replicas
    group by vault, state, verdict, shown_at / ${DAY}`)
  const event = `json_object('type', 'object-removed', 'root', 'r', 'id', 'e' || i, 'at', '2026-01-01T00:00:00.000Z', 'severity', 'info')`
  db.exec(`${count} insert into events (event, at, body) select 'e' || i, 1, ${event} from n where i <= 20000`)
  db.exec(`insert into deliveries (hook, seq, severity) select 'h' || (seq % 2), seq, 0 from events`)
  db.close()
}
