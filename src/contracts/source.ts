/** What users hand to `put`. */
import type { KnownContent } from './catalog-rows.ts'
import type { AbortOptions } from './options.ts'
import type { Xattrs } from './xattrs.ts'

/** UnixFS modification time: seconds since the epoch and nanoseconds within the second. */
export interface Mtime {
  readonly secs: bigint
  readonly nsecs?: number | undefined
}

/** Bytes in any form a caller may hold them. A string or a `file:` URL is a path. Chunks of an iterable are copied, a whole Uint8Array is not. */
export type Content = Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** One named thing of a list: a file with content, a directory without, or a symlink with a target. */
export interface NamedEntry {
  /** Relative, `/`-separated, no empty, `.` or `..` segment, no NUL, each segment at most 255 bytes of UTF-8. */
  readonly path: string
  readonly content?: Content | undefined
  /** Target of a symlink, stored as given, never followed. */
  readonly target?: string | undefined
  /** Permission bits, e.g. 0o644. */
  readonly mode?: number | undefined
  readonly mtime?: Date | undefined
}

/** What `fromPath` returns: a file or directory on this machine, not yet read. */
export interface PathSource {
  readonly path: string
  /** Glob patterns, matched against the path relative to the source and against the last segment. */
  readonly exclude: readonly string[]
}

/** What a user hands to `put`. */
export type Source = string | URL | PathSource | Content | readonly NamedEntry[]

/** What a file of this machine was when it was listed. */
export interface SeenFile {
  /** Absolute. */
  readonly path: string
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
  readonly uid: number
  readonly gid: number
}

/** One step of a source, in deterministic order: parents before children, siblings by UTF-8 bytes. */
export interface Entry {
  /** Empty for the only file of a nameless source. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Files only. Opened at most once, unless `again`; chunks may be views of pooled buffers (see bytes/pool.ts). */
  readonly open?: (options?: AbortOptions) => AsyncIterable<Uint8Array>
  /** May be opened any number of times. */
  readonly again?: boolean | undefined
  /** Files only: content whose blocks are stored already, so that it is not opened. */
  readonly known?: KnownContent | undefined
  /** Where it comes from, when it lies on this machine. */
  readonly seen?: SeenFile | undefined
  /** Known size of a file in bytes, when the source can tell before reading. */
  readonly byteLength?: number | undefined
  readonly target?: string | undefined
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
  /** Only where they were asked for. */
  readonly xattrs?: Xattrs | undefined
}
