/**
 * A directory that was sealed before is looked at as a whole first: when names, times, modes and content are what they were, nothing else need be asked
 * or made. What was learnt on the way is kept, so that a directory that did change has only its changed files read twice.
 */
import { createHash, type Hash } from 'node:crypto'
import type { OpenedSource } from '../bytes/source.ts'
import type { AbortOptions, Entry, KnownContent } from '../contracts.ts'
import type { Fingerprints } from '../format/fingerprint.ts'
import { encodeXattrs, xattrsByteLength } from '../format/xattrs.ts'
import { type ItemPrint, itemsOf, itemsOfSeen, type Known, type SealedItem, type Seen, seenOf } from './sealed-items.ts'
import type { Sealing } from './sealing.ts'

/** Entries that are held in memory while it is open whether the directory is known. */
const MOST_HELD = 100_000
/** Bytes of extended attributes that are held with them. */
const MOST_HELD_BYTES = 32 * 1024 * 1024

export interface Scan {
  readonly items: AsyncIterable<SealedItem>
  /** Everything was looked at, and the directory is this one. */
  readonly whole?: { readonly content: KnownContent; readonly seen: readonly Seen[] } | undefined
}

export interface ScanOptions extends AbortOptions {
  readonly catalog: Known
  readonly sealing: Sealing
}

/** The items of a directory; looked at beforehand when one like it was sealed before. */
export async function scanned(source: OpenedSource, options: ScanOptions): Promise<Scan> {
  const { catalog, sealing, signal } = options
  const { reuse } = sealing
  const entries = source.entries({ signal })[Symbol.asyncIterator]()
  const first = await entries.next()
  if (first.done) return { items: nothing() }
  const rest = joined([first.value], entries)
  const plain = { catalog, reuse, signal }
  if (!reuse || !(await catalog.knownLength(directoryHint(first.value, reuse.prints)))) return { items: itemsOf(rest, plain) }
  const given = { catalog, reuse, signal }
  const seen: Seen[] = []
  const digest = directoryDigest(sealing)
  // An entry that cannot be read again, or one too many, ends the looking; it goes on as with any new directory.
  const left: Entry[] = []
  for await (const each of seenOf(until(rest, left), given)) {
    seen.push(each)
    digest.add(each.entry, each.print)
  }
  if (left.length > 0) return { items: inTurn(itemsOfSeen(seen, given), itemsOf(joined(left, entries), plain)) }
  const [content] = await catalog.knownContent([{ key: digest.key(), place: 0 }])
  return { items: itemsOfSeen(seen, given), whole: content && { content, seen } }
}

/** Stands where other fingerprints have that of a length: a directory from this place was sealed before. */
export const directoryHint = ({ seen, path }: Entry, prints: Fingerprints): number =>
  prints.place(path === '' && seen ? `\0directory ${seen.path}` : '\0list')

export interface DirectoryDigest {
  /** In the order of the source. */
  add(entry: Entry, print: ItemPrint | undefined): void
  /** To be asked for once. */
  key(): Uint8Array
}

/** Everything that the index of a directory tells of its entries, their content by its fingerprint. */
export function directoryDigest({ reuse, keepOwner }: Sealing): DirectoryDigest {
  const hash: Hash = createHash('sha256')
  return {
    add({ path, kind, byteLength = 0, mode = '', mtime, target = '', seen, xattrs }, print) {
      const time = mtime ? `${mtime.secs}.${mtime.nsecs ?? 0}` : ''
      const owner = keepOwner && seen ? `${seen.uid}:${seen.gid}` : ''
      const kept = xattrs ? JSON.stringify(encodeXattrs(xattrs)) : ''
      hash.update([path, kind, kind === 'file' ? byteLength : '', mode, time, target, owner + kept, print ? '1' : '', ''].join('\0'))
      if (print) hash.update(print.key)
    },
    key: () => reuse?.prints.directory(hash.digest()) ?? new Uint8Array(0),
  }
}

async function* until(entries: AsyncGenerator<Entry>, left: Entry[]): AsyncGenerator<Entry> {
  let held = 0
  let bytes = 0
  while (true) {
    const { done, value } = await entries.next()
    if (done) return
    held++
    bytes += value.xattrs ? xattrsByteLength(value.xattrs) : 0
    if (held > MOST_HELD || bytes > MOST_HELD_BYTES || (value.kind === 'file' && !(value.again && value.byteLength !== undefined))) {
      left.push(value)
      return
    }
    yield value
  }
}

async function* joined(first: readonly Entry[], rest: AsyncIterator<Entry>): AsyncGenerator<Entry> {
  yield* first
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

async function* inTurn<T>(...each: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  for (const items of each) yield* items
}

async function* nothing(): AsyncGenerator<never> {}
