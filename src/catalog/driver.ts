/**
 * A Kysely driver for one better-sqlite3 connection. It differs from Kysely's own in what several processes need: write transactions begin
 * IMMEDIATE, a lock is waited for without blocking the event loop (two catalogs in one process would otherwise wait for each other), statements are
 * kept prepared, and failures are CatalogErrors.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database as Handle, Statement } from 'better-sqlite3'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import { CatalogError } from '../errors.ts'
import { catalogError, isBusy } from './failures.ts'

const MOST_STATEMENTS = 200
const LONGEST_PAUSE_MS = 25

export interface DriverOptions {
  /** Named in errors. */
  readonly path: string
  readonly busyTimeoutMs: number
}

/** The dialect around an open handle; Kysely's `destroy` closes it. */
export function sqliteDialect(handle: Handle, options: DriverOptions): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(handle, options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** Does it again while somebody else holds the lock, until the time is up; throws CatalogErrors. */
export async function patiently<T>(attempt: () => T, { path, busyTimeoutMs }: DriverOptions): Promise<T> {
  const deadline = performance.now() + busyTimeoutMs
  for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw catalogError(error, path)
    }
    await sleep(pause * (0.5 + Math.random() / 2))
  }
}

class SqliteDriver implements Driver {
  readonly #handle: Handle
  readonly #options: DriverOptions
  readonly #connection: SqliteConnection

  constructor(handle: Handle, options: DriverOptions) {
    this.#handle = handle
    this.#options = options
    this.#connection = new SqliteConnection(handle, options)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(_: DatabaseConnection, { accessMode }: TransactionSettings): Promise<void> {
    await this.#execute(accessMode === 'read only' ? 'begin' : 'begin immediate')
  }

  async commitTransaction(): Promise<void> {
    await this.#execute('commit')
  }

  async rollbackTransaction(): Promise<void> {
    // A full disk has rolled back already.
    if (this.#handle.open && this.#handle.inTransaction) await this.#execute('rollback')
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#handle.close()
  }

  async #execute(statement: string): Promise<void> {
    await patiently(() => this.#connection.prepared(statement).run(), this.#options)
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #handle: Handle
  readonly #options: DriverOptions
  /** In order of use, the longest unused first. */
  readonly #statements = new Map<string, Statement>()

  constructor(handle: Handle, options: DriverOptions) {
    this.#handle = handle
    this.#options = options
  }

  prepared(text: string): Statement {
    const known = this.#statements.get(text)
    const statement = known ?? this.#handle.prepare(text)
    if (known) this.#statements.delete(text)
    else if (this.#statements.size >= MOST_STATEMENTS) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest)
        break
      }
    }
    this.#statements.set(text, statement)
    return statement
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    return await patiently(() => {
      const statement = this.prepared(sql)
      if (statement.reader) return { rows: statement.all(parameters) as Row[] }
      const { changes } = statement.run(parameters)
      return { rows: [], numAffectedRows: BigInt(changes) }
    }, this.#options)
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method, and pages are short enough to do without
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new CatalogError('conflict', 'the catalog answers in pages and does not stream; this is a bug in the caller')
  }
}
