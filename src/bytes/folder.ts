/** Walks a directory of this machine: one folder in memory per level, in the same order everywhere. */
import { isUtf8 } from 'node:buffer'
import type { BigIntStats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import picomatch from 'picomatch'
import type { AbortOptions } from '../contracts/options.ts'
import type { Entry, Mtime } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import { readRegular, sourceError } from './file.ts'
import { shown } from './paths.ts'
import type { BufferPool } from './pool.ts'

/** Siblings whose metadata is asked for together. */
const LOOK_AHEAD = 32

export interface FolderOptions extends AbortOptions {
  /** Globs, matched against the relative path and against the name; what matches is left out with everything below it. */
  readonly exclude: readonly string[]
  readonly pool: BufferPool
}

interface Level {
  readonly at: string
  readonly path: string
  readonly names: readonly string[]
  next: number
  /** Metadata of the siblings from `next` on, as far as it was asked for. */
  readonly known: (BigIntStats | SourceError)[]
}

/** The folder itself with an empty path, then everything in it: parents before children, siblings by UTF-8 bytes. Symlinks are told, not followed. */
export async function* walkFolder(top: string, stats: BigIntStats, options: FolderOptions): AsyncGenerator<Entry> {
  const { signal, pool } = options
  const excluded = excludedBy(options.exclude)
  yield { path: '', kind: 'directory', ...metadata(stats) }
  const levels = [await openLevel(top, '', excluded)]
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    signal?.throwIfAborted()
    const name = level.names[level.next]
    if (name === undefined) {
      levels.pop()
      continue
    }
    const found = await nextStats(level)
    level.next++
    const at = `${level.at}/${name}`
    const path = join(level.path, name)
    if (found instanceof SourceError) throw found
    yield await entryOf(at, path, found, pool)
    if (found.isDirectory()) levels.push(await openLevel(at, path, excluded))
  }
}

/** A file, directory or symlink as an entry; throws `unsupported` for everything else. */
export async function entryOf(at: string, path: string, stats: BigIntStats, pool: BufferPool): Promise<Entry> {
  if (stats.isFile()) {
    const open = (options: AbortOptions = {}) => readRegular(at, stats, { ...options, pool })
    return { path, kind: 'file', open, byteLength: Number(stats.size), ...metadata(stats) }
  }
  if (stats.isDirectory()) return { path, kind: 'directory', ...metadata(stats) }
  if (stats.isSymbolicLink()) return { path, kind: 'symlink', target: await targetOf(at), ...metadata(stats) }
  throw new SourceError('unsupported', `${shown(at)} is a ${special(stats)}, which has no content to store; exclude it`)
}

async function openLevel(at: string, path: string, excluded: (path: string) => boolean): Promise<Level> {
  const raw = await readdir(at, { encoding: 'buffer' }).catch((cause: unknown) => {
    throw sourceError(at, cause, { listed: path !== '' })
  })
  const names = raw
    .sort(Buffer.compare)
    .map((name) => decoded(name, at))
    .filter((name) => !excluded(join(path, name)))
  return { at, path, names, next: 0, known: [] }
}

async function nextStats(level: Level): Promise<BigIntStats | SourceError> {
  if (level.known.length === 0) {
    const names = level.names.slice(level.next, level.next + LOOK_AHEAD)
    const known = await Promise.all(names.map((name) => statOf(`${level.at}/${name}`)))
    level.known.push(...known.reverse())
  }
  return level.known.pop() ?? statOf(`${level.at}/${level.names[level.next]}`)
}

async function statOf(at: string): Promise<BigIntStats | SourceError> {
  try {
    return await lstat(at, { bigint: true })
  } catch (cause) {
    return sourceError(at, cause, { listed: true })
  }
}

async function targetOf(at: string): Promise<string> {
  const raw = await readlink(at, { encoding: 'buffer' }).catch((cause: unknown) => {
    throw sourceError(at, cause, { listed: true })
  })
  return decoded(raw, at)
}

function decoded(raw: Buffer, at: string): string {
  if (isUtf8(raw)) return raw.toString()
  throw new SourceError('invalid-path', `${shown(`${at}/${raw.toString('latin1')}`)} is not valid UTF-8; rename or exclude its folder`)
}

function excludedBy(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false
  // `s`: names may contain newlines.
  const match = picomatch(
    patterns.map((pattern) => (pattern.length > 1 && pattern.endsWith('/') ? pattern.slice(0, -1) : pattern)),
    { dot: true, flags: 's' },
  )
  return (path) => match(path) || match(path.slice(path.lastIndexOf('/') + 1))
}

const join = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`)

function metadata(stats: BigIntStats): { readonly mode: number; readonly mtime: Mtime } {
  const nsecs = ((stats.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return { mode: Number(stats.mode & 0o7777n), mtime: { secs: (stats.mtimeNs - nsecs) / 1_000_000_000n, nsecs: Number(nsecs) } }
}

function special(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return 'device'
}
