/** Bytes of log entries: canonical JSON, which is RFC 8785 for what entries are made of, and so one spelling each. */
import type { LogEntry } from '../contracts.ts'
import { FormatError } from '../errors.ts'

/** Largest entry, in bytes. */
export const MAX_ENTRY_BYTES = 256 * 1024

/**
 * Keys in the order of their UTF-16 units, no spaces, whole numbers only; members without a value are left out. Throws `malformed` for numbers that
 * are not whole and for values that JSON does not know.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new FormatError('malformed', 'half a character cannot be entered into the log')
    return JSON.stringify(value)
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0))
      throw new FormatError('malformed', `${value} cannot be entered into the log; it takes whole numbers`)
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`
  if (typeof value !== 'object') throw new FormatError('malformed', `a ${typeof value} cannot be entered into the log`)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${members.map(([key, member]) => `${canonicalJson(key)}:${canonicalJson(member)}`).join(',')}}`
}

/** What is hashed and kept of an entry. Throws `malformed` and `limit`. */
export function encodeEntry(entry: LogEntry): Uint8Array {
  const bytes = Buffer.from(canonicalJson(entry))
  if (bytes.byteLength > MAX_ENTRY_BYTES)
    throw new FormatError('limit', `a log entry of ${bytes.byteLength} bytes; at most ${MAX_ENTRY_BYTES} are taken`)
  return bytes
}

/** Reads an entry; kinds of later versions pass as they are. Throws `malformed` for whatever has another spelling. */
export function decodeEntry(bytes: Uint8Array): LogEntry {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const entry = JSON.parse(text) as LogEntry
    if (typeof entry === 'object' && entry !== null && typeof entry.kind === 'string' && canonicalJson(entry) === text) return entry
  } catch (cause) {
    throw new FormatError('malformed', 'this is not a log entry: it is not canonical JSON', { cause })
  }
  throw new FormatError('malformed', 'this is not a log entry: it has no kind, or another spelling than canonical JSON')
}
