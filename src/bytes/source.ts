/** Any input becomes a sequence of entries. */
import type { BigIntStats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AbortOptions } from '../contracts/options.ts'
import type { Content, Entry, NamedEntry, PathSource, Source } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import { contentLength, DEFAULT_CHUNK_SIZE, isContent, openContent, POOL_BUFFERS } from './content.ts'
import { sourceError } from './file.ts'
import { entryOf, walkFolder } from './folder.ts'
import { listed } from './list.ts'
import { type BufferPool, createPool } from './pool.ts'

export { namedEntries } from './list.ts'

/** A source that was looked at, not yet read. */
export interface OpenedSource {
  /** The last segment of a path, or a File's name. */
  readonly name?: string | undefined
  /** `single`: exactly one entry, with an empty path. `tree`: a directory; entries are relative to it. */
  readonly shape: 'single' | 'tree'
  /** Known size of a single file in bytes. */
  readonly byteLength?: number | undefined
  entries(options?: AbortOptions): AsyncIterable<Entry>
}

export interface OpenSourceOptions {
  /** Globs left out of a directory, beside those of a PathSource. */
  readonly exclude?: readonly string[] | undefined
  /** Every chunk of a file has exactly this many bytes, the last one at most; default 1 MiB. */
  readonly chunkSize?: number | undefined
}

/** Names a file or directory to put, with glob patterns to leave out; reads nothing yet. */
export function fromPath(path: string | URL, options: { readonly exclude?: readonly string[] | undefined } = {}): PathSource {
  return { path: resolve(pathOf(path)), exclude: options.exclude ?? [] }
}

/**
 * Looks at a source. A path is followed when it is itself a symlink, nothing below it is; an empty list is an empty directory, any other empty
 * iterable an empty file. Throws SourceError.
 */
export async function openSource(source: Source, options: OpenSourceOptions = {}): Promise<OpenedSource> {
  const { exclude = [], chunkSize = DEFAULT_CHUNK_SIZE } = options
  const pool = createPool({ byteLength: chunkSize, count: POOL_BUFFERS, shared: true })
  if (typeof source === 'string' || source instanceof URL) return openPath(fromPath(source, { exclude }), pool)
  if (isPathSource(source)) return openPath({ path: source.path, exclude: [...source.exclude, ...exclude] }, pool)
  if (isList(source)) {
    const entries = listed(source, { pool })
    return { shape: 'tree', entries: (abort) => each(entries, abort) }
  }
  return openBytes(source, pool)
}

async function openPath({ path, exclude }: PathSource, pool: BufferPool): Promise<OpenedSource> {
  const { at, stats } = await followed(path)
  const name = basename(path) || undefined
  if (stats.isDirectory()) return { name, shape: 'tree', entries: (abort) => walkFolder(at, stats, { ...abort, exclude, pool }) }
  const entry = await entryOf(at, '', stats, { pool })
  return { name, shape: 'single', byteLength: entry.byteLength, entries: (abort) => each([entry], abort) }
}

async function followed(path: string): Promise<{ readonly at: string; readonly stats: BigIntStats }> {
  try {
    const at = await realpath(path)
    return { at, stats: await stat(at, { bigint: true }) }
  } catch (cause) {
    throw sourceError(path, cause, { listed: false })
  }
}

function openBytes(content: Content, pool: BufferPool): OpenedSource {
  const byteLength = isContent(content) ? contentLength(content) : undefined
  const entry: Entry = { path: '', kind: 'file', byteLength, open: openContent(content, { pool }), again: byteLength !== undefined }
  const name = content instanceof File && content.name !== '' ? content.name : undefined
  return { name, shape: 'single', byteLength, entries: (abort) => each([entry], abort) }
}

async function* each(entries: readonly Entry[], { signal }: AbortOptions = {}): AsyncGenerator<Entry> {
  for (const entry of entries) {
    signal?.throwIfAborted()
    yield entry
  }
}

function pathOf(path: string | URL): string {
  if (typeof path === 'string') {
    if (path === '' || path.includes('\0')) throw new SourceError('invalid-path', `${JSON.stringify(path)} is not a path`)
    return path
  }
  if (path.protocol === 'file:') return fileURLToPath(path)
  throw new SourceError('unsupported', `only file: URLs are read, this one is ${path.protocol}; fetch it and pass the response's body`)
}

function isPathSource(source: Source): source is PathSource {
  return typeof source === 'object' && source !== null && !isContent(source) && 'path' in source && 'exclude' in source
}

function isList(source: Source): source is readonly NamedEntry[] {
  if (!Array.isArray(source)) return false
  return source.every((item: unknown) => typeof item === 'object' && item !== null && 'path' in item)
}
