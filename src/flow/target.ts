/**
 * The places below a restore's target: nothing is written through a symlink, files appear whole or
 * not at all, and what stands there already is replaced only when asked for.
 */
import { type BigIntStats, constants } from 'node:fs'
import { chmod, type FileHandle, lchown, lstat, lutimes, mkdir, open, readlink, rename, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { shown } from '../bytes/paths.ts'
import type { AbortOptions, Mtime, TreeEntry } from '../contracts.ts'
import { ArchiveError, type ArchiveErrorCode, FormatError, PerdureError } from '../errors.ts'
import { fileWriter } from './file-writer.ts'
import type { XattrSetter } from './xattr-restore.ts'

const PART_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const OWNER_ALL = 0o700
const SET_ID = 0o6000
/** To chown: leave it as it is. */
const NOBODY_ELSE = 0xffffffff

const CODES: Readonly<Record<string, ArchiveErrorCode>> = {
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EFBIG: 'exhausted',
  ELOOP: 'unsafe-target',
  EINVAL: 'unsafe-target',
  EILSEQ: 'unsafe-target',
  ENAMETOOLONG: 'unsafe-target',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  EEXIST: 'exists',
  EISDIR: 'exists',
  ENOTDIR: 'exists',
  ENOTEMPTY: 'exists',
}

const ADVICE: Readonly<Partial<Record<ArchiveErrorCode, string>>> = {
  exhausted: 'there is no room; free some and restore again, what is whole is kept',
  denied: 'the file system refuses; grant write permission or choose another target',
  exists: 'what is there cannot be replaced; move it away or choose another target',
  'unsafe-target': 'the file system does not take such a name or path; choose another target',
  conflict: 'the target changed or failed meanwhile; restore again, what is whole is kept',
}

/** What stands at a path, not followed. */
export async function statAt(at: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(at, { bigint: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw targetError(at, error)
  }
}

/** Do two spellings name one thing? False while one of them names nothing. */
export async function sameThing(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([statAt(a), statAt(b)])
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev
}

/**
 * Walks from the base to a directory below it, makes what is missing and throws `unsafe-target` at a symlink, `exists` at anything else that is no
 * directory. Directories that their owner could not write to are opened up; `widened` keeps the modes they had.
 */
export async function directoryAt(base: string, path: string, widened: Map<string, number>): Promise<{ readonly existed: boolean }> {
  let at = base
  let existed = true
  for (const segment of path.split('/')) {
    at = join(at, segment)
    const stats = await statAt(at)
    existed = stats !== undefined
    if (!stats) await attempt(at, () => mkdir(at))
    else if (stats.isSymbolicLink())
      throw new ArchiveError('unsafe-target', `${shown(at)} is a symlink where a directory belongs; remove it`)
    else if (!stats.isDirectory()) throw new ArchiveError('exists', `${shown(at)} is in the way of a directory; move it away`)
    else if ((Number(stats.mode) & OWNER_ALL) !== OWNER_ALL) await widen(at, Number(stats.mode) & 0o7777, widened)
  }
  return { existed }
}

async function widen(at: string, mode: number, widened: Map<string, number>): Promise<void> {
  await attempt(at, () => chmod(at, mode | OWNER_ALL))
  if (!widened.has(at)) widened.set(at, mode)
}

export interface Placing extends AbortOptions {
  /** Where it is written before it is whole. */
  readonly part: string
  /** Flush to the disk before the name appears. */
  readonly durable: boolean
  /** Absent: no extended attributes are set. */
  readonly xattrs?: XattrSetter | undefined
  readonly warn: (warning: string) => void
}

/** Writes a file beside its place and renames it there, with its mode and mtime. On an error the part is removed. */
export async function writeFileAt(at: string, entry: TreeEntry, content: AsyncIterable<Uint8Array>, placing: Placing): Promise<void> {
  const { part, durable, signal } = placing
  const file = await openPart(part, entry.mode === undefined ? 0o666 : 0o600)
  let ino: bigint | undefined
  try {
    try {
      ino = (await attempt(at, () => file.stat({ bigint: true }))).ino
      await copy(content, file, { at, entry, signal })
      await setAttributes(file, entry, placing)
      if (durable) await attempt(at, () => file.sync())
    } finally {
      await file.close()
    }
    signal?.throwIfAborted()
    if ((await statAt(part))?.ino !== ino) {
      throw new ArchiveError('busy', `another process is writing ${shown(at)}; wait for it, then restore again`)
    }
    await attempt(at, () => rename(part, at))
  } catch (error) {
    // Should this fail too, the part stays, and the next restore replaces it.
    await unlinkIf(part, ino).catch(() => undefined)
    throw error
  }
}

/** Removes a part unless another process has put its own there. */
async function unlinkIf(part: string, ino: bigint | undefined): Promise<void> {
  if ((await statAt(part))?.ino === ino) await unlink(part)
}

async function copy(
  content: AsyncIterable<Uint8Array>,
  file: FileHandle,
  { at, entry, signal }: AbortOptions & { readonly at: string; readonly entry: TreeEntry },
): Promise<void> {
  const writer = fileWriter(file, 0)
  for await (const bytes of content) {
    signal?.throwIfAborted()
    await attempt(at, () => writer.write(bytes))
  }
  await attempt(at, () => writer.flush())
  if (writer.position === entry.byteLength) return
  throw new FormatError('malformed', `${shown(entry.path)} has ${writer.position} bytes where its directory tells ${entry.byteLength}`)
}

async function openPart(part: string, mode: number): Promise<FileHandle> {
  await removePart(part)
  return attempt(part, () => open(part, PART_FLAGS, mode))
}

/** What a killed run left. */
async function removePart(part: string): Promise<void> {
  if (await statAt(part)) await attempt(part, () => unlink(part))
}

/** Makes a symlink with its target as it is. What stands in its place already must have been looked at. */
export async function writeLinkAt(
  at: string,
  target: string,
  { part, entry, warn }: Pick<Placing, 'part' | 'warn'> & { readonly entry: Pick<TreeEntry, 'mtime' | 'uid' | 'gid'> },
): Promise<void> {
  const { mtime, uid, gid } = entry
  if (target === '' || target.includes('\0')) throw new ArchiveError('unsafe-target', `the symlink ${shown(at)} leads to no possible path`)
  await removePart(part)
  await attempt(at, () => symlink(target, part))
  try {
    if (uid !== undefined || gid !== undefined)
      await lchown(part, uid ?? NOBODY_ELSE, gid ?? NOBODY_ELSE).catch((error: unknown) => warn(notSet('owner', at, error)))
    const seconds = mtime && secondsOf(mtime)
    if (seconds !== undefined) await lutimes(part, seconds, seconds).catch((error: unknown) => warn(notSet('mtime', at, error)))
    await attempt(at, () => rename(part, at))
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  }
}

/** Is there a symlink to that target already? */
export async function linksTo(at: string, stats: BigIntStats, target: string): Promise<boolean> {
  return stats.isSymbolicLink() && (await attempt(at, () => readlink(at))) === target
}

/** Sets mode and mtime of a file or directory that is in its place; never of what a symlink leads to. */
export async function finishAt(
  at: string,
  entry: Pick<TreeEntry, 'path' | 'kind' | 'mode' | 'mtime' | 'uid' | 'gid' | 'xattrs'>,
  placing: Omit<Placing, 'part'>,
): Promise<void> {
  const { durable, warn } = placing
  try {
    const handle = await open(at, READ_FLAGS)
    try {
      if (durable) await handle.sync()
      await setAttributes(handle, entry, placing)
    } finally {
      await handle.close()
    }
  } catch (error) {
    warn(`${shown(entry.path)} could not be finished: ${codeOf(error)}`)
  }
}

/** Set-id bits of files are left out: the file belongs to whoever restores it, not to whoever once granted them. */
async function setAttributes(
  handle: FileHandle,
  entry: Pick<TreeEntry, 'path' | 'kind' | 'mode' | 'mtime' | 'uid' | 'gid' | 'xattrs'>,
  { warn, xattrs }: Pick<Placing, 'warn' | 'xattrs'>,
): Promise<void> {
  const { path, kind, mode, mtime, uid, gid } = entry
  // Before the mode: a change of owner takes bits of it away.
  if (uid !== undefined || gid !== undefined)
    await handle.chown(uid ?? NOBODY_ELSE, gid ?? NOBODY_ELSE).catch((error: unknown) => warn(notSet('owner', path, error)))
  // Before it too: it may forbid to write.
  await xattrs?.set(handle, entry)
  const granted = kind === 'file' && mode !== undefined ? mode & ~SET_ID : mode
  if (granted !== mode) warn(`${shown(path)} was stored with set-user-id or set-group-id; restored without`)
  if (granted !== undefined) await handle.chmod(granted & 0o7777).catch((error: unknown) => warn(notSet('mode', path, error)))
  const seconds = mtime && secondsOf(mtime)
  if (seconds !== undefined) await handle.utimes(seconds, seconds).catch((error: unknown) => warn(notSet('mtime', path, error)))
}

/** As text: Node takes a negative number of seconds for now. A double keeps about a quarter of a microsecond. */
function secondsOf({ secs, nsecs = 0 }: Mtime): string {
  return String(Number(secs) + nsecs / 1e9)
}

const notSet = (what: string, path: string, error: unknown) => `${what} of ${shown(path)} could not be set: ${codeOf(error)}`

/** Runs a file system call and turns its failure into an ArchiveError. */
export async function attempt<T>(at: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw targetError(at, error)
  }
}

function targetError(at: string, cause: unknown): unknown {
  if (cause instanceof PerdureError) return cause
  const code = CODES[codeOf(cause)] ?? 'conflict'
  return new ArchiveError(code, `${shown(at)} could not be restored (${codeOf(cause)}): ${ADVICE[code]}`, { cause })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
