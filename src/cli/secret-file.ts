/** Files that hold a secret: read with a limit, written for their owner alone, and never over another by accident. */
import { type FileHandle, lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { holdsSecret } from '../bytes/redact.ts'
import { ConfigError } from '../errors.ts'

export interface ReadSecretOptions {
  /** As it is called in an error. */
  readonly what: string
  readonly limit: number
  /** Told when others than the owner may read the file. */
  readonly warn: (text: string) => Promise<void>
}

/** The bytes of a file, a named pipe included. Nothing of the content is ever part of an error. */
export async function readSecretFile(path: string, { what, limit, warn }: ReadSecretOptions): Promise<{ readonly bytes: Uint8Array }> {
  assertPath(path, what)
  await using file = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, what, cause)
  })
  const stats = await file.stat()
  if (stats.isDirectory()) throw new ConfigError('invalid', `${what} ${path} is a folder; name the file in it`)
  if (stats.isFile() && process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
    await warn(`warning: ${what} ${path} can be read by others (mode ${mode}); run: chmod 600 ${JSON.stringify(path)}`)
  }
  return { bytes: await readAtMost(file, { path, what, limit }) }
}

async function readAtMost(file: FileHandle, { path, what, limit }: Omit<ReadSecretOptions, 'warn'> & { readonly path: string }) {
  const bytes = Buffer.alloc(limit + 1)
  for (let filled = 0; ; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.byteLength - filled, null).catch((cause: unknown) => {
      throw unreadable(path, what, cause)
    })
    filled += bytesRead
    if (filled > limit) throw new ConfigError('invalid', `${what} ${path} has more than ${limit} bytes; it is not what it should be`)
    if (bytesRead === 0) return bytes.subarray(0, filled)
  }
}

/** Someone who passes the secret where its file belongs has shown it to every process already; the error does not repeat it. */
export function assertPath(path: string, what: string): void {
  if (!holdsSecret(path)) return
  throw new ConfigError(
    'invalid',
    `${what} is named by its path, and what was given is a secret key itself; other users may have seen it on the command line: ` +
      'make a new key with `perdure key new` and name its file',
  )
}

function unreadable(path: string, what: string, cause: unknown): ConfigError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return new ConfigError('not-found', `there is no file ${path} (${what}); check the path`, { cause })
  return new ConfigError('invalid', `${what} ${path} cannot be read; grant yourself read permission, or name another file`, { cause })
}

/**
 * Writes a new file with mode 0600, durable when it resolves. Created exclusively: throws `exists` where a file is, and leaves that alone, unless
 * `replace` is set; then the old one is there until the new one is whole.
 */
export async function writeSecretFile(
  path: string,
  content: string | Uint8Array,
  { replace }: { readonly replace: boolean },
): Promise<void> {
  assertPath(path, 'the file to write')
  const target = replace ? `${path}.${process.pid}.part` : path
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await create(target)
    try {
      await file.writeFile(content)
      await file.sync()
      if (replace) await rename(target, path)
    } catch (error) {
      // Half a key in its place would keep the next attempt from being made.
      await unlink(target)
      throw error
    } finally {
      await file.close()
    }
    await syncFolder(dirname(path))
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('invalid', `${path} cannot be written; check the folder and its permissions`, { cause })
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'EEXIST' ? taken(path, cause) : cause
  }
}

function taken(path: string, cause?: unknown): ConfigError {
  const advice = 'give another name with -o, or --force to replace it: what only the key in it opens is then lost'
  return new ConfigError('exists', `${path} is there already and is left as it is; ${advice}`, { cause })
}

/** Says early that a file is in the way, before a person is asked for anything; writing it decides. */
export async function assertFree(path: string): Promise<void> {
  assertPath(path, 'the file to write')
  if (await isThere(path)) throw taken(path)
}

/** A file that cannot be looked at is there: reading it says what is wrong. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
  }
}

/** So that the name, too, survives a loss of power. Windows opens no folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path, 'r')
  await folder.sync()
}
