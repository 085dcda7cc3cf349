/** Turns what the file system says into VaultErrors, and tells a lost pack from a lost disk. */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbortOptions, Locator } from '../../contracts.ts'
import { PerdureError, VaultError, type VaultErrorCode } from '../../errors.ts'
import { MARKER, parseLocator } from './paths.ts'

/** The folder a vault lives in, absolute, and the vault's id. */
export interface Place {
  readonly id: string
  readonly at: string
}

const CODES: Readonly<Record<string, readonly [VaultErrorCode, string]>> = {
  ENOENT: ['absent', 'repair the object'],
  EACCES: ['denied', 'give this user read and write permission on the folder and all in it'],
  EPERM: ['denied', 'give this user permission, or lift what protects the file (immutable flag, mount options)'],
  EROFS: ['denied', 'the disk is mounted read-only; mount it for writing'],
  ENOSPC: ['exhausted', 'free space on the disk or use another one'],
  EDQUOT: ['exhausted', 'raise the quota or free space'],
  EFBIG: ['unsupported', 'the file system takes no file of this size; put with a smaller maxPackBytes'],
  ENOTDIR: ['invalid', 'a file stands where a folder should be; move it away'],
  EEXIST: ['invalid', 'something else stands there; move it away'],
  EISDIR: ['invalid', 'a folder stands where a pack should be; move it away'],
  EXDEV: ['unsupported', 'the folders of one vault must lie on one file system'],
}

/** Runs one file-system step; rejects with the signal's reason on abort, though the step may still hang in the system (a dead mount). */
export async function guarded<T>(place: Place, doing: string, work: () => Promise<T>, options: AbortOptions = {}): Promise<T> {
  options.signal?.throwIfAborted()
  try {
    return await untilAborted(work(), options)
  } catch (error) {
    throw await translated(place, doing, error, options)
  }
}

/** The VaultError that says the same; our own errors and the signal's reason pass. `absent` only while the vault's marker is there. */
export async function translated(place: Place, doing: string, error: unknown, { signal }: AbortOptions = {}): Promise<unknown> {
  if (signal?.aborted && error === signal.reason) return error
  const code = errno(error)
  if (error instanceof PerdureError || code === undefined) return error
  if (code === 'ENOENT' && !(await isMounted(place))) return unmounted(place, error)
  // Anything else (EIO, ESTALE, ENOTCONN, ETIMEDOUT, EMFILE, …) tells nothing about the pack.
  const [known, advice] = CODES[code] ?? ['unreachable', 'check the disk or the mount, then try again']
  return new VaultError(known, place.id, `${doing} in ${place.at} failed with ${code}; ${advice}`, { cause: error })
}

/** Is the marker there? A mount that went away leaves an empty folder, and then nothing is known of any pack. */
export async function isMounted(place: Place): Promise<boolean> {
  try {
    await lstat(join(place.at, MARKER))
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw await translated(place, 'looking for the marker', error)
  }
}

/** The error of a vault whose folder or marker has gone. */
export function unmounted(place: Place, cause?: unknown): VaultError {
  const why = `${place.at} holds no ${MARKER}: the disk may not be mounted, or the vault was never opened`
  return new VaultError('unreachable', place.id, `${why}; mount it and try again, or reset the vault if what it held is gone for good`, {
    cause,
  })
}

/** Returns the locator, or throws `invalid` for one that a directory vault never issued. */
export function known(place: Place, locator: Locator): Locator {
  if (parseLocator(locator)) return locator
  throw new VaultError('invalid', place.id, `${JSON.stringify(locator)} is not a locator of a directory vault; it belongs to another vault`)
}

/** The system's error code, e.g. `ENOENT`. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && 'syscall' in error && typeof error.code === 'string' ? error.code : undefined
}

function untilAborted<T>(work: Promise<T>, { signal }: AbortOptions): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
