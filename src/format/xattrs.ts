/** Extended attributes in index and meta: an object of base64 values. Which names are kept, and how much of them. */
import type { Xattrs } from '../contracts/xattrs.ts'

/** No file system of today keeps more of one. */
export const MAX_XATTR_BYTES = 64 * 1024

/** All of one entry, as they are written: so they fit a line of an index, and the meta of a file that is an object of its own. */
export const MAX_XATTRS_BYTES = 768 * 1024

const MAX_NAME_BYTES = 255

/** What the kernel or a file system makes up, or what holds only where it was written. */
const LEFT_OUT = /^(?:security\.(?!capability$)|system\.(?!posix_acl_(?:access|default)$)|trusted\.overlay\.)/

/** Labels, signatures of this machine and the marks of an overlay are neither kept nor set; everything else is. */
export const isKeptXattr = (name: string): boolean => !LEFT_OUT.test(name)

/** As JSON holds them, by the bytes of their names. */
export function encodeXattrs(xattrs: Xattrs): Readonly<Record<string, string>> {
  return Object.fromEntries(sortedXattrs(xattrs).map(([name, value]) => [name, base64(value)]))
}

/** The way back; undefined for anything else than an object of names that a system takes and canonical base64 within the limits. */
export function decodeXattrs(value: unknown): Xattrs | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries: (readonly [string, Uint8Array])[] = []
  for (const [name, text] of Object.entries(value as Readonly<Record<string, unknown>>)) {
    if (!isName(name) || typeof text !== 'string') return undefined
    const bytes = new Uint8Array(Buffer.from(text, 'base64'))
    if (bytes.byteLength > MAX_XATTR_BYTES || base64(bytes) !== text) return undefined
    entries.push([name, bytes])
  }
  return Object.fromEntries(entries)
}

/** Their order is that of the bytes of their names: an object puts names that look like numbers first. */
export function sortedXattrs(xattrs: Xattrs): readonly (readonly [string, Uint8Array])[] {
  return Object.entries(xattrs).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Bytes that they take in a line of an index. */
export function xattrsByteLength(xattrs: Xattrs): number {
  return Object.entries(xattrs).reduce((sum, [name, value]) => sum + xattrByteLength(name, value), 0)
}

/** Bytes that one takes: `"name":"base64",` */
export const xattrByteLength = (name: string, { byteLength }: Uint8Array): number =>
  Buffer.byteLength(JSON.stringify(name)) + 4 * Math.ceil(byteLength / 3) + 4

const isName = (name: string): boolean =>
  name !== '' && !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= MAX_NAME_BYTES

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string => Buffer.from(buffer, byteOffset, byteLength).toString('base64')
