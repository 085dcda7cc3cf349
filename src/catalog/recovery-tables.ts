/** The schema's step to recoveries: what was found in vaults, until it is restored or forgotten. */
import { type Generated, sql } from 'kysely'
import type { PackKind } from '../contracts.ts'
import type { Definable, Dialectal } from './migrations.ts'

export interface RecoveryNotesTable {
  name: string
  text: string
}

/** What vaults list. */
export interface RecoveryListedTable {
  name: Uint8Array
  vault: string
  kind: PackKind
  locator: string
  byte_length: number
}

/** Index packs that were read. */
export interface RecoveryPacksTable {
  name: Uint8Array
  whole: 0 | 1
  archive: Uint8Array | null
  root: Uint8Array | null
  toc: Uint8Array | null
  byte_length: number
  block_count: number
  lasting: 0 | 1
  log_only: 0 | 1
  log_first: number | null
  log_size: number | null
  log_root: string | null
}

export interface RecoveryStatementsTable {
  cid: Uint8Array
  kind: 'record' | 'tombstone' | 'succession'
  archive: Uint8Array
  /** Of a succession: empty. */
  root: Uint8Array
  sequence: number
  at: number
  previous: Uint8Array | null
  shred: Generated<0 | 1>
  /** Name of an index pack it lies in. */
  pack: Uint8Array
  bytes: Uint8Array
}

/** TOCs and attributes. */
export interface RecoveryBlocksTable {
  cid: Uint8Array
  bytes: Uint8Array
}

/** Content packs that statements name, those of other archives too. */
export interface RecoveryNamesTable {
  name: Uint8Array
}

export interface RecoverySchema {
  recovery_notes: RecoveryNotesTable
  recovery_listed: RecoveryListedTable
  recovery_packs: RecoveryPacksTable
  recovery_statements: RecoveryStatementsTable
  recovery_blocks: RecoveryBlocksTable
  recovery_names: RecoveryNamesTable
}

export async function recoveryTables(db: Definable, { bytes, integer, clustered }: Dialectal): Promise<void> {
  await db.schema
    .createTable('recovery_notes')
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('text', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('recovery_listed')
    .addColumn('name', bytes, (column) => column.notNull())
    .addColumn('vault', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('locator', 'text', (column) => column.notNull())
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('recovery_listed_key', ['kind', 'name', 'vault'])
    .modifyEnd(sql`${clustered}`)
    .execute()
  await db.schema
    .createTable('recovery_packs')
    .addColumn('name', bytes, (column) => column.notNull().primaryKey())
    .addColumn('whole', 'integer', (column) => column.notNull())
    .addColumn('archive', bytes)
    .addColumn('root', bytes)
    .addColumn('toc', bytes)
    .addColumn('byte_length', integer, (column) => column.notNull())
    .addColumn('block_count', integer, (column) => column.notNull())
    .addColumn('lasting', 'integer', (column) => column.notNull())
    .addColumn('log_only', 'integer', (column) => column.notNull())
    .addColumn('log_first', integer)
    .addColumn('log_size', integer)
    .addColumn('log_root', 'text')
    .execute()
  await db.schema.createIndex('recovery_packs_by_log').on('recovery_packs').columns(['log_first', 'log_size', 'log_only']).execute()
  await db.schema
    .createTable('recovery_statements')
    .addColumn('cid', bytes, (column) => column.notNull().primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('archive', bytes, (column) => column.notNull())
    .addColumn('root', bytes, (column) => column.notNull())
    .addColumn('sequence', integer, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('previous', bytes)
    .addColumn('shred', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('pack', bytes, (column) => column.notNull())
    .addColumn('bytes', bytes, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('recovery_statements_by_root').on('recovery_statements').columns(['root']).execute()
  await db.schema.createIndex('recovery_statements_by_archive').on('recovery_statements').columns(['archive', 'kind']).execute()
  await db.schema
    .createTable('recovery_blocks')
    .addColumn('cid', bytes, (column) => column.notNull().primaryKey())
    .addColumn('bytes', bytes, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('recovery_names')
    .addColumn('name', bytes, (column) => column.notNull().primaryKey())
    .modifyEnd(sql`${clustered}`)
    .execute()
}
