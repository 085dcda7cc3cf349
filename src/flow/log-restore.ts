/** The log back into a catalog that has none of it, or only its beginning. Nothing gets in that does not hash to a checkpoint that the archive signed. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Catalog, Clock } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { type LogPart, type LogPortion, readLog } from '../format/log-blocks.ts'
import { decodeEntry } from '../format/log-entry.ts'
import { grow, leafHash } from '../format/merkle.ts'
import { rowOf } from './log.ts'
import { edgeOf, judgeCheckpoint } from './log-tree.ts'

const PAGE = 1_000

/** What is restored into; an open archive's context is one. */
export interface LogTarget {
  readonly catalog: Catalog
  readonly clock: Clock
  /** Ed25519 public key of the archive. */
  readonly publicKey: Uint8Array
}

/**
 * Enters what the chain of `coverLog` holds and the catalog lacks, part by part, each checked before; resolves to the size of the log. An alarm that the restored
 * log answers is cleared. Throws ArchiveError `forked` when the catalog has other entries in their place, FormatError `hash-mismatch` for entries that
 * were not signed so.
 */
export async function restoreLog(
  target: LogTarget,
  chain: readonly LogPart[],
  load: (cid: CID) => Promise<Uint8Array>,
  { signal }: AbortOptions = {},
): Promise<number> {
  const { catalog } = target
  for await (const portion of readLog(chain, load)) {
    signal?.throwIfAborted()
    await restorePortion(catalog, portion)
  }
  const alarm = await catalog.logAlarm()
  if (alarm && (await judgeCheckpoint(target, alarm.checkpoint)).verdict === 'consistent') await catalog.clearLogAlarms(target.clock())
  return catalog.logSize()
}

async function restorePortion(catalog: Catalog, { first, entries }: LogPortion): Promise<void> {
  const size = await catalog.logSize()
  await assertSame(catalog, first, entries.slice(0, Math.max(0, size - first)))
  const missing = entries.slice(Math.max(0, size - first))
  if (missing.length === 0) return
  const grown = grow(size, await edgeOf(catalog, size), missing.map(leafHash))
  await catalog.appendLog(
    size,
    missing.map((bytes) => rowOf(decodeEntry(bytes))),
    grown.nodes,
  )
}

async function assertSame(catalog: Catalog, first: number, entries: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < entries.length; ) {
    const rows = await catalog.logRows({ after: first + at - 1, limit: Math.min(PAGE, entries.length - at) })
    for (const { index, bytes } of rows) {
      if (index === first + at && Buffer.compare(bytes, entries[at] ?? new Uint8Array(0)) === 0) at++
      else
        throw new ArchiveError(
          'forked',
          `entry ${index} of the log in this catalog is another one than the archive signed; move the catalog away and recover into a new one`,
        )
    }
    if (rows.length === 0) return
  }
}
