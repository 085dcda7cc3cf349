/** Reads one regular file, and makes sure that it stayed the same meanwhile. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { AbortOptions } from '../contracts/options.ts'
import { SourceError } from '../errors.ts'
import { atOnce } from './at-once.ts'
import { shown } from './paths.ts'
import { allocate, type BufferPool, recycle } from './pool.ts'

/** Reads in flight while a chunk is consumed. */
const READ_AHEAD = 2

/** Neither a symlink nor a fifo that took the file's place since it was listed is followed or waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface ReadFileOptions extends AbortOptions {
  /** Its buffers hold one chunk each. */
  readonly pool: BufferPool
}

/** What a file was when it was listed. */
export type Listed = Pick<BigIntStats, 'size' | 'mtimeNs' | 'ino' | 'dev'>

/** How reading a short file ended. */
export type Settled = { readonly bytes: Uint8Array } | { readonly error: unknown }

/**
 * The content in chunks of the pool's size, the last one shorter. `seen` is what the file was when it was listed: throws SourceError `changed`
 * when it is another file, or has another size or modification time, before or after it was read.
 */
export async function* readRegular(path: string, seen: Listed, options: ReadFileOptions): AsyncGenerator<Uint8Array> {
  options.signal?.throwIfAborted()
  const file = await openListed(path)
  try {
    await assertSame(file, path, seen)
    yield* chunksOf(file, path, Number(seen.size), options)
    await assertSame(file, path, seen)
  } finally {
    await file.close()
  }
}

/** Reads a file that fits into memory at once, into memory of its own, with the same guarantees; can be started before anybody waits for it. */
export async function readShort(path: string, seen: Listed): Promise<Settled> {
  try {
    return {
      bytes: await atOnce(
        () => readNow(path, seen),
        () => readLater(path, seen),
      ),
    }
  } catch (error) {
    return { error }
  }
}

async function readLater(path: string, seen: Listed): Promise<Uint8Array> {
  const file = await openListed(path)
  try {
    const size = Number(seen.size)
    const bytes = allocate(size)
    await readFully(file, path, bytes, 0)
    if (size === 0) await assertEmpty(file, path)
    await assertSame(file, path, seen)
    return bytes
  } finally {
    await file.close()
  }
}

function readNow(path: string, seen: Listed): Uint8Array {
  let file: number | undefined
  try {
    file = openSync(path, FLAGS)
    const bytes = allocate(Number(seen.size))
    for (let filled = 0; filled < bytes.byteLength; ) {
      const bytesRead = readSync(file, bytes, filled, bytes.byteLength - filled, filled)
      if (bytesRead === 0) throw changed(path, 'became shorter')
      filled += bytesRead
    }
    if (bytes.byteLength === 0 && readSync(file, new Uint8Array(1), 0, 1, 0) > 0) throw sizeLess(path)
    assertUnchanged(fstatSync(file, { bigint: true }), path, seen)
    return bytes
  } catch (cause) {
    throw sourceError(path, cause, { listed: true })
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function openListed(path: string): Promise<FileHandle> {
  return open(path, FLAGS).catch((cause: unknown) => {
    throw sourceError(path, cause, { listed: true })
  })
}

async function* chunksOf(file: FileHandle, path: string, size: number, { pool, signal }: ReadFileOptions): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Settled>[] = []
  let next = 0
  const fill = (count: number) => {
    for (; next < size && ahead.length < count; next += pool.byteLength) {
      ahead.push(settled(readChunk(file, path, next, Math.min(pool.byteLength, size - next), pool)))
    }
  }
  try {
    fill(READ_AHEAD + 1)
    for (let reading = ahead.shift(); reading; reading = ahead.shift()) {
      const result = await reading
      if ('error' in result) throw result.error
      if (signal?.aborted) recycle(result.bytes)
      signal?.throwIfAborted()
      fill(READ_AHEAD)
      yield result.bytes
    }
  } finally {
    // The handle may be closed, and the buffers used again, only when no read is under way.
    for (const result of await Promise.all(ahead)) if ('bytes' in result) recycle(result.bytes)
  }
}

/** Only whole chunks take a pooled buffer: a short tail would keep a large one busy for a few bytes. */
async function readChunk(file: FileHandle, path: string, offset: number, length: number, pool: BufferPool): Promise<Uint8Array> {
  const bytes = length === pool.byteLength ? await pool.take() : allocate(length)
  try {
    await readFully(file, path, bytes, offset)
    return bytes
  } catch (error) {
    recycle(bytes)
    throw error
  }
}

async function readFully(file: FileHandle, path: string, bytes: Uint8Array, offset: number): Promise<void> {
  for (let filled = 0; filled < bytes.byteLength; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.byteLength - filled, offset + filled).catch((cause: unknown) => {
      throw sourceError(path, cause, { listed: true })
    })
    if (bytesRead === 0) throw changed(path, 'became shorter')
    filled += bytesRead
  }
}

/** Files under /proc and the like say 0 and have content. */
async function assertEmpty(file: FileHandle, path: string): Promise<void> {
  const { bytesRead } = await file.read(new Uint8Array(1), 0, 1, 0)
  if (bytesRead > 0) throw sizeLess(path)
}

const sizeLess = (path: string) => changed(path, 'has more bytes than its size says; copy it to a regular file')

async function assertSame(file: FileHandle, path: string, seen: Listed): Promise<void> {
  assertUnchanged(await file.stat({ bigint: true }), path, seen)
}

function assertUnchanged(now: BigIntStats, path: string, seen: Listed): void {
  if (now.ino !== seen.ino || now.dev !== seen.dev || !now.isFile()) throw changed(path, 'was replaced')
  if (now.nlink === 0n) throw changed(path, 'was removed')
  if (now.size !== seen.size) throw changed(path, `had ${seen.size} bytes and has ${now.size}`)
  if (now.mtimeNs !== seen.mtimeNs) throw changed(path, 'was written to')
}

function changed(path: string, how: string, cause?: unknown): SourceError {
  return new SourceError('changed', `${shown(path)} ${how} while it was being read; put it again when nothing writes to it`, { cause })
}

/** Turns a failed file system call into a SourceError; what was `listed` a moment ago and is gone has changed. */
export function sourceError(path: string, cause: unknown, { listed }: { readonly listed: boolean }): SourceError {
  if (cause instanceof SourceError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(code) || (listed && ['ELOOP', 'ENXIO', 'EISDIR', 'EAGAIN', 'ESPIPE'].includes(code))) {
    if (listed) return changed(path, 'vanished', cause)
    return new SourceError('not-found', `${shown(path)} does not exist; check the path`, { cause })
  }
  const advice = code === 'EACCES' || code === 'EPERM' ? 'grant read permission or exclude it' : 'check the disk or exclude it'
  return new SourceError('unreadable', `${shown(path)} could not be read (${code}); ${advice}`, { cause })
}

async function settled(reading: Promise<Uint8Array>): Promise<Settled> {
  try {
    return { bytes: await reading }
  } catch (error) {
    return { error }
  }
}
