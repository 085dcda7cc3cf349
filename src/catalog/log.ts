/** The log's rows: entries and nodes are inserted, never changed and never deleted. */
import type { CatalogLog, LogAlarm, LogNode, LogRow } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf, PAGE_LENGTH } from './batches.ts'
import { cidOf, plain } from './rows.ts'
import { type Database, type Session, write } from './schema.ts'

const ROWS_AT_ONCE = 128

type Log = Pick<
  CatalogLog,
  'appendLog' | 'logSize' | 'logRows' | 'logNodes' | 'lastLogged' | 'raiseLogAlarm' | 'logAlarm' | 'clearLogAlarms'
>

export function logs(db: Database): Log {
  return {
    appendLog: (at, entries, nodes) =>
      write(db, async (session) => {
        const size = await sizeOf(session)
        if (size !== at) throw new CatalogError('conflict', `the log has ${size} entries by now, not ${at}; read it again, then enter`)
        await insertEntries(session, at, entries)
        await insertNodes(session, nodes)
      }),

    logSize: () => sizeOf(db),

    logRows: async ({ after = -1, limit = PAGE_LENGTH } = {}) => {
      const rows = await db.selectFrom('log_entries').selectAll().where('position', '>', after).orderBy('position').limit(limit).execute()
      return rows.map(toRow)
    },

    logNodes: async (level, first, count) => {
      const rows = await db
        .selectFrom('log_nodes')
        .select(['position', 'hash'])
        .where('level', '=', level)
        .where('position', '>=', first)
        .where('position', '<', first + count)
        .orderBy('position')
        .execute()
      return rows.map(({ position, hash }) => ({ level, position: Number(position), hash: plain(hash) }))
    },

    lastLogged: async (root) => {
      const row = await db
        .selectFrom('log_entries')
        .selectAll()
        .where('root', '=', root.bytes)
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && toRow(row)
    },

    ...alarms(db),
  }
}

function alarms(db: Database): Pick<CatalogLog, 'raiseLogAlarm' | 'logAlarm' | 'clearLogAlarms'> {
  return {
    raiseLogAlarm: async ({ verdict, checkpoint, detail, at }) => {
      await db.insertInto('log_alarms').values({ verdict, checkpoint, detail, at, cleared_at: null }).execute()
    },
    logAlarm: async (): Promise<LogAlarm | undefined> => {
      const row = await db
        .selectFrom('log_alarms')
        .select(['verdict', 'checkpoint', 'detail', 'at'])
        .where('cleared_at', 'is', null)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { ...row, at: Number(row.at) }
    },
    clearLogAlarms: async (at) => {
      await db.updateTable('log_alarms').set({ cleared_at: at }).where('cleared_at', 'is', null).execute()
    },
  }
}

async function sizeOf(db: Database): Promise<number> {
  const { last } = await db
    .selectFrom('log_entries')
    .select(({ fn }) => fn.max('position').as('last'))
    .executeTakeFirstOrThrow()
  return last === null ? 0 : Number(last) + 1
}

async function insertEntries(session: Session, at: number, entries: readonly Omit<LogRow, 'index'>[]): Promise<void> {
  const rows = entries.map(({ kind, root, bytes }, index) => ({ position: at + index, kind, root: root?.bytes ?? null, bytes }))
  for (const batch of batchesOf(rows, ROWS_AT_ONCE)) await session.insertInto('log_entries').values(batch).execute()
}

async function insertNodes(session: Session, nodes: readonly LogNode[]): Promise<void> {
  for (const batch of batchesOf(nodes, ROWS_AT_ONCE))
    await session
      .insertInto('log_nodes')
      .values(batch.map(({ level, position, hash }) => ({ level, position, hash })))
      .execute()
}

const toRow = (row: { position: number; kind: LogRow['kind']; root: Uint8Array | null; bytes: Uint8Array }): LogRow => ({
  index: Number(row.position),
  kind: row.kind,
  ...(row.root === null ? {} : { root: cidOf(row.root) }),
  bytes: plain(row.bytes),
})
