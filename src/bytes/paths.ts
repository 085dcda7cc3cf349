/** What a path inside an object may look like. */
import { SourceError } from '../errors.ts'

const MAX_SEGMENT_BYTES = 255

/** Throws SourceError `invalid-path`, naming the path, unless it is relative, clean and can be written by any file system. */
export function checkPath(path: string): void {
  const problem = problemOf(path)
  if (problem === undefined) return
  throw new SourceError('invalid-path', `the path ${shown(path)} ${problem}`)
}

function problemOf(path: string): string | undefined {
  if (typeof path !== 'string') return 'is not a string'
  if (path === '') return 'is empty; give every entry a relative path'
  if (!path.isWellFormed()) return 'has an unpaired surrogate and cannot be written as UTF-8'
  if (path.includes('\0')) return 'contains NUL'
  if (path.startsWith('/')) return 'is absolute; make it relative'
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty segment; write single slashes and none at the end'
    if (segment === '.' || segment === '..') return `has a segment ${JSON.stringify(segment)}; paths may not leave or repeat their folder`
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment of more than ${MAX_SEGMENT_BYTES} bytes`
  }
  return undefined
}

/** A path as text in a message: quoted, escaped, cut. */
export function shown(path: string): string {
  return JSON.stringify(path.length > 300 ? `${path.slice(0, 300)}…` : path)
}

/** Sorts so that parents come before children and siblings by UTF-8 bytes. */
export function treeOrder<T extends { readonly path: string }>(entries: readonly T[]): T[] {
  // NUL sorts before every byte a segment may hold, so a folder's children follow it before any longer sibling name.
  const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.path.replaceAll('/', '\0')) }))
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ entry }) => entry)
}
