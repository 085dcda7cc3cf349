/** The schema's step to events, hooks and tallies. */
import { sql } from 'kysely'
import type { Definable, Dialectal } from './migrations.ts'

export async function hookTables(db: Definable, words: Dialectal): Promise<void> {
  await eventTables(db, words)
  await tallyTables(db, words)
}

async function eventTables(db: Definable, { integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('events')
    .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('event', 'text', (column) => column.notNull().unique())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('event_totals')
    .addColumn('type', 'text', (column) => column.notNull().primaryKey())
    .addColumn('total', integer, (column) => column.notNull())
    .addColumn('last_at', integer, (column) => column.notNull())
    .addColumn('last', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('deliveries')
    .addColumn('hook', 'text', (column) => column.notNull())
    .addColumn('seq', 'integer', (column) => column.notNull().references('events.seq').onDelete('cascade'))
    .addColumn('severity', 'integer', (column) => column.notNull())
    .addColumn('tries', 'integer', (column) => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('deliveries_key', ['hook', 'seq'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('deliveries_by_event').on('deliveries').columns(['seq']).execute()
  await db.schema.createIndex('deliveries_by_severity').on('deliveries').columns(['hook', 'severity', 'seq']).execute()
  await db.schema
    .createTable('hooks')
    .addColumn('hook', 'text', (column) => column.notNull().primaryKey())
    .addColumn('delivered', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('given_up', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('dropped', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('delivered_at', integer)
    .addColumn('failures', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('failing_since', integer)
    .addColumn('retry_at', integer)
    .addColumn('failure', 'text')
    .execute()
}

async function tallyTables(db: Definable, { integer, clustered }: Dialectal): Promise<void> {
  // Holds all that the sums over sealed packs need.
  await db.schema.createIndex('packs_by_sum').on('packs').columns(['owner', 'spooled', 'byte_length']).execute()
  await db.schema.alterTable('replicas').addColumn('shown_at', integer).execute()
  await sql`update replicas set shown_at = (select max(at) from evidence where evidence.pack = replicas.pack and evidence.vault = replicas.vault
    and evidence.verdict = 'intact' and evidence.retrieval <> 'none')`.execute(db)
  await db.schema.createIndex('replicas_by_showing').on('replicas').columns(['vault', 'verdict', 'shown_at']).execute()
  await db.schema
    .createTable('replica_tallies')
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('verdict', 'text', (column) => column.notNull())
    .addColumn('day', 'integer', (column) => column.notNull())
    .addColumn('replicas', integer, (column) => column.notNull())
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('replica_tallies_key', ['vault', 'state', 'verdict', 'day'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await sql`insert into replica_tallies (vault, state, verdict, day, replicas, byte_length)
    select replicas.vault, replicas.state, coalesce(replicas.verdict, ''), coalesce(replicas.shown_at / 86400000, -1), count(*), sum(packs.byte_length)
    from replicas inner join packs on packs.id = replicas.pack
    group by replicas.vault, replicas.state, coalesce(replicas.verdict, ''), coalesce(replicas.shown_at / 86400000, -1)`.execute(db)
}
