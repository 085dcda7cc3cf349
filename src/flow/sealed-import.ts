/**
 * The way of a sealed put: a source becomes age files, and these become blocks as public files do. A directory becomes a flat one of opaque names, with
 * an `index.age` that tells what they are.
 */
import type { CID } from 'multiformats/cid'
import { POOL_BUFFERS } from '../bytes/content.ts'
import type { BufferPool } from '../bytes/pool.ts'
import type { OpenedSource } from '../bytes/source.ts'
import type { AbortOptions, Catalog, Entry, KnownContent } from '../contracts.ts'
import { SourceError } from '../errors.ts'
import { chunkDigest } from '../format/fingerprint.ts'
import { padmeLength } from '../format/padding.ts'
import { type Sealed, sealFile, sealPool } from '../format/seal.ts'
import { INDEX_NAME, type IndexEntry } from '../format/sealed-index.ts'
import { type Imported, importTree } from '../format/unixfs-import.ts'
import type { PackBuilder } from './pack-builder.ts'
import { type IndexLines, indexLines } from './sealed-index-lines.ts'
import { type ItemFingerprint, itemsOf, type SealedItem } from './sealed-items.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

/** Leaves that are hashed, looked up and written while the next one is sealed. */
const LEAVES_UNDER_WAY = POOL_BUFFERS + 3

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
  /** Was its content known, so that nothing of it was stored? */
  readonly reused: boolean
  /** What the content can be known by from now on: the blocks number `from …  to - 1` since the last mark. */
  readonly prints: readonly RangePrint[]
}

export interface RangePrint extends ItemFingerprint {
  readonly content?: Omit<KnownContent, 'extents'> & { readonly from: number; readonly to: number }
}

export interface SealedImportOptions extends AbortOptions {
  readonly sealing: Sealing
  readonly catalog: Pick<Catalog, 'knownContent' | 'knownFiles' | 'knownLength'>
  /** Every file for itself; the directory around them merely gives the packs their root. */
  readonly each: boolean
  /** Told of the content as it is read. */
  readonly onBytes: (byteLength: number) => void
}

interface Run extends SealedImportOptions {
  readonly pool: BufferPool
  readonly builder: PackBuilder
}

/** Yields files as their blocks have all been put, and the object last. Throws what the source, the sink and sealing throw. */
export async function* importSealed(
  source: OpenedSource,
  builder: PackBuilder,
  options: SealedImportOptions,
): AsyncGenerator<SealedImport> {
  const run = { ...options, builder, pool: sealPool(LEAVES_UNDER_WAY) }
  yield* source.shape === 'single' ? importFile(source, run) : importFiles(source, run)
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
  for await (const imported of importTree(entries(), run.builder, treeOptions('single', run))) {
    if (file) yield await arrived(file, imported, run)
  }
}

/** What is known of a directory while its files go by. */
interface Gathering {
  readonly lines: IndexLines
  /** The file whose blocks are being put. */
  file: FileOnItsWay | undefined
  /** The directory itself, where the source tells of it. */
  top: Entry | undefined
  size: number
}

async function* importFiles(source: OpenedSource, run: Run): AsyncGenerator<SealedImport> {
  const { each, builder } = run
  const gathered: Gathering = { lines: indexLines(), file: undefined, top: undefined, size: 0 }
  const files = filesOf(source, run, gathered)
  const { held, whole } = await holdBack(files, run)
  if (whole) {
    yield* reusedWhole(held, whole, run, gathered)
    return
  }
  async function* entries(): AsyncGenerator<Entry> {
    for (const file of held.splice(0)) yield begun(file, run, gathered)
    for await (const file of files) yield begun(file, run, gathered)
  }
  const indexPrints: RangePrint[] = []
  for await (const imported of importTree(entries(), builder, treeOptions('tree', run))) {
    const { file } = gathered
    if (imported.kind === 'directory') {
      const prints = [...indexPrints, ...(file?.index ? directoryPrint(imported, file, run) : [])]
      yield { ...imported, ...metadataOf(gathered.top, run), size: gathered.size, reused: false, prints }
    } else if (file?.index) {
      const { prints } = await arrived(file, imported, run)
      indexPrints.push(...prints)
      file.root = imported.cid
    } else if (file) {
      const one = await arrived(file, imported, run)
      gathered.size += one.size
      if (!each && !file.item.known) gathered.lines.add(lineOf(file, one, run))
      yield one
    }
  }
}

/** Files as they come, the index last; what is no file, and what is known already, stands in the index at once. */
async function* filesOf(source: OpenedSource, run: Run, gathered: Gathering): AsyncGenerator<FileOnItsWay> {
  const { each, sealing } = run
  for await (const item of itemsIn(source, run)) {
    const { entry, known } = item
    if (entry.path === '') gathered.top = entry
    if (entry.kind === 'file') {
      const file = onItsWay(item, sealing.nameOf(entry.path), run)
      if (known && !each) gathered.lines.add(lineOf(file, { cid: known.root, ...sizesOf(file, run) }, run))
      yield file
    } else if (!each) gathered.lines.add({ path: entry.path, type: entry.kind, target: entry.target, ...metadataOf(entry, run) })
  }
  if (!each) yield onItsWay(await itemOf(gathered.lines, run), INDEX_NAME, { ...run, onBytes: () => undefined }, { index: true })
}

/** While everything is known, nothing is imported: it may turn out that the directory as a whole is. */
async function holdBack(
  files: AsyncGenerator<FileOnItsWay>,
  { sealing, each, catalog }: Run,
): Promise<{ readonly held: FileOnItsWay[]; readonly whole?: KnownContent | undefined }> {
  const held: FileOnItsWay[] = []
  if (!sealing.reuse || each) return { held }
  for (let next = await files.next(); !next.done; next = await files.next()) {
    held.push(next.value)
    if (!next.value.item.known) return { held }
  }
  const index = held.at(-1)?.item.known
  const [whole] = index ? await catalog.knownContent([{ key: sealing.reuse.prints.directory(index.root.bytes), place: 0 }]) : []
  return { held, whole }
}

async function* reusedWhole(
  files: readonly FileOnItsWay[],
  whole: KnownContent,
  run: Run,
  gathered: Gathering,
): AsyncGenerator<SealedImport> {
  const { root: cid, dagBytes, byteLength } = whole
  for (const file of files) {
    const { known } = file.item
    if (file.index || !known) continue
    const one = await arrived(
      file,
      { path: '', kind: 'file', cid: known.root, dagBytes: known.dagBytes, byteLength: known.byteLength },
      run,
    )
    gathered.size += one.size
    yield one
  }
  await run.builder.reuse(whole)
  yield {
    path: '',
    kind: 'directory',
    cid,
    dagBytes,
    byteLength,
    ...metadataOf(gathered.top, run),
    size: gathered.size,
    reused: true,
    prints: [],
  }
}

function begun(file: FileOnItsWay, { builder }: Run, gathered: Gathering): Entry {
  file.from = builder.blockCount
  gathered.file = file
  return file.entry
}

/** The index as an item like any other, looked up by its text. */
async function itemOf(lines: IndexLines, { sealing, catalog }: Run): Promise<SealedItem> {
  const chunks = lines.chunks()
  const { byteLength } = lines
  const entry: Entry = { path: '', kind: 'file', byteLength }
  const prints = sealing.reuse?.prints
  const print = prints && {
    key: prints.content(byteLength, chunks.map(chunkDigest)),
    place: prints.place(INDEX_PLACE),
    length: prints.length(byteLength),
  }
  const [known] = print ? await catalog.knownContent([print]) : []
  return { entry, open: () => listed(chunks), known, fingerprint: async () => print }
}

function directoryPrint(directory: Imported, index: FileOnItsWay, { sealing, builder }: Run): readonly RangePrint[] {
  const { root } = index
  if (!sealing.reuse || !root) return []
  const { cid, dagBytes, byteLength } = directory
  const key = sealing.reuse.prints.directory(root.bytes)
  return [{ key, place: 0, length: 0, content: { root: cid, dagBytes, byteLength, from: 0, to: builder.blockCount } }]
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

function onItsWay(item: SealedItem, name: string, { sealing, pool, onBytes }: Run, { index = false } = {}): FileOnItsWay {
  const { open, known, entry } = item
  if (entry.kind !== 'file') {
    throw new SourceError('unsupported', 'only files and directories can be sealed by themselves; put the directory around it')
  }
  const { recipients, random, padding } = sealing
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
        return sealFile(counted(open({ signal }), onBytes), { recipients, random, padding, pool, signal, onSealed })
      },
    },
  }
  return file
}

/** All blocks of a file have been put, or noted. */
async function arrived(file: FileOnItsWay, imported: Imported, run: Run): Promise<SealedImport> {
  const { item, from } = file
  const { entry, known } = item
  const sizes = sizesOf(file, run)
  if (known) run.onBytes(sizes.size)
  return {
    ...imported,
    path: entry.path,
    ...metadataOf(entry, run),
    ...sizes,
    reused: known !== undefined,
    prints: await printsOf(item, imported, { from, to: run.builder.blockCount }),
  }
}

/** Nothing new is to be said of what is known, but the state of a file. */
async function printsOf(
  { fingerprint, known }: SealedItem,
  { cid, dagBytes, byteLength }: Imported,
  range: { readonly from: number; readonly to: number },
): Promise<readonly RangePrint[]> {
  const print = await fingerprint()
  if (!print || (known && !print.file)) return []
  return [known ? print : { ...print, content: { root: cid, dagBytes, byteLength, ...range } }]
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

const metadataOf = ({ mode, mtime, seen }: Pick<Entry, 'mode' | 'mtime' | 'seen'> = {}, { sealing }: Run) => ({
  ...(mode !== undefined && { mode }),
  ...(mtime !== undefined && { mtime }),
  ...(sealing.keepOwner && seen && { uid: seen.uid, gid: seen.gid }),
})

function lineOf({ item, entry }: FileOnItsWay, { cid, size, padded }: Pick<SealedImport, 'cid' | 'size' | 'padded'>, run: Run): IndexEntry {
  return { path: item.entry.path, type: 'file', size, padded, ...metadataOf(item.entry, run), name: entry.path, cid }
}

async function* listed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
