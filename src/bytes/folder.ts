/** Walks a directory of this machine: one folder in memory per level, in the same order everywhere. */
import { isUtf8 } from 'node:buffer'
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import picomatch from 'picomatch'
import type { AbortOptions } from '../contracts/options.ts'
import type { Entry, Mtime, SeenFile } from '../contracts/source.ts'
import { SourceError } from '../errors.ts'
import { atOnce, takeTurns } from './at-once.ts'
import { type Listed, readRegular, readShort, type Settled, sourceError } from './file.ts'
import { shown } from './paths.ts'
import type { BufferPool } from './pool.ts'

/** Siblings whose metadata is asked for together. */
const LOOK_AHEAD = 32

/** Short files among the next siblings that are read before their turn: opening and closing them costs more than their bytes. */
const READ_AHEAD = 6
const SHORT_BYTES = 64 * 1024
/** A folder whose own size is beyond that has so many names that reading them at once would hold everybody up. */
const SHORT_FOLDER_BYTES = 64n * 1024n

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
  /** The siblings before `next` that are still to be told. */
  readonly seen: Sibling[]
}

interface Sibling {
  readonly name: string
  readonly stats: BigIntStats | SourceError
  content?: Promise<Settled>
}

/** The folder itself with an empty path, then everything in it: parents before children, siblings by UTF-8 bytes. Symlinks are told, not followed. */
export async function* walkFolder(top: string, stats: BigIntStats, options: FolderOptions): AsyncGenerator<Entry> {
  const { signal, pool } = options
  const excluded = excludedBy(options.exclude)
  yield { path: '', kind: 'directory', seen: seenAt(top, stats), ...metadata(stats) }
  const levels = [await openLevel(top, '', stats, excluded)]
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    signal?.throwIfAborted()
    const { seen, at } = level
    if (seen.length === 0) await look(level)
    const sibling = seen.shift()
    if (!sibling) {
      levels.pop()
      continue
    }
    if (sibling.stats instanceof SourceError) throw sibling.stats
    const path = join(level.path, sibling.name)
    // Not before somebody reads: a mere listing opens no file.
    const onOpen = () => readAhead(at, seen, pool.byteLength)
    yield await entryOf(`${at}/${sibling.name}`, path, sibling.stats, { pool, content: sibling.content, onOpen })
    if (sibling.stats.isDirectory()) levels.push(await openLevel(`${at}/${sibling.name}`, path, sibling.stats, excluded))
  }
}

export interface EntryOptions {
  readonly pool: BufferPool
  /** The content, when it is being read already. */
  readonly content?: Promise<Settled> | undefined
  readonly onOpen?: (() => void) | undefined
}

/** A file, directory or symlink as an entry; throws `unsupported` for everything else. */
export async function entryOf(at: string, path: string, stats: BigIntStats, options: EntryOptions): Promise<Entry> {
  const known = { path, seen: seenAt(at, stats), ...metadata(stats) }
  // Whoever keeps an entry keeps what its closure needs, which is not all of `stats`.
  if (stats.isFile()) return { ...known, kind: 'file', open: opener(at, known.seen, options), again: true, byteLength: Number(stats.size) }
  if (stats.isDirectory()) return { ...known, kind: 'directory' }
  if (stats.isSymbolicLink()) return { ...known, kind: 'symlink', target: await targetOf(at) }
  throw new SourceError('unsupported', `${shown(at)} is a ${special(stats)}, which has no content to store; exclude it`)
}

function opener(at: string, stats: Listed, { pool, content, onOpen }: EntryOptions) {
  return async function* ({ signal }: AbortOptions = {}): AsyncGenerator<Uint8Array> {
    onOpen?.()
    if (!isShort(stats, pool.byteLength)) {
      yield* readRegular(at, stats, { signal, pool })
      return
    }
    signal?.throwIfAborted()
    const reading = content ?? readShort(at, stats)
    // Once only: who keeps entries does not keep their content.
    content = undefined
    const result = await reading
    signal?.throwIfAborted()
    if ('error' in result) throw result.error
    if (result.bytes.byteLength > 0) yield result.bytes
  }
}

function readAhead(at: string, siblings: readonly Sibling[], chunkSize: number): void {
  for (const sibling of siblings.slice(0, READ_AHEAD)) {
    if (sibling.content || sibling.stats instanceof SourceError || !sibling.stats.isFile() || !isShort(sibling.stats, chunkSize)) continue
    sibling.content = readShort(`${at}/${sibling.name}`, sibling.stats)
  }
}

const isShort = ({ size }: Listed, chunkSize: number) => size <= Math.min(SHORT_BYTES, chunkSize)

async function openLevel(at: string, path: string, { size }: Listed, excluded: (path: string) => boolean): Promise<Level> {
  const raw = await namesIn(at, size).catch((cause: unknown) => {
    throw sourceError(at, cause, { listed: path !== '' })
  })
  const names = raw
    .sort(Buffer.compare)
    .map((name) => decoded(name, at))
    .filter((name) => !excluded(join(path, name)))
  return { at, path, names, next: 0, seen: [] }
}

async function namesIn(at: string, size: bigint): Promise<Buffer[]> {
  const later = () => readdir(at, { encoding: 'buffer' })
  return size > SHORT_FOLDER_BYTES ? later() : atOnce(() => readdirSync(at, { encoding: 'buffer' }), later)
}

async function look(level: Level): Promise<void> {
  const names = level.names.slice(level.next, level.next + LOOK_AHEAD)
  level.next += names.length
  await takeTurns()
  level.seen.push(...(await Promise.all(names.map(async (name) => ({ name, stats: await statOf(`${level.at}/${name}`) })))))
}

async function statOf(at: string): Promise<BigIntStats | SourceError> {
  try {
    return await atOnce(
      () => lstatSync(at, { bigint: true }),
      () => lstat(at, { bigint: true }),
    )
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

function seenAt(path: string, { size, mtimeNs, ctimeNs, ino, dev, uid, gid }: BigIntStats): SeenFile {
  return { path, size, mtimeNs, ctimeNs, ino, dev, uid: Number(uid), gid: Number(gid) }
}

function special(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return 'device'
}
