/** The schema's step to spending: sums by month, charges, and reservations of work under way. */
import { sql } from 'kysely'
import type { Definable, Dialectal } from './migrations.ts'

export async function costsTables(db: Definable, { integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('costs')
    .addColumn('month', 'text', (column) => column.notNull())
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('activity', 'text', (column) => column.notNull())
    .addColumn('prices', 'text', (column) => column.notNull())
    .addColumn('writes', integer, (column) => column.notNull())
    .addColumn('reads', integer, (column) => column.notNull())
    .addColumn('stored_bytes', integer, (column) => column.notNull())
    .addColumn('read_bytes', integer, (column) => column.notNull())
    .addColumn('failed', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('costs_key', ['month', 'vault', 'activity', 'prices'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema
    .createTable('charges')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('month', 'text', (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('activity', 'text', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('detail', 'text')
    .execute()
  await db.schema.createIndex('charges_by_month').on('charges').columns(['month', 'id']).execute()
  await db.schema
    .createTable('reservations')
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('month', 'text', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('pid', 'integer', (column) => column.notNull())
    .addColumn('started', 'text', (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('reservations_key', ['key', 'currency'])
    .execute()
}
