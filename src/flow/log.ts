/** Entering into the log: a batch is one transaction, and the tree grows from its right edge. Whoever entered at the same moment is waited for. */
import type { CID } from 'multiformats/cid'
import type { Catalog, LogEntry, LogRow, NewLogEntry } from '../contracts.ts'
import { ArchiveError, CatalogError } from '../errors.ts'
import { toCID } from '../format/address.ts'
import { signCheckpoint } from '../format/checkpoint.ts'
import { encodeEntry } from '../format/log-entry.ts'
import { complete, grow, leafHash, rootOf } from '../format/merkle.ts'
import type { Context } from './context.ts'

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
  await assertHistory(context)
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

/** The right edge of the tree of that size, which must not be larger than the log. */
export async function edgeOf(catalog: Catalog, size: number): Promise<readonly Uint8Array[]> {
  const edge: Uint8Array[] = []
  for (const [level, position] of complete(0, size)) {
    const [node] = await catalog.logNodes(level, position, 1)
    if (!node)
      throw new CatalogError(
        'corrupt',
        `the catalog has lost nodes of its log (level ${level}, ${position}); rebuild it with \`perdure recover\``,
      )
    edge.push(node.hash)
  }
  return edge
}

/** The signed state of the log at that size; default now. */
export async function checkpointOf(
  context: Pick<Context, 'catalog' | 'key'>,
  size?: number,
): Promise<{ readonly size: number; readonly root: Uint8Array; readonly note: string }> {
  const own = size ?? (await context.catalog.logSize())
  const root = rootOf(await edgeOf(context.catalog, own))
  return { size: own, root, note: await signCheckpoint({ size: own, root }, context.key) }
}

/** Throws when the log was found rolled back or forked: whatever is entered or published now would make it worse. */
export async function assertHistory({ catalog }: Pick<Context, 'catalog'>): Promise<void> {
  const alarm = await catalog.logAlarm()
  if (!alarm) return
  throw new ArchiveError(
    alarm.verdict,
    `nothing is entered or published: ${alarm.detail}. Run \`perdure recover\` to rebuild the catalog from the vaults, or put the newest catalog back`,
  )
}
