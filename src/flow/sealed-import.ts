/**
 * The way of a sealed put: a source becomes age files, and these become blocks as public files do. A directory becomes a flat one of opaque names, with
 * an `index.age` that tells what they are.
 */
import { POOL_BUFFERS } from '../bytes/content.ts'
import type { BufferPool } from '../bytes/pool.ts'
import type { OpenedSource } from '../bytes/source.ts'
import type { AbortOptions, Entry } from '../contracts.ts'
import { ArchiveError, SourceError } from '../errors.ts'
import { addressOf, RAW } from '../format/address.ts'
import { padmeLength } from '../format/padding.ts'
import { type Sealed, sealFile, sealPool } from '../format/seal.ts'
import { INDEX_NAME, type IndexEntry, indexHead, indexLine } from '../format/sealed-index.ts'
import { type BlockSink, type Imported, importTree } from '../format/unixfs-import.ts'
import type { HeaderSink } from './pack-builder.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

/** Leaves that are hashed, looked up and written while the next one is sealed. */
const LEAVES_UNDER_WAY = POOL_BUFFERS + 3

/** A file of the source, as it is called there, or last the object itself with an empty path. */
export interface SealedImport extends Imported {
  /** Bytes of the content, of all files below a directory; `byteLength` are those of the age files. */
  readonly size: number
  /** Bytes of a file's plaintext with its padding, where they are more. */
  readonly padded?: number | undefined
}

export interface SealedImportOptions extends AbortOptions {
  readonly sealing: Sealing
  /** Every file for itself; the directory around them merely gives the packs their root. */
  readonly each: boolean
  /** Told of the content as it is read. */
  readonly onBytes: (byteLength: number) => void
}

interface Run extends SealedImportOptions {
  readonly pool: BufferPool
  /** Headers of erasable files that were sealed and have not come to the sink yet. */
  readonly headers: Set<string>
}

/** Yields files as their blocks have all been put, and the object last. Throws what the source, the sink and sealing throw. */
export async function* importSealed(source: OpenedSource, sink: HeaderSink, options: SealedImportOptions): AsyncGenerator<SealedImport> {
  const run: Run = { ...options, pool: sealPool(LEAVES_UNDER_WAY), headers: new Set() }
  const sorted = headersApart(sink, run)
  for await (const imported of source.shape === 'single' ? importFile(source, sorted, run) : importFiles(source, sorted, run)) {
    if (run.headers.size > 0) throw new ArchiveError('conflict', 'a header did not come to a pack of its own; nothing was stored')
    yield imported
  }
}

function headersApart(sink: HeaderSink, { headers }: Run): BlockSink {
  return { put: (cid, bytes) => (headers.size > 0 && headers.delete(cid.toString()) ? sink.putHeader(cid, bytes) : sink.put(cid, bytes)) }
}

/** Notes the first leaf of an erasable file, which is its header. */
async function* noted(leaves: AsyncIterable<Uint8Array>, { headers, sealing }: Run): AsyncGenerator<Uint8Array> {
  let first = sealing.erasable
  for await (const leaf of leaves) {
    if (first) headers.add(addressOf(leaf, RAW).toString())
    first = false
    yield leaf
  }
}

async function* importFile(source: OpenedSource, sink: BlockSink, run: Run): AsyncGenerator<SealedImport> {
  const { signal } = run
  let file: SealedEntry | undefined
  async function* entries(): AsyncGenerator<Entry> {
    for await (const entry of source.entries({ signal })) {
      file = sealedEntry(entry, '', run)
      yield file.entry
    }
  }
  for await (const imported of importTree(entries(), sink, { profile: sealedProfile, shape: 'single', signal })) {
    if (file) yield { ...imported, ...metadataOf(file.source), ...sizesOf(file, run.sealing) }
  }
}

/** A whole source: what was read so far of its files, and the lines of their index. */
async function* importFiles(source: OpenedSource, sink: BlockSink, run: Run): AsyncGenerator<SealedImport> {
  const { signal, sealing, each } = run
  const lines: Uint8Array[] = [Buffer.from(indexHead())]
  const note = (entry: IndexEntry) => void lines.push(Buffer.from(indexLine(entry)))
  let file: SealedEntry | undefined
  let top: Entry | undefined
  let size = 0

  async function* entries(): AsyncGenerator<Entry> {
    for await (const entry of source.entries({ signal })) {
      if (entry.path === '') top = entry
      if (entry.kind === 'file') {
        file = sealedEntry(entry, sealing.nameOf(entry.path), run)
        yield file.entry
      } else if (!each) note({ path: entry.path, type: entry.kind, target: entry.target, ...metadataOf(entry) })
    }
    file = undefined
    if (!each) yield { path: INDEX_NAME, kind: 'file', open: () => noted(sealFile(listed(lines), run.sealing), run) }
  }

  for await (const imported of importTree(entries(), sink, { profile: sealedProfile, shape: 'tree', signal })) {
    if (imported.kind === 'directory') yield { ...imported, ...(top && metadataOf(top)), size }
    else if (file) {
      const { source: entry } = file
      const sizes = sizesOf(file, sealing)
      size += sizes.size
      if (!each) note({ path: entry.path, type: 'file', ...sizes, ...metadataOf(entry), name: imported.path, cid: imported.cid })
      yield { ...imported, path: entry.path, ...metadataOf(entry), ...sizes }
    }
  }
}

/** A file on its way: what it is in the source, and what becomes of it. */
interface SealedEntry {
  readonly source: Entry
  readonly entry: Entry
  /** Once it was read to its end. */
  sealed: Sealed | undefined
}

function sealedEntry(source: Entry, name: string, run: Run): SealedEntry {
  const { sealing, pool, onBytes } = run
  const { open } = source
  if (source.kind !== 'file' || !open) {
    throw new SourceError('unsupported', 'only files and directories can be sealed by themselves; put the directory around it')
  }
  const made: SealedEntry = {
    source,
    entry: {
      path: name,
      kind: 'file',
      open: ({ signal } = {}) =>
        noted(
          sealFile(counted(open({ signal }), onBytes), {
            ...sealing,
            pool,
            signal,
            onSealed: (sealed) => {
              made.sealed = sealed
            },
          }),
          run,
        ),
    },
    sealed: undefined,
  }
  return made
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (byteLength: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    const { byteLength } = chunk
    yield chunk
    onBytes(byteLength)
  }
}

function sizesOf({ sealed }: SealedEntry, { padding }: Sealing): Pick<SealedImport, 'size' | 'padded'> {
  const size = sealed?.contentLength ?? 0
  const padded = padding === 'padme' ? padmeLength(size) : size
  return { size, ...(padded > size && { padded }) }
}

const metadataOf = ({ mode, mtime }: Entry) => ({ ...(mode !== undefined && { mode }), ...(mtime !== undefined && { mtime }) })

/** Lets go of what it has given. */
async function* listed(lines: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const line of lines.splice(0)) yield line
}
