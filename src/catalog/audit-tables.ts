/** The schema's step to audits: surveys, rotations, scores, and what audits have cost. */
import { sql } from 'kysely'
import type { Definable, Dialectal } from './migrations.ts'

export async function auditTables(db: Definable, words: Dialectal): Promise<void> {
  await surveyTables(db, words)
  await rotationTables(db, words)
  await scoreTables(db, words)
  // What is counted and drawn from: the placed packs of one vault, the bad ones among them, and the sizes of objects.
  await db.schema.createIndex('replicas_by_state').on('replicas').columns(['vault', 'state', 'pack']).execute()
  await db.schema.createIndex('replicas_by_verdict').on('replicas').columns(['vault', 'verdict']).execute()
  await db.schema.createIndex('objects_by_size').on('objects').columns(['block_count', 'byte_length']).execute()
}

async function surveyTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('surveys')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('seed', bytes, (column) => column.notNull())
    .addColumn('drawn_at', integer, (column) => column.notNull())
    .addColumn('confidence', 'double precision', (column) => column.notNull())
    .addColumn('loss', 'double precision', (column) => column.notNull())
    .addColumn('population', integer, (column) => column.notNull())
    .addColumn('draws', 'integer', (column) => column.notNull())
    .addColumn('asked_at', integer)
    .addColumn('closed_at', integer)
    .addColumn('report', 'text')
    .execute()
  await db.schema.createIndex('surveys_by_vault').on('surveys').columns(['vault', 'id']).execute()
  await db.schema
    .createTable('survey_probes')
    .addColumn('survey', 'integer', (column) => column.notNull().references('surveys.id').onDelete('cascade'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('pack', 'integer', (column) => column.notNull())
    .addColumn('ordinal', 'integer', (column) => column.notNull())
    .addColumn('outcome', 'text')
    .addColumn('since', integer, (column) => column.notNull())
    .addColumn('tries', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('survey_probes_key', ['survey', 'number'])
    .modifyEnd(sql`${clustered}`)
    .execute()
}

async function rotationTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('rotations')
    .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id').onDelete('cascade'))
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('object', 'integer', (column) => column.notNull())
    .addColumn('seed', bytes, (column) => column.notNull())
    .addColumn('cursor', 'integer', (column) => column.notNull())
    .addColumn('round', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('rotations_key', ['pack', 'vault', 'object'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('rotations_by_object').on('rotations').columns(['object', 'vault']).execute()
  await db.schema
    .createTable('structure_rounds')
    .addColumn('vault', 'text', (column) => column.notNull().primaryKey())
    .addColumn('begun_at', integer, (column) => column.notNull())
    .addColumn('pack', 'integer', (column) => column.notNull())
    .addColumn('packs', 'integer', (column) => column.notNull())
    .addColumn('ended_at', integer)
    .execute()
}

async function scoreTables(db: Definable, { integer, clustered }: Dialectal): Promise<void> {
  const real = 'double precision'
  await db.schema
    .createTable('scores')
    .addColumn('vault', 'text', (column) => column.notNull().primaryKey())
    .addColumn('integrity_alpha', real, (column) => column.notNull())
    .addColumn('integrity_beta', real, (column) => column.notNull())
    .addColumn('availability_alpha', real, (column) => column.notNull())
    .addColumn('availability_beta', real, (column) => column.notNull())
    .addColumn('latency_mean', real)
    .addColumn('latency_deviation', real)
    .addColumn('audits', integer, (column) => column.notNull())
    .addColumn('gap_days', real, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .addColumn('quarantined_at', integer)
    .addColumn('reason', 'text')
    .execute()
  await db.schema
    .createTable('audit_spending')
    .addColumn('month', 'text', (column) => column.notNull())
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('requests', integer, (column) => column.notNull())
    .addColumn('amount', real, (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_spending_key', ['month', 'vault', 'purpose', 'currency'])
    .modifyEnd(sql`${clustered}`)
    .execute()
}
