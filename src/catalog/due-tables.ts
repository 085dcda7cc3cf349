/** The schema's step to what is due when, and to what a watch must know after a restart. */
import type { Definable, Dialectal } from './migrations.ts'

export async function dueTables(db: Definable, { integer }: Dialectal): Promise<void> {
  // 0: whatever was stored before is looked at by the first watch, bit by bit.
  await db.schema
    .alterTable('objects')
    .addColumn('due_at', integer, (column) => column.notNull().defaultTo(0))
    .execute()
  await db.schema.createIndex('objects_by_due').on('objects').columns(['state', 'due_at']).execute()
  await db.schema.createIndex('replicas_by_standing').on('replicas').columns(['vault', 'verdict', 'verdict_at']).execute()
  await db.schema
    .createTable('vault_pauses')
    .addColumn('vault', 'text', (column) => column.notNull().primaryKey())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('since', integer, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('until', integer, (column) => column.notNull())
    .addColumn('silent_ms', integer, (column) => column.notNull())
    .addColumn('detail', 'text')
    .execute()
  await db.schema
    .createTable('watch_marks')
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .execute()
}
