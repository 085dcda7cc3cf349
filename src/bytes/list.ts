/** Lists of named things: checked, sorted, opened one by one. */
import type { AbortOptions } from '../contracts/options.ts'
import type { Entry, Mtime, NamedEntry } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import { type ContentOptions, contentLength, DEFAULT_CHUNK_SIZE, openContent, POOL_BUFFERS } from './content.ts'
import { checkPath, shown, treeOrder } from './paths.ts'
import { createPool } from './pool.ts'

/** A whole list as a tree: sorted, folders that are only implied included. Throws `invalid-path` for bad, repeated and conflicting paths. */
export function listed(list: readonly NamedEntry[], options: ContentOptions): readonly Entry[] {
  const byPath = new Map<string, Entry>()
  for (const named of list) {
    const entry = entryOf(named, options)
    if (byPath.has(entry.path)) throw new SourceError('invalid-path', `the path ${shown(entry.path)} is in the list twice`)
    byPath.set(entry.path, entry)
  }
  for (const path of [...byPath.keys()]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end)
      const known = byPath.get(parent)
      if (known && known.kind !== 'directory') {
        throw new SourceError('invalid-path', `the path ${shown(path)} lies in ${shown(parent)}, which is a ${known.kind}`)
      }
      if (known) break
      byPath.set(parent, { path: parent, kind: 'directory' })
    }
  }
  return treeOrder([...byPath.values()])
}

export interface NamedEntriesOptions extends AbortOptions {
  /** Every chunk of a file has exactly this many bytes, the last one at most; default 1 MiB. */
  readonly chunkSize?: number | undefined
}

/** Entries as they come, in the order they come, each path checked by itself; repeated and conflicting paths are found by the import. */
export async function* namedEntries(
  iterable: Iterable<NamedEntry> | AsyncIterable<NamedEntry>,
  options: NamedEntriesOptions = {},
): AsyncGenerator<Entry> {
  const { signal, chunkSize = DEFAULT_CHUNK_SIZE } = options
  const pool = createPool({ byteLength: chunkSize, count: POOL_BUFFERS, shared: true })
  for await (const named of iterable) {
    signal?.throwIfAborted()
    yield entryOf(named, { pool })
  }
}

function entryOf(named: NamedEntry, options: ContentOptions): Entry {
  const { path, content, target } = named
  checkPath(path)
  if (content !== undefined && target !== undefined) {
    throw new SourceError('unsupported', `${shown(path)} has both content and a target; an entry is a file or a symlink`)
  }
  const common = { path, mode: named.mode === undefined ? undefined : named.mode & 0o7777, mtime: mtimeOf(named) }
  if (target !== undefined) {
    if (target === '' || target.includes('\0') || !target.isWellFormed()) {
      throw new SourceError('invalid-path', `the symlink ${shown(path)} has the target ${shown(target)}, which no file system takes`)
    }
    return { ...common, kind: 'symlink', target }
  }
  if (content === undefined) return { ...common, kind: 'directory' }
  const byteLength = contentLength(content)
  return { ...common, kind: 'file', byteLength, open: openContent(content, options), again: byteLength !== undefined }
}

function mtimeOf({ path, mtime }: NamedEntry): Mtime | undefined {
  if (mtime === undefined) return undefined
  const ms = mtime.getTime()
  if (!Number.isFinite(ms)) throw new SourceError('unsupported', `${shown(path)} has an invalid date as mtime`)
  const secs = Math.floor(ms / 1000)
  return { secs: BigInt(secs), nsecs: (ms - secs * 1000) * 1_000_000 }
}
