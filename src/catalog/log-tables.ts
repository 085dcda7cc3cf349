/** The schema's step to the log: entries and the nodes of their tree, which are only ever added, and what index packs carry of it. */
import { sql } from 'kysely'
import type { Definable, Dialectal } from './migrations.ts'

export async function logTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('log_entries')
    .addColumn('position', 'integer', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('root', bytes)
    .addColumn('bytes', bytes, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('log_entries_by_root').on('log_entries').columns(['root', 'position']).execute()
  await db.schema
    .createTable('log_nodes')
    .addColumn('level', 'integer', (column) => column.notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('hash', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('log_nodes_key', ['level', 'position'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema
    .createTable('log_packs')
    .addColumn('pack', 'integer', (column) => column.primaryKey().references('packs.id').onDelete('cascade'))
    .addColumn('first', integer, (column) => column.notNull())
    .addColumn('size', integer, (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('log_packs_by_role').on('log_packs').columns(['role', 'size']).execute()
  await db.schema.createIndex('log_packs_by_size').on('log_packs').columns(['size']).execute()
  await db.schema
    .createTable('log_alarms')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('verdict', 'text', (column) => column.notNull())
    .addColumn('checkpoint', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('cleared_at', integer)
    .execute()
}
