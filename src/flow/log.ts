/** Entering into the log: a batch is one transaction, and the tree grows from its right edge. Whoever entered at the same moment is waited for. */
import type { CID } from 'multiformats/cid'
import type { LogEntry, LogRow, NewLogEntry } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { toCID } from '../format/address.ts'
import { encodeEntry } from '../format/log-entry.ts'
import { grow, leafHash } from '../format/merkle.ts'
import type { Context } from './context.ts'
import { assertNoAlarm } from './log-alarm.ts'
import { edgeOf } from './log-tree.ts'

/** How often another one may be quicker: each time one of them has got on. */
const MOST_TRIES = 1_000

/** Most packs and actions that one entry lists; their number is told besides. */
export const MOST_LISTED = 256

export interface Appended {
  /** As they were entered. */
  readonly entries: readonly LogEntry[]
  /** Index of the first entry of the batch. */
  readonly first: number
  /** Of the log after it. */
  readonly size: number
}

/**
 * Enters entries in their order, all or none; version and time are added where they are missing. Resolves when they are durable in the catalog; they travel with the next
 * index pack, or by `publishCheckpoint`. Throws `rolled-back` or `forked` after the log was found contradicted, FormatError `limit` for an entry that is too large.
 */
export async function appendLog(context: Pick<Context, 'catalog' | 'clock'>, entries: readonly NewLogEntry[]): Promise<Appended> {
  const { catalog } = context
  await assertNoAlarm(context)
  if (entries.length === 0) {
    const size = await catalog.logSize()
    return { entries: [], first: size, size }
  }
  const at = new Date(context.clock()).toISOString()
  const stamped = entries.map((entry) => ({ ...entry, version: 1, at: entry.at ?? at }) as LogEntry)
  const rows = stamped.map(rowOf)
  const leaves = rows.map(({ bytes }) => leafHash(bytes))
  for (let tries = 1; ; tries++) {
    const size = await catalog.logSize()
    const grown = grow(size, await edgeOf(catalog, size), leaves)
    try {
      await catalog.appendLog(size, rows, grown.nodes)
      return { entries: stamped, first: size, size: grown.size }
    } catch (error) {
      if (!(error instanceof CatalogError) || error.code !== 'conflict' || tries >= MOST_TRIES) throw error
    }
  }
}

/** An entry as the catalog takes it. */
export function rowOf(entry: LogEntry): Omit<LogRow, 'index'> {
  const root: CID | undefined = 'root' in entry ? toCID(entry.root) : undefined
  return { kind: entry.kind, root, bytes: encodeEntry(entry) }
}
