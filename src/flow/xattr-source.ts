/** A source whose entries carry their extended attributes, where they lie on this machine. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { takeTurns } from '../bytes/at-once.ts'
import { sourceError } from '../bytes/file.ts'
import { shown } from '../bytes/paths.ts'
import type { OpenedSource } from '../bytes/source.ts'
import type { AbortOptions, Entry, SeenFile, XattrFunctions, XattrProblem, Xattrs } from '../contracts.ts'
import { ConfigError, SourceError } from '../errors.ts'
import { isKeptXattr, MAX_XATTR_BYTES, MAX_XATTRS_BYTES, xattrByteLength } from '../format/xattrs.ts'
import { pathOfOpen, settledValueOf, systemCode } from './xattr-access.ts'

/** Neither a symlink nor a fifo that took the place of what was listed is followed or waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** What stands for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'

export interface XattrSourceOptions {
  readonly functions: XattrFunctions
  /** Told of what is there and cannot be kept. */
  readonly onLeftOut: (problem: XattrProblem) => void
}

/**
 * Reads the attributes of each file and directory as it goes by, not those of symlinks. Throws SourceError `unsupported` for more than can be kept,
 * `changed` where another file took the place of the one that was listed.
 */
export function withXattrs(source: OpenedSource, options: XattrSourceOptions): OpenedSource {
  return { ...source, entries: (abort) => withEach(source.entries(abort), options, abort) }
}

async function* withEach(entries: AsyncIterable<Entry>, options: XattrSourceOptions, { signal }: AbortOptions = {}): AsyncGenerator<Entry> {
  for await (const entry of entries) {
    const { seen, kind, path } = entry
    if (!seen || kind === 'symlink') {
      yield entry
      continue
    }
    await takeTurns()
    signal?.throwIfAborted()
    const onLeftOut = (name: string, reason: string) => options.onLeftOut({ path, name, reason })
    const xattrs = xattrsOf(seen, { functions: options.functions, onLeftOut })
    yield Object.keys(xattrs).length > 0 ? { ...entry, xattrs } : entry
  }
}

interface Reading {
  readonly functions: XattrFunctions
  readonly onLeftOut: (name: string, reason: string) => void
}

function xattrsOf(seen: SeenFile, reading: Reading): Xattrs {
  const { path } = seen
  let fd: number | undefined
  try {
    fd = openSync(path, FLAGS)
    const stats = fstatSync(fd, { bigint: true })
    if (stats.ino !== seen.ino || stats.dev !== seen.dev)
      throw new SourceError('changed', `${shown(path)} was replaced while it was being read; put it again when nothing writes to it`)
    return readAll(path, pathOfOpen(fd, stats), reading)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw sourceError(path, cause, { listed: true })
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** `path` is for messages, `at` leads there. */
function readAll(path: string, at: string, { functions, onLeftOut }: Reading): Xattrs {
  const found: Record<string, Uint8Array> = Object.create(null)
  let byteLength = 0
  for (const name of namesAt(at, functions, onLeftOut)) {
    const value = readOne(at, name, { functions, onLeftOut })
    if (!value) continue
    if (value.byteLength > MAX_XATTR_BYTES) {
      const problem = `has ${value.byteLength} bytes, and ${MAX_XATTR_BYTES} can be kept`
      throw tooMuch(`${shown(path)} has an extended attribute ${shown(name)} that ${problem}`)
    }
    byteLength += xattrByteLength(name, value)
    if (byteLength > MAX_XATTRS_BYTES)
      throw tooMuch(`${shown(path)} has extended attributes that take more than ${MAX_XATTRS_BYTES} bytes as they are written`)
    found[name] = value
  }
  return found
}

const tooMuch = (problem: string) => new SourceError('unsupported', `${problem}; remove it, exclude the file, or put without xattrs`)

/** Each name once: two that are no UTF-8 may look the same. */
function namesAt(at: string, { listAttributesSync }: XattrFunctions, onLeftOut: Reading['onLeftOut']): ReadonlySet<string> {
  const names = new Set<string>()
  for (const name of listed(at, listAttributesSync)) {
    if (!isKeptXattr(name)) continue
    if (names.has(name)) onLeftOut(name, NOT_TEXT)
    names.add(name)
  }
  return names
}

const NOT_TEXT = 'its name is not valid UTF-8'

/** A file system without attributes has none to keep. */
function listed(at: string, list: XattrFunctions['listAttributesSync']): readonly string[] {
  try {
    return list(at)
  } catch (error) {
    if (['ENOTSUP', 'EOPNOTSUPP'].includes(systemCode(error))) return []
    throw error
  }
}

/** Undefined for what has gone meanwhile, and for what was left out. */
function readOne(at: string, name: string, { functions, onLeftOut }: Reading): Uint8Array | undefined {
  try {
    return settledValueOf(functions, at, name)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENODATA' || code === 'ENOATTR') {
      if (name.includes(REPLACEMENT)) onLeftOut(name, NOT_TEXT)
      return undefined
    }
    if (!['EACCES', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) throw error
    onLeftOut(name, `it may not be read (${code})`)
    return undefined
  }
}
