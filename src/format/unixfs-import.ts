/** Entries become UnixFS blocks, pulled one entry at a time. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import type { Entry, Mtime } from '../contracts/source.ts'
import type { Profile } from '../contracts/vault.ts'
import { FormatError, SourceError } from '../errors.ts'
import { chunkSizeOf } from './profiles.ts'
import type { BlockBuilder, BlockSink } from './unixfs-blocks.ts'
import { importTreeOf } from './unixfs-tree.ts'

export { chunkSizeOf } from './profiles.ts'
export type { BlockSink } from './unixfs-blocks.ts'

/** One entry whose blocks have all been put. */
export interface Imported {
  readonly path: string
  readonly kind: Entry['kind']
  readonly cid: CID
  /** Content bytes of a file, of all files below a directory, 0 of a symlink. */
  readonly byteLength: number
  /** Bytes of all its blocks, counted once per link. */
  readonly dagBytes: number
  readonly mode?: number | undefined
  readonly mtime?: Mtime | undefined
}

export interface ImportOptions extends AbortOptions {
  readonly profile: Profile
  /** `single`: exactly one file or symlink, which is the root. `tree`: everything hangs below a directory, which is the root. */
  readonly shape: 'single' | 'tree'
  /** Called after each chunk that became a block. */
  readonly onBytes?: ((byteLength: number) => void) | undefined
}

/**
 * Imports lazily: when a file or symlink is yielded, all of its blocks and none of a later entry have been put. Directories follow at the end,
 * children before parents, also those only implied by a path; the root comes last, with an empty path. Modes and times stay out of the DAG.
 * Chunks must come cut at `chunkSizeOf(profile)`. Throws what the source or the sink throws.
 */
export async function* importTree(entries: AsyncIterable<Entry>, sink: BlockSink, options: ImportOptions): AsyncGenerator<Imported> {
  const { profile, shape, signal } = options
  // Loaded on first use: the importer takes as long to load as everything else together.
  const { blockBuilder } = await import('./unixfs-blocks.ts')
  const builder = blockBuilder(sink, profile)
  if (shape === 'single') {
    yield await importOnly(entries, builder, { ...options, sink })
    return
  }
  const tree = importTreeOf()
  for await (const entry of entries) {
    signal?.throwIfAborted()
    if (entry.kind === 'directory') {
      tree.addDirectory(entry.path, entry)
      continue
    }
    tree.reserve(entry.path)
    const imported = await importLeaf(entry, builder, { ...options, sink })
    tree.addLeaf(entry.path, imported, imported.byteLength)
    yield imported
  }
  for await (const directory of tree.build(builder)) {
    yield { kind: 'directory', ...directory }
    signal?.throwIfAborted()
  }
}

type LeafOptions = ImportOptions & { readonly sink: BlockSink }

async function importOnly(entries: AsyncIterable<Entry>, builder: BlockBuilder, options: LeafOptions): Promise<Imported> {
  let only: Imported | undefined
  for await (const entry of entries) {
    options.signal?.throwIfAborted()
    if (entry.kind !== 'directory') only = { ...(await importLeaf(entry, builder, options)), path: '' }
    break
  }
  if (only) return only
  throw new SourceError('unsupported', 'the source has no file of its own; import it as a tree')
}

async function importLeaf(entry: Entry, builder: BlockBuilder, options: LeafOptions): Promise<Imported> {
  const { path, kind, mode, mtime, known } = entry
  const metadata = { ...(mode === undefined ? {} : { mode }), ...(mtime === undefined ? {} : { mtime }) }
  if (kind === 'symlink') return { path, kind, ...(await builder.symlink(entry.target ?? '')), byteLength: 0, ...metadata }
  if (known) {
    if (!options.sink.reuse) throw new FormatError('unsupported', 'this sink takes new blocks only; import the content itself')
    await options.sink.reuse(known)
    return { path, kind, cid: known.root, dagBytes: known.dagBytes, byteLength: known.byteLength, ...metadata }
  }
  let byteLength = 0
  const { cid, dagBytes } = await builder.file(
    counted(entry, options, (chunk) => {
      byteLength += chunk
    }),
  )
  return { path, kind, cid, dagBytes, byteLength, ...metadata }
}

async function* counted(entry: Entry, options: ImportOptions, count: (byteLength: number) => void): AsyncGenerator<Uint8Array> {
  const { profile, signal, onBytes } = options
  const limit = chunkSizeOf(profile)
  if (!entry.open) throw new SourceError('unsupported', `the entry ${JSON.stringify(entry.path)} is a file without content`)
  for await (const chunk of entry.open({ signal })) {
    signal?.throwIfAborted()
    const { byteLength } = chunk
    if (byteLength > limit) {
      throw new FormatError('limit', `a chunk of ${byteLength} bytes came, ${profile} takes ${limit}; open the source with that chunkSize`)
    }
    yield chunk
    count(byteLength)
    onBytes?.(byteLength)
  }
}
