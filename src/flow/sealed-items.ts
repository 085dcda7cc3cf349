/**
 * Files of a source on their way to being sealed, each with what is known of its content. Small ones are read into memory, fingerprinted and looked
 * up together; a large one is read twice only when something as long was sealed before. Without reuse everything is new.
 */

import { recycle } from '../bytes/pool.ts'
import type { AbortOptions, Catalog, Entry, FileFingerprint, Fingerprint, KnownContent } from '../contracts.ts'
import { LEAF_PLAINTEXT_BYTES } from '../format/age-layout.ts'
import { chunkDigest } from '../format/fingerprint.ts'
import { eachOf } from './context.ts'
import type { Reuse } from './sealing.ts'

/** Entries that are looked up together, and bytes of them in memory. */
const WINDOW_ENTRIES = 256
const WINDOW_BYTES = 8 * 1024 * 1024
/** Small files read side by side. */
const WIDTH = 8
/** Shorter chunks are hashed where they are: handing them to another thread takes longer. */
const AHEAD_BYTES = 128 * 1024
/** A file changed so shortly before it was listed may change again without its times telling. */
const SETTLED_MS = 2_000

export interface SealedItem {
  readonly entry: Entry
  /** Files: the content, once. */
  readonly open: (options: AbortOptions) => AsyncIterable<Uint8Array>
  /** Files: what the same content became before; then it is not opened, and its length is the entry's. */
  readonly known?: KnownContent | undefined
  /** Files, once the content was read to its end: how it is known again. */
  readonly fingerprint: () => Promise<ItemFingerprint | undefined>
}

export type ItemFingerprint = Fingerprint & { readonly file?: FileFingerprint | undefined }

export interface ItemsOptions extends AbortOptions {
  readonly catalog: Pick<Catalog, 'knownContent' | 'knownFiles' | 'knownLength'>
  readonly reuse: Reuse | undefined
}

/** In the order of the entries. */
export async function* itemsOf(entries: AsyncIterable<Entry>, { catalog, reuse, signal }: ItemsOptions): AsyncGenerator<SealedItem> {
  if (!reuse) {
    for await (const entry of entries) yield newItem(entry)
    return
  }
  const run: Run = { ...reuse, catalog, signal }
  let window: Entry[] = []
  let bytes = 0
  for await (const entry of entries) {
    const { byteLength = Number.POSITIVE_INFINITY } = entry
    const small = entry.kind !== 'file' || byteLength <= LEAF_PLAINTEXT_BYTES
    if (small) window.push(entry)
    bytes += small && entry.kind === 'file' ? byteLength : 0
    if (small && window.length < WINDOW_ENTRIES && bytes < WINDOW_BYTES) continue
    yield* lookedUp(window, run)
    window = []
    bytes = 0
    if (!small) yield await largeItem(entry, run)
  }
  yield* lookedUp(window, run)
}

interface Run extends Reuse, AbortOptions {
  readonly catalog: ItemsOptions['catalog']
}

const contentOf = ({ open }: Entry) => open ?? nothing

function newItem(entry: Entry): SealedItem {
  return { entry, open: contentOf(entry), fingerprint: async () => undefined }
}

/** A small file with its content, or an entry that has none. */
interface Looked {
  readonly entry: Entry
  /** Undefined when it was not read. */
  readonly chunks: readonly Uint8Array[] | undefined
  readonly print: ItemFingerprint | undefined
}

async function* lookedUp(window: readonly Entry[], run: Run): AsyncGenerator<SealedItem> {
  const trusted = run.trustMtime ? await trustedOf(window, run) : new Map<Entry, KnownContent>()
  const looked = await eachOf(window, WIDTH, async (entry): Promise<Looked> => {
    if (trusted.has(entry) || entry.kind !== 'file') return { entry, chunks: undefined, print: undefined }
    const chunks: Uint8Array[] = []
    for await (const chunk of contentOf(entry)({ signal: run.signal })) chunks.push(chunk)
    return { entry, chunks, print: printOf(entry, chunks.map(chunkDigest), lengthOf(chunks), run) }
  })
  const read = looked.flatMap(({ chunks, print }) => (chunks && print ? [print] : []))
  const found = await run.catalog.knownContent(read)
  const known = new Map(read.map((print, index) => [print, found[index]]))
  for (const { entry, chunks, print } of looked) {
    const content = trusted.get(entry) ?? (print && known.get(print))
    // What is known lets go of its bytes: a whole directory of such items may be held.
    yield { entry, open: content || !chunks ? contentOf(entry) : () => listed(chunks), known: content, fingerprint: async () => print }
  }
}

/** Files that are in the state they were in when their content was sealed. */
async function trustedOf(entries: readonly Entry[], { prints, catalog }: Run): Promise<ReadonlyMap<Entry, KnownContent>> {
  const files = entries.flatMap((entry) => (entry.kind === 'file' && entry.seen ? [{ entry, seen: entry.seen }] : []))
  const keys = await catalog.knownFiles(files.map(({ seen }) => ({ path: prints.file(seen.path), state: prints.state(seen) })))
  const wanted = files.flatMap(({ entry }, index) => {
    const key = keys[index]
    return key ? [{ entry, key, place: prints.place(entry.path) }] : []
  })
  const contents = await catalog.knownContent(wanted)
  return new Map(
    wanted.flatMap(({ entry }, index) => {
      const content = contents[index]
      return content ? [[entry, content] as const] : []
    }),
  )
}

function printOf(entry: Entry, digests: readonly Uint8Array[], byteLength: number, { prints, trustMtime }: Run): ItemFingerprint {
  const { path, seen } = entry
  const settled = seen && Number(seen.ctimeNs / 1_000_000n) < Date.now() - SETTLED_MS
  return {
    key: prints.content(byteLength, digests),
    place: prints.place(path),
    length: prints.length(byteLength),
    ...(trustMtime && settled && { file: { path: prints.file(seen.path), state: prints.state(seen) } }),
  }
}

/** Larger than a leaf, or of unknown length. */
async function largeItem(entry: Entry, run: Run): Promise<SealedItem> {
  const { catalog, prints, trustMtime } = run
  if (trustMtime) {
    const trusted = (await trustedOf([entry], run)).get(entry)
    if (trusted) return { entry, open: contentOf(entry), known: trusted, fingerprint: async () => undefined }
  }
  if (entry.again && entry.byteLength !== undefined && (await catalog.knownLength(prints.length(entry.byteLength)))) {
    const hashed = hashedOf(entry, run)
    for await (const chunk of hashed.open(run)) recycle(chunk)
    const print = await hashed.fingerprint()
    const [known] = print ? await catalog.knownContent([print]) : []
    if (known) return { entry, open: contentOf(entry), known, fingerprint: async () => print }
  }
  return hashedOf(entry, run)
}

/** Content that is hashed while it is sealed. */
function hashedOf(entry: Entry, run: Run): SealedItem {
  const digests: (Uint8Array | Promise<Uint8Array>)[] = []
  let byteLength = 0
  async function* open(options: AbortOptions): AsyncGenerator<Uint8Array> {
    for await (const chunk of contentOf(entry)(options)) {
      digests.push(digestAhead(chunk))
      byteLength += chunk.byteLength
      yield chunk
    }
  }
  return { entry, open, fingerprint: async () => printOf(entry, await Promise.all(digests), byteLength, run) }
}

/** On another thread, from a copy that is made at once: the chunk may be used again. */
function digestAhead(chunk: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (chunk.byteLength < AHEAD_BYTES) return chunkDigest(chunk)
  const hashing = crypto.subtle.digest('SHA-256', chunk as Uint8Array<ArrayBuffer>).then((digest) => new Uint8Array(digest))
  // Nobody may come to wait for it.
  hashing.catch(() => undefined)
  return hashing
}

const lengthOf = (chunks: readonly Uint8Array[]) => chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)

async function* listed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
