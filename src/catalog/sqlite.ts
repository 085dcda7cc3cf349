/** Opens the SQLite file: settings that make a resolved promise durable, and the schema brought up to date. */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Sqlite, { type Database as Handle } from 'better-sqlite3'
import { Kysely, type LogConfig, sql } from 'kysely'
import { CatalogError } from '../errors.ts'
import { type DriverOptions, patiently, sqliteDialect } from './driver.ts'
import { catalogError } from './failures.ts'
import { type Dialectal, MIGRATIONS, SCHEMA_VERSION } from './migrations.ts'
import type { Database, Schema } from './schema.ts'

/** Marks the file as ours (`file` and `sqlite3` show it): ASCII `prdr`. */
export const APPLICATION_ID = 0x70726472
const SYNCHRONOUS_FULL = 2
const CACHE_KIB = 16 * 1024
const MOST_JOURNAL_BYTES = 64 * 1024 * 1024

/** SQLite's words. */
export const WORDS: Dialectal = { bytes: sql`blob`, integer: sql`integer`, clustered: sql`without rowid` }

export interface ConnectOptions {
  readonly path: string
  readonly busyTimeoutMs?: number | undefined
  readonly readOnly?: boolean | undefined
  readonly log?: LogConfig | undefined
}

export interface Connection {
  readonly db: Database
  /** Waits for the call that is running; whatever comes later is refused. */
  close(): Promise<void>
}

/** Opens the file, or makes it. Throws CatalogError. */
export async function connect({ path, busyTimeoutMs = 10_000, readOnly = false, log }: ConnectOptions): Promise<Connection> {
  const options = { path: resolve(path), busyTimeoutMs }
  const handle = openFile(options.path, readOnly)
  const db = new Kysely<Schema>({ dialect: sqliteDialect(handle, options), ...(log === undefined ? {} : { log }) })
  try {
    await recognise(handle, options)
    await settle(handle, options, readOnly)
    await upgrade(handle, db, options, readOnly)
    // Not Kysely's `destroy`, which does nothing before the first query and leaves an error without a code after it.
    return { db, close: () => db.connection().execute(async () => void handle.close()) }
  } catch (error) {
    handle.close()
    throw catalogError(error, options.path)
  }
}

function openFile(path: string, readOnly: boolean): Handle {
  if (!existsSync(dirname(path))) throw new CatalogError('not-found', `the folder of the catalog ${path} does not exist; make it first`)
  if (readOnly && !existsSync(path)) throw new CatalogError('not-found', `there is no catalog at ${path}; put something first`)
  try {
    return new Sqlite(path, { readonly: readOnly, timeout: 0 })
  } catch (error) {
    throw catalogError(error, path)
  }
}

/** SQLite forgets all of these but the journal mode when the file is closed. */
async function settle(handle: Handle, options: DriverOptions, readOnly: boolean): Promise<void> {
  await patiently(() => {
    if (!readOnly) handle.pragma('journal_mode = WAL')
    handle.pragma('synchronous = FULL')
    handle.pragma('foreign_keys = ON')
    handle.pragma(`cache_size = -${CACHE_KIB}`)
    handle.pragma(`journal_size_limit = ${MOST_JOURNAL_BYTES}`)
  }, options)
  const found = {
    journal: await patiently(() => handle.pragma('journal_mode', { simple: true }), options),
    synchronous: handle.pragma('synchronous', { simple: true }),
    foreignKeys: handle.pragma('foreign_keys', { simple: true }),
  }
  if (found.journal !== 'wal' || found.synchronous !== SYNCHRONOUS_FULL || found.foreignKeys !== 1)
    throw new CatalogError(
      'denied',
      `${options.path} cannot be made durable here (${JSON.stringify(found)}); keep the catalog on a local disk, not on a network share`,
    )
}

/** Leaves other programs' databases untouched. */
async function recognise(handle: Handle, options: DriverOptions): Promise<void> {
  // In this order, because a process that is making the catalog right now commits tables and mark together.
  const foreign = await patiently(() => isFilled(handle) && !isOurs(handle), options)
  if (foreign)
    throw new CatalogError(
      'corrupt',
      `${options.path} is a SQLite database, but not a catalog; choose another path, or rebuild with \`perdure recover\``,
    )
}

async function upgrade(handle: Handle, db: Database, options: DriverOptions, readOnly: boolean): Promise<void> {
  const { path } = options
  const version = () => {
    const found = Number(handle.pragma('user_version', { simple: true }))
    if (found <= SCHEMA_VERSION) return found
    throw new CatalogError(
      'newer-schema',
      `${path} has schema ${found}, this perdure knows ${SCHEMA_VERSION}; use the newer perdure that wrote it`,
    )
  }
  const found = await patiently(version, options)
  if (found === SCHEMA_VERSION) return
  if (readOnly) throw new CatalogError('denied', `${path} has schema ${found} and needs ${SCHEMA_VERSION}; open it once with write access`)
  await db.transaction().execute(async (session) => {
    // Another process may have done it while this one waited for the lock.
    const current = version()
    for (const migrate of MIGRATIONS.slice(current)) await migrate(session, WORDS)
    handle.pragma(`application_id = ${APPLICATION_ID}`)
    handle.pragma(`user_version = ${SCHEMA_VERSION}`)
  })
}

function isOurs(handle: Handle): boolean {
  return handle.pragma('application_id', { simple: true }) === APPLICATION_ID
}

function isFilled(handle: Handle): boolean {
  return handle.prepare('select 1 from sqlite_master limit 1').get() !== undefined
}
