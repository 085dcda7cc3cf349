/**
 * The table of contents of a sealed directory: JSON Lines, one object per entry in the order of the source, sealed as `index.age` in the directory.
 * Names and forms of the fields are for stock tools: `mode` is what chmod takes, `mtime` what `touch -d` takes.
 */
import { CID } from 'multiformats/cid'
import { checkPath } from '../bytes/paths.ts'
import type { AbortOptions } from '../contracts/options.ts'
import type { Mtime } from '../contracts/source.ts'
import type { Xattrs } from '../contracts/xattrs.ts'
import { FormatError, SourceError } from '../errors.ts'
import { decodeXattrs, encodeXattrs } from './xattrs.ts'

/** What it is called in the directory. */
export const INDEX_NAME = 'index.age'

/** Longest line that is read: paths, link targets and extended attributes fit many times over. */
const MAX_LINE_BYTES = 4 * 1024 * 1024

const HEAD = { version: 1, kind: 'perdure-index' } as const
const NANOSECONDS = 1_000_000_000
const LAST_SECOND_OF_9999 = 253_402_300_799n
const FIRST_SECOND_OF_0000 = -62_167_219_200n
const LF = 0x0a

/** One entry of a sealed directory. */
export interface IndexEntry {
  /** Relative to the object; empty for the directory itself. */
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink'
  /** Bytes of the content, padding left out; files only. */
  readonly size?: number | undefined
  /** Bytes of the plaintext with its padding, where there is some. */
  readonly padded?: number | undefined
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
  readonly target?: string | undefined
  /** Of the age file in the directory, and its root; files only. */
  readonly name?: string | undefined
  readonly cid?: CID | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly xattrs?: Xattrs | undefined
}

/** The first line. */
export const indexHead = (): string => `${JSON.stringify(HEAD)}\n`

/** One line, its line feed included. */
export function indexLine(entry: IndexEntry): string {
  const { path, type, size, padded, mode, mtime, target, name, cid, uid, gid, xattrs } = entry
  return `${JSON.stringify({
    path,
    type,
    size,
    padded,
    mode: mode === undefined ? undefined : mode.toString(8).padStart(4, '0'),
    mtime: mtime && timeText(mtime),
    target,
    name,
    cid: cid?.toString(),
    uid,
    gid,
    xattrs: xattrs && encodeXattrs(xattrs),
  })}\n`
}

/**
 * Reads the plaintext of an index, cut anywhere, line by line. Throws FormatError `malformed` for what is no index, for fields of a wrong form and for
 * paths that lead out of the directory, `unsupported` for a later version, `limit` for a line of more than 4 MiB.
 */
export async function* readIndex(plaintext: AsyncIterable<Uint8Array>, options: AbortOptions = {}): AsyncGenerator<IndexEntry> {
  let headed = false
  for await (const line of linesOf(plaintext)) {
    options.signal?.throwIfAborted()
    // Padding of an index: line feeds.
    if (line === '') continue
    const value = parsed(line)
    if (headed) yield entryOf(value)
    else assertHead(value)
    headed = true
  }
  if (!headed) throw malformed('it is empty')
}

async function* linesOf(plaintext: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of plaintext) {
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      const line = rest.byteLength === 0 ? chunk.subarray(from, end) : Buffer.concat([rest, chunk.subarray(from, end)])
      rest = new Uint8Array(0)
      from = end + 1
      yield Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString()
    }
    if (rest.byteLength + chunk.byteLength - from > MAX_LINE_BYTES)
      throw new FormatError('limit', `the index of the sealed directory has a line of more than ${MAX_LINE_BYTES} bytes; it is not read`)
    if (from < chunk.byteLength) rest = Buffer.concat([rest, chunk.subarray(from)])
  }
  if (rest.byteLength > 0) throw malformed('its last line does not end')
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    // The parser quotes the line, which is content: its error is not kept.
    throw malformed('a line is not JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  throw malformed('a line is not an object')
}

function assertHead({ version, kind }: Readonly<Record<string, unknown>>): void {
  if (kind !== HEAD.kind) throw malformed('its first line does not say that it is one')
  if (version !== HEAD.version)
    throw new FormatError('unsupported', `the index of the sealed directory has version ${String(version)}; version 1 is read`)
}

function entryOf(line: Readonly<Record<string, unknown>>): IndexEntry {
  const { path, type, target, name, xattrs } = line
  if (typeof path !== 'string') throw malformed('an entry has no path')
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') throw malformed('an entry is neither file, directory nor symlink')
  assertPath(path)
  const size = count(line.size, 'size')
  const cid = typeof line.cid === 'string' ? cidOf(line.cid) : undefined
  if (type === 'file' && (size === undefined || cid === undefined || typeof name !== 'string'))
    throw malformed('a file has no size, no name or no CID')
  if (type === 'symlink' && typeof target !== 'string') throw malformed('a symlink has no target')
  return {
    path,
    type,
    ...(type === 'file' && { size, padded: count(line.padded, 'padded'), name: String(name), cid }),
    ...(type === 'symlink' && { target: String(target) }),
    mode: modeOf(line.mode),
    mtime: line.mtime === undefined ? undefined : timeOf(line.mtime),
    uid: count(line.uid, 'uid'),
    gid: count(line.gid, 'gid'),
    xattrs: xattrs === undefined ? undefined : xattrsOf(xattrs),
  }
}

function assertPath(path: string): void {
  if (path === '') return
  try {
    checkPath(path)
  } catch (error) {
    if (error instanceof SourceError) throw malformed(error.message)
    throw error
  }
}

function count(value: unknown, what: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) return value
  throw malformed(`a ${what} is no whole number`)
}

function cidOf(text: string): CID {
  try {
    return CID.parse(text)
  } catch (cause) {
    throw new FormatError('malformed', 'the index of the sealed directory names a CID that is none', { cause })
  }
}

function modeOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[0-7]{3,5}$/.test(value)) return Number.parseInt(value, 8)
  throw malformed('a mode is not written in octal digits')
}

function xattrsOf(value: unknown): Xattrs {
  const xattrs = decodeXattrs(value)
  if (xattrs) return xattrs
  throw malformed('extended attributes are not names with base64 values')
}

/** ISO 8601 with nine decimals, and `@seconds` where the calendar has no four-digit year: exact, and `touch -d` takes both. */
export function timeText({ secs, nsecs = 0 }: Mtime): string {
  if (secs >= FIRST_SECOND_OF_0000 && secs <= LAST_SECOND_OF_9999) {
    return `${new Date(Number(secs) * 1000).toISOString().slice(0, 19)}.${String(nsecs).padStart(9, '0')}Z`
  }
  const whole = secs < 0n && nsecs > 0 ? secs + 1n : secs
  const fraction = secs < 0n && nsecs > 0 ? NANOSECONDS - nsecs : nsecs
  return `@${secs < 0n && whole === 0n ? '-' : ''}${whole}.${String(fraction).padStart(9, '0')}`
}

/** The way back. Throws FormatError `malformed`. */
export function timeOf(text: unknown): Mtime {
  const iso = typeof text === 'string' ? /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z$/.exec(text) : undefined
  const ms = iso ? Date.parse(`${iso[1]}Z`) : Number.NaN
  if (iso && Number.isFinite(ms)) return { secs: BigInt(ms / 1000), nsecs: Number(iso[2]) }
  const at = typeof text === 'string' ? /^@(-?)(\d{1,19})\.(\d{9})$/.exec(text) : undefined
  if (!at) throw malformed('a time is neither ISO 8601 with nine decimals nor @seconds')
  const [, sign, whole = '0', fraction = '0'] = at
  const nsecs = Number(fraction)
  if (sign !== '-') return { secs: BigInt(whole), nsecs }
  return nsecs === 0 ? { secs: -BigInt(whole), nsecs } : { secs: -BigInt(whole) - 1n, nsecs: NANOSECONDS - nsecs }
}

const malformed = (problem: string) => new FormatError('malformed', `this is no index of a sealed directory: ${problem}`)
