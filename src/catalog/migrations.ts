/** The schema, step by step. A step that has been released never changes. */
import { type Kysely, type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { auditTables } from './audit-tables.ts'
import { costsTables } from './costs-tables.ts'
import { packRootIndex } from './dag-tables.ts'
import { dueTables } from './due-tables.ts'
import { evacuationTables } from './evacuation-tables.ts'
import { hookTables } from './hook-tables.ts'
import { logTables } from './log-tables.ts'
import { recoveryTables } from './recovery-tables.ts'
import { shredTables } from './shred-tables.ts'

/** What the databases call differently. */
export interface Dialectal {
  readonly bytes: RawBuilder<unknown>
  /** 64 bits. */
  readonly integer: RawBuilder<unknown>
  /** Clause for tables that live in their primary key. */
  readonly clustered: RawBuilder<unknown>
}

export type Definable = Pick<Kysely<unknown>, 'schema'> & QueryExecutorProvider

/** One step: from the schema of the steps before it to the next version, which is its place in the list. */
export type Migration = (db: Definable, words: Dialectal) => Promise<void>

export const MIGRATIONS: readonly Migration[] = [
  firstTables,
  retentionColumns,
  fingerprintTables,
  shredTables,
  auditTables,
  logTables,
  hookTables,
  dueTables,
  recoveryTables,
  costsTables,
  evacuationTables,
  packRootIndex,
]

/** The schema this code writes and reads. */
export const SCHEMA_VERSION = MIGRATIONS.length

async function firstTables(db: Definable, words: Dialectal): Promise<void> {
  await packTables(db, words)
  await objectTables(db, words)
  await replicaTables(db, words)
  await processTables(db, words)
}

async function retentionColumns(db: Definable, { integer }: Dialectal): Promise<void> {
  await db.schema.alterTable('objects').addColumn('retain_until', integer).execute()
  await db.schema.alterTable('objects').addColumn('retain_mode', 'text').execute()
  await db.schema
    .alterTable('objects')
    .addColumn('retain_hold', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
  await db.schema.alterTable('replicas').addColumn('retained_until', integer).execute()
}

async function packTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('packs')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', bytes, (column) => column.unique())
    .addColumn('root', bytes)
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('visibility', 'text', (column) => column.notNull())
    .addColumn('owner', 'text')
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addColumn('block_count', integer, (column) => column.notNull())
    .addColumn('spooled', 'integer', (column) => column.notNull())
    .addColumn('garbage', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('recorded', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('packs_by_owner').on('packs').columns(['owner']).execute()
  await db.schema.createIndex('packs_by_spool').on('packs').columns(['spooled', 'id']).execute()
  await db.schema.createIndex('packs_by_garbage').on('packs').columns(['garbage', 'id']).execute()
  await db.schema.createIndex('packs_by_kind').on('packs').columns(['kind', 'id']).execute()
  await db.schema
    .createTable('tocs')
    .addColumn('pack', 'integer', (column) => column.primaryKey().references('packs.id').onDelete('cascade'))
    .addColumn('toc', bytes, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('blocks')
    .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id').onDelete('cascade'))
    .addColumn('ordinal', 'integer', (column) => column.notNull())
    .addColumn('tail', integer, (column) => column.notNull())
    .addColumn('cid', bytes, (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('length', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('blocks_key', ['pack', 'ordinal'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('blocks_by_tail').on('blocks').columns(['tail']).execute()
}

async function objectTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('objects')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('root', bytes, (column) => column.notNull().unique())
    .addColumn('name', 'text')
    .addColumn('media_type', 'text')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addColumn('block_count', integer, (column) => column.notNull())
    .addColumn('profile', 'text', (column) => column.notNull())
    .addColumn('visibility', 'text', (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('fresh_until', integer, (column) => column.notNull())
    .addColumn('sequence', integer, (column) => column.notNull().defaultTo(0))
    .addColumn('record', bytes)
    .addColumn('record_pack', 'integer', (column) => column.references('packs.id'))
    .execute()
  await db.schema.createIndex('objects_by_state').on('objects').columns(['state', 'id']).execute()
  await db.schema.createIndex('objects_by_freshness').on('objects').columns(['state', 'fresh_until', 'byte_length']).execute()
  await db.schema.createIndex('objects_by_record_pack').on('objects').columns(['record_pack']).execute()
  await db.schema
    .createTable('attributes')
    .addColumn('object', 'integer', (column) => column.primaryKey().references('objects.id').onDelete('cascade'))
    .addColumn('bytes', bytes, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('extents')
    .addColumn('object', 'integer', (column) => column.notNull().references('objects.id').onDelete('cascade'))
    .addColumn('start', integer, (column) => column.notNull())
    .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id'))
    .addColumn('first', 'integer', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('extents_key', ['object', 'start'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('extents_by_pack').on('extents').columns(['pack', 'object']).execute()
  await db.schema
    .createTable('receipts')
    .addColumn('root', bytes, (column) => column.notNull().primaryKey())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('receipt', 'text', (column) => column.notNull())
    .execute()
}

async function replicaTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  const perReplica = (table: string) =>
    db.schema
      .createTable(table)
      .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id').onDelete('cascade'))
      .addColumn('vault', 'text', (column) => column.notNull())
  await perReplica('replicas')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('locator', 'text')
    .addColumn('intended_at', integer, (column) => column.notNull())
    .addColumn('placed_at', integer)
    .addColumn('verdict', 'text')
    .addColumn('verdict_at', integer)
    .addColumn('verdict_object', 'integer')
    .addPrimaryKeyConstraint('replicas_key', ['pack', 'vault'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('replicas_by_vault').on('replicas').columns(['vault', 'pack']).execute()
  await perReplica('evidence')
    .addColumn('object', 'integer', (column) => column.notNull())
    .addColumn('retrieval', 'text', (column) => column.notNull())
    .addColumn('verdict', 'text', (column) => column.notNull())
    .addColumn('possession', 'text', (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('seed', bytes)
    .addColumn('asked', 'integer', (column) => column.notNull())
    .addColumn('answered', 'integer', (column) => column.notNull())
    .addColumn('bytes_read', integer, (column) => column.notNull())
    .addColumn('detail', 'text')
    .addPrimaryKeyConstraint('evidence_key', ['pack', 'object', 'vault', 'retrieval'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await perReplica('evidence_totals')
    .addColumn('checks', integer, (column) => column.notNull())
    .addColumn('intact', integer, (column) => column.notNull())
    .addColumn('damaged', integer, (column) => column.notNull())
    .addColumn('missing', integer, (column) => column.notNull())
    .addColumn('silent', integer, (column) => column.notNull())
    .addColumn('first_at', integer, (column) => column.notNull())
    .addColumn('last_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('evidence_totals_key', ['pack', 'vault'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await perReplica('unanswered')
    .addColumn('ordinal', 'integer', (column) => column.notNull())
    .addColumn('since', integer, (column) => column.notNull())
    .addColumn('tries', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('unanswered_key', ['pack', 'vault', 'ordinal'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await perReplica('journals')
    .addColumn('bytes', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('journals_key', ['pack', 'vault'])
    .execute()
}

async function processTables(db: Definable, { integer }: Dialectal): Promise<void> {
  await db.schema
    .createTable('leases')
    .addColumn('key', 'text', (column) => column.notNull().primaryKey())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('pid', 'integer', (column) => column.notNull())
    .addColumn('started', 'text', (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute()
}

async function fingerprintTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('fingerprints')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('key', bytes, (column) => column.notNull())
    .addColumn('place', integer, (column) => column.notNull())
    .addColumn('length', integer, (column) => column.notNull())
    .addColumn('root', bytes, (column) => column.notNull())
    .addColumn('dag_bytes', integer, (column) => column.notNull())
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addUniqueConstraint('fingerprints_key', ['key', 'place'])
    .execute()
  await db.schema.createIndex('fingerprints_by_length').on('fingerprints').columns(['length']).execute()
  await db.schema
    .createTable('fingerprint_extents')
    .addColumn('fingerprint', 'integer', (column) => column.notNull().references('fingerprints.id').onDelete('cascade'))
    .addColumn('start', integer, (column) => column.notNull())
    .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id').onDelete('cascade'))
    .addColumn('first', 'integer', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('fingerprint_extents_key', ['fingerprint', 'start'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('fingerprint_extents_by_pack').on('fingerprint_extents').columns(['pack', 'fingerprint']).execute()
  await db.schema
    .createTable('fingerprint_files')
    .addColumn('path', bytes, (column) => column.notNull().primaryKey())
    .addColumn('state', bytes, (column) => column.notNull())
    .addColumn('key', bytes, (column) => column.notNull())
    .modifyEnd(sql`${clustered}`)
    .execute()
}
