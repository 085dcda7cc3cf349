/** Conditions, ranges and names of HTTP answers (RFC 9110, RFC 6266). */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Does the client have it already? Weak comparison, as RFC 9110 has it for reading. */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const bare = (tag: string) => tag.trim().replace(/^W\//, '')
  return header.trim() === '*' || header.split(',').some((tag) => bare(tag) === bare(etag))
}

export interface PartOfFile {
  readonly offset: number
  readonly length: number
}

/** The one range asked for; `all` when none is, or several, or of another version; `none` when the file does not have it. */
export function rangeOf(
  { range, 'if-range': condition }: IncomingHttpHeaders,
  etag: string,
  byteLength: number,
): PartOfFile | 'all' | 'none' {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range?.replaceAll(' ', '') ?? '') ?? []
  if ((first === '' && last === '') || (typeof condition === 'string' && condition.trim() !== etag)) return 'all'
  if (first === '') {
    const length = Math.min(Number(last), byteLength)
    return length === 0 ? 'none' : { offset: byteLength - length, length }
  }
  const offset = Number(first)
  if (last !== '' && Number(last) < offset) return 'all'
  if (offset >= byteLength) return 'none'
  return { offset, length: Math.min(byteLength, last === '' ? byteLength : Number(last) + 1) - offset }
}

/** `attachment` or `inline` with a name in both forms, so that no name can end the header or lead out of a folder. */
export function dispositionOf(kind: 'attachment' | 'inline', name: string): string {
  const safe = name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069/\\]/g, '_').toWellFormed()
  const ascii = safe.replace(/[^\u0020-\u007e]|["%]/g, '_')
  const encoded = encodeURIComponent(safe).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

/** Of what is made for this request alone: differs with everything that it was made from. */
export function etagOf(top: string, kind: string, ...parts: readonly unknown[]): string {
  return `W/"${top}.${kind}.${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)}"`
}
