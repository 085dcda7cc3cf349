/** The schema's step to erasable packs, shredded objects, and objects that take the place of others. */
import type { Definable, Dialectal } from './migrations.ts'

export async function shredTables(db: Definable, { bytes, integer }: Dialectal): Promise<void> {
  const flag = (table: string) =>
    db.schema
      .alterTable(table)
      .addColumn('erasable', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
  await flag('packs')
  await flag('objects')
  await db.schema.alterTable('objects').addColumn('shredded_at', integer).execute()
  await db.schema.alterTable('objects').addColumn('supersedes', bytes).execute()
  await db.schema.createIndex('objects_by_supersedes').on('objects').columns(['supersedes']).execute()
  await db.schema
    .createTable('shreds')
    .addColumn('root', bytes, (column) => column.notNull().primaryKey())
    .addColumn('begun_at', integer, (column) => column.notNull())
    .addColumn('complete', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('certificate', 'text')
    .addColumn('certified_at', integer)
    .execute()
}
