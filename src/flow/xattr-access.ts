/** The way to extended attributes. Node has none of its own: the optional package `fs-xattr` has, by path. */
import { type BigIntStats, statSync } from 'node:fs'
import type { XattrFunctions } from '../contracts.ts'
import { ConfigError } from '../errors.ts'

/** Throws ConfigError `unsupported-runtime` where the package is not installed, or was not built. */
export async function installedXattrs(): Promise<XattrFunctions> {
  if (process.platform === 'win32')
    throw new ConfigError('unsupported-runtime', 'Windows has no extended attributes as they are kept here; leave out xattrs')
  try {
    return await import('fs-xattr')
  } catch (cause) {
    throw new ConfigError('unsupported-runtime', 'extended attributes need the package fs-xattr; run `npm install fs-xattr`', { cause })
  }
}

/**
 * A path that leads to an open file or directory and to nothing else, whatever its name leads to by now: attributes are read and set by path, and what
 * follows paths could be led elsewhere. Throws ConfigError `unsupported-runtime` on a system without such paths.
 */
export function pathOfOpen(fd: number, { dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  const path = process.platform === 'darwin' ? `/.vol/${dev}/${ino}` : `/proc/self/fd/${fd}`
  const there = statAt(path)
  if (there?.ino === ino && there.dev === dev) return path
  throw new ConfigError('unsupported-runtime', `extended attributes of an open file cannot be reached: ${path} does not lead to it`)
}

function statAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return undefined
  }
}

/**
 * A value that was the same twice: the package asks for the length first, and what becomes shorter in between comes with bytes that are not its own.
 * Throws what the system says.
 */
export function settledValueOf({ getAttributeSync }: XattrFunctions, path: string, name: string): Uint8Array {
  let value = read(getAttributeSync, path, name)
  for (let tries = 0; tries < TRIES; tries++) {
    const again = read(getAttributeSync, path, name)
    if (value && again && Buffer.compare(value, again) === 0) return again
    value = again
  }
  return getAttributeSync(path, name)
}

const TRIES = 8

/** Undefined where it became longer in between. */
function read(get: XattrFunctions['getAttributeSync'], path: string, name: string): Uint8Array | undefined {
  try {
    return get(path, name)
  } catch (error) {
    if (systemCode(error) === 'ERANGE') return undefined
    throw error
  }
}

/** The system's own code, or its number where the package has no name for it. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code !== '') return String(error.code)
  return 'errno' in error ? `error ${String(error.errno)}` : error.message
}
