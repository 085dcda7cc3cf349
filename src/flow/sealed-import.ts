/**
 * The way of a sealed put: a source becomes age files, and these become blocks as public files do. A directory becomes a flat one of opaque names, with
 * an `index.age` that tells what they are.
 */
import type { CID } from 'multiformats/cid'
import type { BufferPool } from '../bytes/pool.ts'
import type { OpenedSource } from '../bytes/source.ts'
import type { AbortOptions, Entry, FileFingerprint, Fingerprint, KnownContent, Xattrs } from '../contracts.ts'
import { SourceError } from '../errors.ts'
import { padmeLength } from '../format/padding.ts'
import { type Sealed, sealFile, sealPool } from '../format/seal.ts'
import { INDEX_NAME, type IndexEntry } from '../format/sealed-index.ts'
import { type Imported, importTree } from '../format/unixfs-import.ts'
import { type HeadersApart, headersApart } from './headers-apart.ts'
import type { PackBuilder } from './pack-builder.ts'
import { type IndexLines, indexLines } from './sealed-index-lines.ts'
import { itemsOf, type Known, type SealedItem } from './sealed-items.ts'
import { type DirectoryDigest, directoryDigest, directoryHint, type Scan, scanned } from './sealed-scan.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

/** No path of a source: where the fingerprint of an index stands. */
const INDEX_PLACE = '\0index'

/** A file of the source, as it is called there, or last the object itself with an empty path. */
export interface SealedImport extends Imported {
  /** Bytes of the content, of all files below a directory; `byteLength` are those of the age files. */
  readonly size: number
  /** Bytes of a file's plaintext with its padding, where they are more. */
  readonly padded?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly xattrs?: Xattrs | undefined
  /** Files whose content was known, so that nothing of it was stored: of a file 1 or 0; of a directory those that were not told of one by one. */
  readonly reusedFiles: number
  /** What the content can be known by from now on: the blocks number `from …  to - 1` since the last mark. */
  readonly prints: readonly RangePrint[]
}

export interface RangePrint extends Fingerprint {
  readonly file?: FileFingerprint | undefined
  readonly content?: Omit<KnownContent, 'extents'> & { readonly from: number; readonly to: number }
}

export interface SealedImportOptions extends AbortOptions {
  readonly sealing: Sealing
  readonly catalog: Known
  /** Every file for itself; the directory around them merely gives the packs their root. */
  readonly each: boolean
  /** Told of the content as it is read. */
  readonly onBytes: (byteLength: number) => void
}

interface Run extends SealedImportOptions {
  readonly pool: BufferPool
  readonly builder: PackBuilder
  /** Of erasable content. */
  readonly apart: HeadersApart | undefined
}

/** Yields files as their blocks have all been put, and the object last. Throws what the source, the sink and sealing throw. */
export async function* importSealed(
  source: OpenedSource,
  builder: PackBuilder,
  options: SealedImportOptions,
): AsyncGenerator<SealedImport> {
  const apart = options.sealing.erasable ? headersApart(builder) : undefined
  const run = { ...options, builder, apart, pool: sealPool() }
  for await (const imported of source.shape === 'single' ? importFile(source, run) : importFiles(source, run)) {
    apart?.assertApart()
    yield imported
  }
}

const treeOptions = (shape: OpenedSource['shape'], { signal }: AbortOptions) => ({ profile: sealedProfile, shape, signal })

const itemsIn = (source: OpenedSource, { catalog, sealing, signal }: Run) =>
  itemsOf(source.entries({ signal }), { catalog, reuse: sealing.reuse, signal })

async function* importFile(source: OpenedSource, run: Run): AsyncGenerator<SealedImport> {
  let file: FileOnItsWay | undefined
  async function* entries(): AsyncGenerator<Entry> {
    for await (const item of itemsIn(source, run)) {
      file = onItsWay(item, '', run)
      yield file.entry
    }
  }
  for await (const imported of importTree(entries(), run.apart?.sink ?? run.builder, treeOptions('single', run))) {
    if (file) yield await arrived(file, imported, run)
  }
}

/** What is known of a directory while its files go by. */
interface Gathering {
  readonly lines: IndexLines
  readonly digest: DirectoryDigest
  /** The file whose blocks are being put. */
  file: FileOnItsWay | undefined
  first: Entry | undefined
  /** The directory itself, where the source tells of it. */
  top: Entry | undefined
  size: number
}

async function* importFiles(source: OpenedSource, run: Run): AsyncGenerator<SealedImport> {
  const { each, builder, apart, sealing } = run
  const { items, whole } = each ? { items: itemsIn(source, run) } : await scanned(source, run)
  if (whole) {
    yield* reusedWhole(whole, run)
    return
  }
  const digest = directoryDigest(sealing)
  const gathered: Gathering = { lines: indexLines(), digest, file: undefined, first: undefined, top: undefined, size: 0 }
  const indexPrints: RangePrint[] = []
  for await (const imported of importTree(entriesOf(items, run, gathered), apart?.sink ?? builder, treeOptions('tree', run))) {
    const { file, top, size } = gathered
    if (imported.kind === 'directory') {
      const prints = imported.path === '' ? [...indexPrints, ...directoryPrint(imported, gathered, run)] : []
      yield { ...imported, ...metadataOf(top, run), size, reusedFiles: 0, prints }
    } else if (file) {
      const one = await arrived(file, imported, run)
      if (file.index) indexPrints.push(...one.prints)
      else yield one
    }
  }
}

/** Files one after the other, the index last: what came of the one before is known when the next is asked for. */
async function* entriesOf(items: AsyncIterable<SealedItem>, run: Run, gathered: Gathering): AsyncGenerator<Entry> {
  const { each, sealing, builder } = run
  const { lines, digest } = gathered
  const begin = (file: FileOnItsWay): Entry => {
    file.from = builder.blockCount
    gathered.file = file
    return file.entry
  }
  for await (const item of items) {
    const { entry } = item
    gathered.first ??= entry
    if (entry.path === '') gathered.top = entry
    if (entry.kind === 'file') {
      const file = onItsWay(item, sealing.nameOf(entry.path), run)
      yield begin(file)
      const sizes = sizesOf(file, run)
      gathered.size += sizes.size
      if (!each && file.root) lines.add(lineOf(file, { cid: file.root, ...sizes }, run))
    } else if (!each) lines.add({ path: entry.path, type: entry.kind, target: entry.target, ...metadataOf(entry, run) })
    if (!each && sealing.reuse) digest.add(entry, await item.print())
  }
  if (!each) yield begin(onItsWay(await indexItem(lines, run), INDEX_NAME, { ...run, onBytes: () => undefined }, { index: true }))
}

async function* reusedWhole({ content, seen }: NonNullable<Scan['whole']>, run: Run): AsyncGenerator<SealedImport> {
  const { root: cid, dagBytes, byteLength } = content
  const prints: RangePrint[] = []
  let top: Entry | undefined
  let size = 0
  let reusedFiles = 0
  for (const { entry, print } of seen) {
    if (entry.path === '') top = entry
    if (entry.kind !== 'file') continue
    reusedFiles++
    size += entry.byteLength ?? 0
    if (print?.file) prints.push({ ...print, place: 0, length: 0 })
  }
  run.onBytes(size)
  await run.builder.reuse(content)
  yield { path: '', kind: 'directory', cid, dagBytes, byteLength, ...metadataOf(top, run), size, reusedFiles, prints }
}

/** The index as an item like any other, looked up by its text. */
async function indexItem(lines: IndexLines, { sealing, catalog }: Run): Promise<SealedItem> {
  if (sealing.padding === 'padme') lines.fill(padmeLength(lines.byteLength))
  const chunks = lines.chunks()
  const { byteLength } = lines
  const entry: Entry = { path: INDEX_PLACE, kind: 'file', byteLength }
  const print = sealing.reuse?.prints.content()
  for (const chunk of chunks) print?.add(chunk)
  const key = print?.key(byteLength)
  const [known] = key && sealing.reuse ? await catalog.knownContent([{ key, place: sealing.reuse.prints.place(INDEX_PLACE) }]) : []
  return { entry, open: () => listed(chunks), known, print: async () => key && { key } }
}

function directoryPrint(directory: Imported, { digest, first }: Gathering, { sealing, builder, each }: Run): readonly RangePrint[] {
  if (!sealing.reuse || each || !first) return []
  const { cid, dagBytes, byteLength } = directory
  const length = directoryHint(first, sealing.reuse.prints)
  return [{ key: digest.key(), place: 0, length, content: { root: cid, dagBytes, byteLength, from: 0, to: builder.blockCount } }]
}

/** A file on its way: what it is in the source, and what becomes of it. */
interface FileOnItsWay {
  readonly item: SealedItem
  readonly entry: Entry
  /** Is it the index of the directory? */
  readonly index: boolean
  /** Number of its first block. */
  from: number
  /** Once it was read to its end. */
  sealed: Sealed | undefined
  root: CID | undefined
}

function onItsWay(item: SealedItem, name: string, { sealing, pool, apart, onBytes }: Run, { index = false } = {}): FileOnItsWay {
  const { open, known, entry } = item
  // The index is padded already, so that it stays JSON Lines for whoever opens it.
  const padding = index ? 'none' : sealing.padding
  if (entry.kind !== 'file') {
    throw new SourceError('unsupported', 'only files and directories can be sealed by themselves; put the directory around it')
  }
  const { recipients, random, erasable } = sealing
  const file: FileOnItsWay = {
    item,
    index,
    from: 0,
    sealed: undefined,
    root: undefined,
    entry: {
      path: name,
      kind: 'file',
      known,
      open({ signal } = {}) {
        const onSealed = (sealed: Sealed) => {
          file.sealed = sealed
        }
        const leaves = sealFile(counted(open({ signal }), onBytes), { recipients, random, padding, erasable, pool, signal, onSealed })
        return apart ? apart.noted(leaves) : leaves
      },
    },
  }
  return file
}

/** All blocks of a file have been put, or noted. */
async function arrived(file: FileOnItsWay, imported: Imported, run: Run): Promise<SealedImport> {
  const { item, from } = file
  file.root = imported.cid
  const { entry, known } = item
  const sizes = sizesOf(file, run)
  if (known) run.onBytes(sizes.size)
  return {
    ...imported,
    path: entry.path,
    ...metadataOf(entry, run),
    ...sizes,
    reusedFiles: known ? 1 : 0,
    prints: await printsOf(item, imported, { from, to: run.builder.blockCount, size: sizes.size }, run),
  }
}

/** Nothing new is to be said of what is known, but the state of a file. */
async function printsOf(
  { entry, print, known }: SealedItem,
  { cid, dagBytes, byteLength }: Imported,
  { size, ...range }: { readonly from: number; readonly to: number; readonly size: number },
  { sealing }: Run,
): Promise<readonly RangePrint[]> {
  const own = await print()
  if (!own || !sealing.reuse || (known && !own.file)) return []
  const { prints } = sealing.reuse
  const printed = { ...own, place: prints.place(entry.path), length: prints.length(size) }
  return [known ? printed : { ...printed, content: { root: cid, dagBytes, byteLength, ...range } }]
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (byteLength: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    const { byteLength } = chunk
    yield chunk
    onBytes(byteLength)
  }
}

function sizesOf({ item, sealed }: FileOnItsWay, { sealing }: Run): Pick<SealedImport, 'size' | 'padded'> {
  const size = sealed?.contentLength ?? item.entry.byteLength ?? 0
  const padded = sealing.padding === 'padme' ? padmeLength(size) : size
  return { size, ...(padded > size && { padded }) }
}

const metadataOf = ({ mode, mtime, seen, xattrs }: Pick<Entry, 'mode' | 'mtime' | 'seen' | 'xattrs'> = {}, { sealing }: Run) => ({
  ...(mode !== undefined && { mode }),
  ...(mtime !== undefined && { mtime }),
  ...(sealing.keepOwner && seen && { uid: seen.uid, gid: seen.gid }),
  ...(xattrs && { xattrs }),
})

function lineOf({ item, entry }: FileOnItsWay, { cid, size, padded }: Pick<SealedImport, 'cid' | 'size' | 'padded'>, run: Run): IndexEntry {
  return { path: item.entry.path, type: 'file', size, padded, ...metadataOf(item.entry, run), name: entry.path, cid }
}

async function* listed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
