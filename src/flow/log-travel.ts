/**
 * The log on its way to the vaults. Every index pack carries the newest checkpoint and the entries since the last segment; when there are many of them a
 * segment is closed: an index pack of its own that holds exactly those entries and is never garbage. So the newest index pack and the segments are the log.
 */
import type { PackRow } from '../contracts.ts'
import { logBlocks } from '../format/log-blocks.ts'
import type { Context } from './context.ts'
import {
  bring,
  type CarriedLog,
  distribute,
  type IndexContent,
  leaveSpool,
  listing,
  type PublishOptions,
  sweep,
  writeIndexPack,
} from './index-pack.ts'
import { assertHistory } from './log-alarm.ts'
import { checkpointOf } from './log-tree.ts'

/** A segment is closed as soon as so many entries wait, and takes all of them up to its limits. */
const SEGMENT_ENTRIES = 64
const LIMITS = { entries: 8_192, bytes: 4 * 1024 * 1024 }
/** Of a segment that was written before: it ends where it ended, whatever the limits are today. */
const ANY = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
const PAGE = 1_000
/** Segments brought to one vault in one go. */
const BROUGHT = 64

/** What an index pack that is written now carries of the log; undefined while there is none. */
export async function logTail(context: Context): Promise<IndexContent['log']> {
  const size = await context.catalog.logSize()
  if (size === 0) return undefined
  const first = await context.catalog.segmentedSize()
  return { ...(await carried(context, first, size)), role: 'tail' }
}

/** Closes segments while enough entries wait, and brings them to the vaults. */
export async function closeSegments(context: Context, options: PublishOptions): Promise<void> {
  const { catalog } = context
  for (;;) {
    const [size, first] = [await catalog.logSize(), await catalog.segmentedSize()]
    if (size - first < SEGMENT_ENTRIES) return
    const log = await carried(context, first, size)
    await distribute(context, await writeIndexPack(context, { log: { ...log, role: 'segment' } }), options)
  }
}

/** Entries `[first, size)`, or as many of them as one pack takes, under the checkpoint of that size. Equal ranges are equal bytes. */
async function carried(context: Context, first: number, size: number, limits = LIMITS): Promise<CarriedLog> {
  const entries: Uint8Array[] = []
  let byteLength = 0
  const most = Math.min(size - first, limits.entries)
  while (entries.length < most && byteLength < limits.bytes) {
    const page = await context.catalog.logRows({ after: first + entries.length - 1, limit: Math.min(PAGE, most - entries.length) })
    if (page.length === 0) break
    for (const { bytes } of page) {
      if (byteLength >= limits.bytes) break
      entries.push(bytes)
      byteLength += bytes.byteLength
    }
  }
  const end = first + entries.length
  const { note } = await checkpointOf(context, end)
  return { row: { first, size: end }, checkpoint: note, blocks: logBlocks(entries) }
}

export interface PublishedLog {
  readonly size: number
  /** Vaults that were brought something, and those of them where that failed. */
  readonly published: readonly string[]
  readonly failed: readonly string[]
}

/**
 * Brings the checkpoint and all entries to every vault that lists and lacks some of them. Where nothing is lacking it asks the catalog three questions and no
 * vault. Failures are in what it resolves to; the next call tries them again.
 */
export async function publishCheckpoint(context: Context, options: PublishOptions = {}): Promise<PublishedLog> {
  await assertHistory(context)
  const vaults = listing(context)
  const size = await context.catalog.logSize()
  if (size === 0 || vaults.length === 0) return { size, published: [], failed: [] }
  await closeSegments(context, options)
  const tried = new Set<string>()
  const failed = new Set<string>()
  const note = (outcomes: readonly { readonly vault: string; readonly outcome: string }[]) => {
    for (const { vault, outcome } of outcomes) {
      tried.add(vault)
      if (outcome === 'failed') failed.add(vault)
    }
  }
  for (const vault of vaults) {
    for (const { first, size: end } of await context.catalog.segmentsMissing(vault, { limit: BROUGHT })) {
      if (failed.has(vault)) break
      const log = { ...(await carried(context, first, end, ANY)), role: 'segment' as const }
      note(await bringAgain(context, await writeIndexPack(context, { log }), [vault], options))
    }
  }
  const lacking: string[] = []
  for (const vault of vaults) if (!failed.has(vault) && !(await context.catalog.hasLogOf(vault, size))) lacking.push(vault)
  if (lacking.length > 0) {
    const log = await logTail(context)
    if (log) note(await bringAgain(context, await writeIndexPack(context, { log: { ...log, role: 'alone' } }), lacking, options))
    await sweep(context, options)
  }
  return { size, published: [...tried].filter((vault) => !failed.has(vault)), failed: [...failed] }
}

async function bringAgain(context: Context, pack: PackRow, vaults: readonly string[], options: PublishOptions) {
  const placements = await bring(context, pack, vaults, options)
  if (placements.some(({ outcome }) => outcome !== 'failed')) await leaveSpool(context, pack)
  return placements
}
