/** Sealed objects as trees: a file with what its meta says of it, a directory by its index. Only the index and the file asked for are read. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ByteRange, GetOptions, ObjectRow, TreeEntry } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { INDEX_NAME, type IndexEntry, readIndex } from '../format/sealed-index.ts'
import { type GetBlock, resolvePath } from '../format/unixfs-export.ts'
import type { Context } from './context.ts'
import { remembered } from './remembered.ts'
import { metaOf, type Opening, readSealed, readSealedRange, type SealedFile } from './sealed-read.ts'

/** An object with the means to read it. */
export interface SealedObjectReader {
  readonly context: Context
  readonly object: ObjectRow
  readonly blocks: GetBlock
}

/** The bytes of a sealed file, or of a file in a sealed directory. */
export async function* getSealed(reader: SealedObjectReader, options: GetOptions = {}): AsyncGenerator<Uint8Array> {
  const { range, signal } = options
  const file = await fileAt(reader, options)
  const opening = openingOf(reader, { signal })
  yield* range ? readSealedRange(file, checked(range), opening) : readSealed(file, opening)
}

/** The content of an entry that `sealedEntries` gave. */
export function readSealedEntry(
  reader: SealedObjectReader,
  { cid, byteLength }: TreeEntry,
  abort: AbortOptions,
): AsyncIterable<Uint8Array> {
  return readSealed({ cid, size: byteLength }, openingOf(reader, abort))
}

/** The entries of a sealed object, or of what lies at a path in it, parents before children. */
export async function* sealedEntries(reader: SealedObjectReader, options: GetOptions = {}): AsyncGenerator<TreeEntry> {
  const { object } = reader
  const path = normal(options.path)
  if (object.kind !== 'directory') {
    if (path !== '') throw notADirectory(object, '')
    const meta = await metaOf(reader.context, object)
    yield { path: '', kind: 'file', cid: object.root, byteLength: meta.size, ...metadata(meta) }
    return
  }
  let found = false
  for await (const entry of indexOf(reader, options)) {
    if (path !== '' && entry.path !== path && !entry.path.startsWith(`${path}/`)) continue
    found = true
    yield entry
  }
  if (!found) throw noSuchPath(object, path)
}

async function* indexOf(reader: SealedObjectReader, abort: AbortOptions): AsyncGenerator<TreeEntry> {
  const { object } = reader
  let first: CID | undefined
  // Looking the index up reads its first block, and so does reading it.
  const blocks = remembered(reader.blocks, (cid) => first === undefined || cid.equals(first))
  const index = await resolvePath(object.root, INDEX_NAME, blocks, abort)
  first = index.cid
  for await (const entry of readIndex(readSealed({ cid: index.cid }, openingOf({ ...reader, blocks }, abort)), abort)) {
    const { path, type, size = 0, cid = index.cid, target } = entry
    yield { path, kind: type, cid, byteLength: size, ...(target !== undefined && { target }), ...metadata(entry) }
  }
}

async function fileAt(reader: SealedObjectReader, { path: given, signal }: GetOptions): Promise<SealedFile> {
  const { context, object } = reader
  const path = normal(given)
  if (object.kind !== 'directory') {
    if (path !== '') throw notADirectory(object, '')
    return { cid: object.root, size: (await metaOf(context, object)).size }
  }
  for await (const { path: at, kind, cid, byteLength } of indexOf(reader, { signal })) {
    if (at !== path && kind !== 'directory' && path.startsWith(`${at}/`)) throw notADirectory(object, at)
    if (at !== path) continue
    if (kind === 'file') return { cid, size: byteLength }
    throw new FormatError('not-a-file', `${place(object, path)} is a ${kind}; name a file in it, or restore it`)
  }
  throw noSuchPath(object, path)
}

function openingOf({ context, object, blocks }: SealedObjectReader, { signal }: AbortOptions): Opening {
  return { context, blocks, root: object.root, signal }
}

function checked(range: ByteRange): ByteRange {
  const { offset, length = 0 } = range
  if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0) return range
  throw new FormatError('bad-range', `offset ${offset} and length ${length} must be whole numbers from 0 on`)
}

const metadata = ({ mode, mtime, uid, gid, xattrs }: Pick<IndexEntry, 'mode' | 'mtime' | 'uid' | 'gid' | 'xattrs'>) => ({
  ...(mode !== undefined && { mode }),
  ...(mtime !== undefined && { mtime }),
  ...(uid !== undefined && { uid }),
  ...(gid !== undefined && { gid }),
  ...(xattrs !== undefined && { xattrs }),
})

const normal = (path = ''): string =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')

const place = (object: ObjectRow, path: string) => (path === '' ? object.root.toString() : JSON.stringify(path))

const notADirectory = (object: ObjectRow, path: string) =>
  new FormatError('not-a-directory', `${place(object, path)} is a file or symlink; nothing lies below it`)

const noSuchPath = (object: ObjectRow, path: string) =>
  new FormatError('no-such-path', `${object.root} has no ${JSON.stringify(path)}; list it to see what it has`)
