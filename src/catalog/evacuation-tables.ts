/** The schema's step to vaults that are left, what became of their packs, and the last drill. */
import { sql } from 'kysely'
import type { Definable, Dialectal } from './migrations.ts'

export async function evacuationTables(db: Definable, { integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('evacuations')
    .addColumn('vault', 'text', (column) => column.notNull().primaryKey())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('began_at', integer, (column) => column.notNull())
    .addColumn('degrade', 'integer', (column) => column.notNull())
    .addColumn('before', 'text', (column) => column.notNull())
    .addColumn('published', 'integer', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('fates')
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('pack', 'integer', (column) => column.notNull().references('packs.id').onDelete('cascade'))
    .addColumn('fate', 'text', (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('detail', 'text')
    .addPrimaryKeyConstraint('fates_key', ['vault', 'pack'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema.createIndex('fates_by_fate').on('fates').columns(['vault', 'fate', 'pack']).execute()
  await db.schema.createIndex('fates_by_pack').on('fates').columns(['pack']).execute()
  await db.schema
    .createTable('drills')
    .addColumn('id', 'integer', (column) => column.notNull().primaryKey())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('report', 'text', (column) => column.notNull())
    .execute()
}
