/**
 * Files of a source on their way to being sealed, each with what is known of its content. Small ones are read into memory, fingerprinted and looked
 * up together; a large one is read twice only when something as long was sealed before. Without reuse everything is new.
 */
import { recycle } from '../bytes/pool.ts'
import type { AbortOptions, Catalog, Entry, FileFingerprint, KnownContent } from '../contracts.ts'
import { LEAF_PLAINTEXT_BYTES } from '../format/age-layout.ts'
import { xattrsByteLength } from '../format/xattrs.ts'
import { eachOf } from './context.ts'
import type { Reuse } from './sealing.ts'

/** Entries that are looked up together, and bytes of them in memory. */
const WINDOW_ENTRIES = 256
const WINDOW_BYTES = 8 * 1024 * 1024
/** Small files read side by side. */
const WIDTH = 8
/** A file changed so shortly before it was listed may change again without its times telling. */
const SETTLED_MS = 2_000

export interface SealedItem {
  readonly entry: Entry
  /** Files: the content, once. */
  readonly open: (options: AbortOptions) => AsyncIterable<Uint8Array>
  /** Files: what the same content became before; then it is not opened, and its length is the entry's. */
  readonly known?: KnownContent | undefined
  /** Files, once the content was read to its end: how it is known again. */
  readonly print: () => Promise<ItemPrint | undefined>
}

export interface ItemPrint {
  /** Of the content. */
  readonly key: Uint8Array
  /** To be kept, so that the file need not be read the next time. */
  readonly file?: FileFingerprint | undefined
}

export type Known = Pick<Catalog, 'knownContent' | 'knownFiles' | 'knownLength'>

export interface ItemsOptions extends AbortOptions {
  readonly catalog: Known
  readonly reuse: Reuse | undefined
}

/** An entry that was looked at, its content with it where it is a file. */
export interface Seen {
  readonly entry: Entry
  readonly print: ItemPrint | undefined
  /** Of a small file that was read. */
  readonly chunks: readonly Uint8Array[] | undefined
}

interface Run extends Reuse, AbortOptions {
  readonly catalog: Known
}

/** In the order of the entries. */
export async function* itemsOf(entries: AsyncIterable<Entry>, { catalog, reuse, signal }: ItemsOptions): AsyncGenerator<SealedItem> {
  if (!reuse) {
    for await (const entry of entries) yield { entry, open: contentOf(entry), print: async () => undefined }
    return
  }
  const run: Run = { ...reuse, catalog, signal }
  for await (const window of windowsOf(entries)) {
    const [only] = window
    if (only && window.length === 1 && !isSmall(only)) yield await largeItem(only, run)
    else yield* lookedUp(await lookAt(window, run), run)
  }
}

/** Looks at entries without asking what of them is known, and keeps no content: files must be such as can be read again. */
export async function* seenOf(entries: AsyncIterable<Entry>, { catalog, reuse, signal }: ItemsOptions & { readonly reuse: Reuse }) {
  const run: Run = { ...reuse, catalog, signal }
  for await (const window of windowsOf(entries)) {
    const [only] = window
    if (only && window.length === 1 && !isSmall(only)) yield { entry: only, print: await hashed(only, run), chunks: undefined }
    else for (const { entry, print } of await lookAt(window, run)) yield { entry, print, chunks: undefined }
  }
}

/** Entries that were looked at become items: what is not known is read once more. */
export async function* itemsOfSeen(seen: readonly Seen[], { catalog, reuse, signal }: ItemsOptions & { readonly reuse: Reuse }) {
  const run: Run = { ...reuse, catalog, signal }
  for (let at = 0; at < seen.length; at += WINDOW_ENTRIES) yield* lookedUp(seen.slice(at, at + WINDOW_ENTRIES), run)
}

/** Small entries together, large files alone. */
async function* windowsOf(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  let window: Entry[] = []
  let bytes = 0
  for await (const entry of entries) {
    const small = isSmall(entry)
    if (small) window.push(entry)
    bytes += small && entry.kind === 'file' ? (entry.byteLength ?? 0) : 0
    bytes += entry.xattrs ? xattrsByteLength(entry.xattrs) : 0
    if (small && window.length < WINDOW_ENTRIES && bytes < WINDOW_BYTES) continue
    if (window.length > 0) yield window
    window = []
    bytes = 0
    if (!small) yield [entry]
  }
  if (window.length > 0) yield window
}

const isSmall = ({ kind, byteLength = Number.POSITIVE_INFINITY }: Entry) => kind !== 'file' || byteLength <= LEAF_PLAINTEXT_BYTES

const contentOf = ({ open }: Entry) => open ?? nothing

/** Reads what is not believed to be what it was. */
async function lookAt(window: readonly Entry[], run: Run): Promise<readonly Seen[]> {
  const trusted = run.trustMtime ? await trustedOf(window, run) : undefined
  return eachOf(window, WIDTH, async (entry): Promise<Seen> => {
    const key = trusted?.get(entry)
    if (key || entry.kind !== 'file') return { entry, chunks: undefined, print: key && { key } }
    const chunks: Uint8Array[] = []
    const content = run.prints.content()
    let byteLength = 0
    for await (const chunk of contentOf(entry)({ signal: run.signal })) {
      chunks.push(chunk)
      content.add(chunk)
      byteLength += chunk.byteLength
    }
    return { entry, chunks, print: printOf(entry, content.key(byteLength), run) }
  })
}

async function* lookedUp(seen: readonly Seen[], run: Run): AsyncGenerator<SealedItem> {
  const files = seen.flatMap(({ entry, print }) => (print ? [{ key: print.key, place: run.prints.place(entry.path) }] : []))
  const contents = await run.catalog.knownContent(files)
  let next = 0
  for (const { entry, chunks, print } of seen) {
    const known = print ? contents[next++] : undefined
    // What is known lets go of its bytes. What is not, and was not kept, is read and fingerprinted anew.
    if (known || !print) yield { entry, open: contentOf(entry), known, print: async () => print }
    else if (chunks) yield { entry, open: () => listed(chunks), print: async () => print }
    else yield hashedItem(entry, run)
  }
}

/** The fingerprints of files that are in the state they were in when they were last read. */
async function trustedOf(entries: readonly Entry[], { prints, catalog }: Run): Promise<ReadonlyMap<Entry, Uint8Array>> {
  const files = entries.flatMap((entry) => (entry.kind === 'file' && entry.seen ? [{ entry, seen: entry.seen }] : []))
  const keys = await catalog.knownFiles(files.map(({ seen }) => ({ path: prints.file(seen.path), state: prints.state(seen) })))
  return new Map(
    files.flatMap(({ entry }, index) => {
      const key = keys[index]
      return key ? [[entry, key] as const] : []
    }),
  )
}

function printOf({ seen }: Entry, key: Uint8Array, { prints, trustMtime }: Run): ItemPrint {
  if (!trustMtime || !seen || Number(seen.ctimeNs / 1_000_000n) > Date.now() - SETTLED_MS) return { key }
  return { key, file: { path: prints.file(seen.path), state: prints.state(seen) } }
}

/** Larger than a leaf, or of unknown length. */
async function largeItem(entry: Entry, run: Run): Promise<SealedItem> {
  const { catalog, prints, trustMtime } = run
  const { again, byteLength } = entry
  const trusted = trustMtime && (await trustedOf([entry], run)).has(entry)
  if (!trusted && !(again && byteLength !== undefined && (await catalog.knownLength(prints.length(byteLength)))))
    return hashedItem(entry, run)
  const print = await hashed(entry, run)
  const [known] = print ? await catalog.knownContent([{ key: print.key, place: prints.place(entry.path) }]) : []
  return known ? { entry, open: contentOf(entry), known, print: async () => print } : hashedItem(entry, run)
}

/** The fingerprint of a large file: believed, or by reading it. */
async function hashed(entry: Entry, run: Run): Promise<ItemPrint | undefined> {
  const key = run.trustMtime ? (await trustedOf([entry], run)).get(entry) : undefined
  if (key) return { key }
  const item = hashedItem(entry, run)
  for await (const chunk of item.open(run)) recycle(chunk)
  return item.print()
}

/** Content that is fingerprinted on its way: chunks are given on when they were taken in, since they may be used again from then on. */
function hashedItem(entry: Entry, run: Run): SealedItem {
  const content = run.prints.content()
  let byteLength = 0
  let print: ItemPrint | undefined
  async function* open(options: AbortOptions): AsyncGenerator<Uint8Array> {
    for await (const chunk of contentOf(entry)(options)) {
      content.add(chunk)
      byteLength += chunk.byteLength
      yield chunk
    }
  }
  const printed = async () => {
    print ??= printOf(entry, content.key(byteLength), run)
    return print
  }
  return { entry, open, print: printed }
}

async function* listed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
