/** What SQLite and the file system say, in the catalog's own codes. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { CatalogError } from '../errors.ts'

/** Below this a failed write means that the disk is full, whatever SQLite called it. */
const FULL_BELOW_BYTES = 64 * 1024

/** SQLite's result code, e.g. `SQLITE_BUSY`, or errno's name. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Somebody else is writing: worth asking again. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED'
}

/** Turns a failure of the database at `path` into a CatalogError; a programming error comes back as it is. */
export function catalogError(error: unknown, path: string): unknown {
  if (error instanceof CatalogError) return error
  const code = codeOf(error)
  if (isBusy(error))
    return new CatalogError('locked', `${path} is being written by another process; wait for it, or stop it, then try again`, {
      cause: error,
    })
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return new CatalogError('corrupt', `${path} is damaged; move it away and rebuild it from a vault with \`perdure recover\``, {
      cause: error,
    })
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || (code.startsWith('SQLITE_IOERR') && isFull(path)))
    return new CatalogError('exhausted', `the disk under ${path} is full; free some space, then try again: nothing was half written`, {
      cause: error,
    })
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(code) || code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new CatalogError(
      'denied',
      `${path} cannot be opened for writing; grant this user the folder and every file of that name in it`,
      {
        cause: error,
      },
    )
  if (code.startsWith('SQLITE_IOERR'))
    return new CatalogError('corrupt', `the disk under ${path} fails (${code}); check it before anything else`, { cause: error })
  if (code.startsWith('SQLITE_CONSTRAINT'))
    return new CatalogError('conflict', `${path} refuses the change, because something it refers to has changed meanwhile; do it again`, {
      cause: error,
    })
  if (error instanceof TypeError && error.message.includes('not open'))
    return new CatalogError('denied', `${path} was closed; open the catalog again`, { cause: error })
  return error
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize < FULL_BELOW_BYTES
  } catch (error) {
    return codeOf(error) === 'ENOSPC'
  }
}
