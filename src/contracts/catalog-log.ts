/** What the catalog keeps of the archive's log. It hashes nothing: nodes come with the entries, and whoever reads them checks. */
import type { CID } from 'multiformats/cid'
import type { PackId } from './catalog-rows.ts'
import type { LogEntryKind } from './log.ts'

export interface LogRow {
  /** Counts from 0. */
  readonly index: number
  readonly kind: LogEntryKind
  /** The object that it speaks of, where it speaks of one. */
  readonly root?: CID | undefined
  /** The entry as it is hashed. */
  readonly bytes: Uint8Array
}

/** A complete subtree of 2^level entries, the `position`-th of its level. */
export interface LogNode {
  readonly level: number
  readonly position: number
  readonly hash: Uint8Array
}

/**
 * What an index pack carries of the log: entries `[first, size)` under the checkpoint of that size. A `segment` is kept for good, and what follows it begins at its end;
 * a `tail` travels with records or tombstones and goes with them; one `alone` is garbage when the next index pack with entries is added.
 */
export interface LogPack {
  readonly first: number
  readonly size: number
  readonly role: 'segment' | 'tail' | 'alone'
}

/** Why nothing may be entered or published. */
export interface LogAlarm {
  readonly verdict: 'rolled-back' | 'forked'
  /** The signed checkpoint that contradicts the log. */
  readonly checkpoint: string
  readonly detail: string
  readonly at: number
}

export interface CatalogLog {
  // the log
  /** Entries are only ever added: the first one becomes entry number `at`. Throws `conflict`, and adds none, when the log has another size by then. */
  appendLog(at: number, entries: readonly Omit<LogRow, 'index'>[], nodes: readonly LogNode[]): Promise<void>
  logSize(): Promise<number>
  /** In order, keyset paging by index; `after` defaults to -1. */
  logRows(options?: { readonly after?: number | undefined; readonly limit?: number | undefined }): Promise<readonly LogRow[]>
  /** Hashes of `count` neighbouring nodes of one level, as far as they are there. */
  logNodes(level: number, first: number, count: number): Promise<readonly LogNode[]>
  /** The newest entry that speaks of that root. */
  lastLogged(root: CID): Promise<LogRow | undefined>

  // how it travels
  /** Where the last segment ends; 0 before the first. */
  segmentedSize(): Promise<number>
  /** Segments without a placed replica in that vault, in order. */
  segmentsMissing(
    vault: string,
    options?: { readonly limit?: number | undefined },
  ): Promise<readonly (LogPack & { readonly pack: PackId })[]>
  /** Is an index pack with the checkpoint of that size placed there? */
  hasLogOf(vault: string, size: number): Promise<boolean>
  /** Does the vault hold all that an index pack carries of the log in others as well? True for a pack that carries none. */
  hasLogBeside(pack: PackId, vault: string): Promise<boolean>
  /** Those of the names that belong to no pack of the catalog. */
  unknownPacks(names: readonly CID[]): Promise<readonly CID[]>

  // when it was contradicted
  raiseLogAlarm(alarm: LogAlarm): Promise<void>
  /** The newest alarm that was not cleared. */
  logAlarm(): Promise<LogAlarm | undefined>
  clearLogAlarms(at: number): Promise<void>
}
