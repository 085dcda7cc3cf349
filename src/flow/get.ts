/** Get: verified bytes and entries of a stored object. */
import type { CID } from 'multiformats/cid'
import type { GetOptions, ObjectRow, TreeEntry } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { type Attributes, readAttributes, splitAttributes } from '../format/record.ts'
import { type GetBlock, readFile, resolvePath, walkTree } from '../format/unixfs-export.ts'
import { blockReader } from './block-reader.ts'
import type { Context } from './context.ts'
import { getSealed, sealedEntries } from './sealed-tree.ts'

/** Throws `shredded` for an object whose headers were deleted. */
export function assertReadable({ root, shreddedAt }: ObjectRow): void {
  if (shreddedAt === undefined) return
  throw new ArchiveError(
    'shredded',
    `${root} was shredded on ${new Date(shreddedAt).toISOString()}: its headers were deleted, and nobody can open it any more`,
  )
}

/** Blocks of one object's visibility, verified. */
export function blocksOf(context: Context, object: Pick<ObjectRow, 'visibility'>): GetBlock {
  return blockReader(context, { visibility: object.visibility }).get
}

/** The bytes of a file, or of a file inside a directory object, in order. */
export async function* get(context: Context, object: ObjectRow, options: GetOptions = {}): AsyncGenerator<Uint8Array> {
  const { path, range, signal } = options
  assertReadable(object)
  const blocks = blocksOf(context, object)
  if (object.visibility === 'sealed') {
    yield* getSealed({ context, object, blocks }, options)
    return
  }
  const root: CID = path ? (await resolvePath(object.root, path, blocks, { signal })).cid : object.root
  yield* readFile(root, blocks, { range, signal })
}

/** The entries of a tree, parents before children, with the modes and times that were kept of them. */
export async function* entries(context: Context, object: ObjectRow, options: GetOptions = {}): AsyncGenerator<TreeEntry> {
  const { path, signal } = options
  assertReadable(object)
  if (object.visibility === 'sealed') {
    yield* sealedEntries({ context, object, blocks: blocksOf(context, object) }, options)
    return
  }
  const kept = await attributesOf(context, object)
  for await (const entry of walkTree(object.root, blocksOf(context, object), { path, signal })) {
    const { mode, mtime } = kept.get(entry.path) ?? {}
    yield { ...entry, ...(mode !== undefined && { mode }), ...(mtime !== undefined && { mtime }) }
  }
}

async function attributesOf(context: Context, object: ObjectRow): Promise<ReadonlyMap<string, Attributes>> {
  const joined = await context.catalog.attributesOf(object.id)
  const rows = joined ? splitAttributes(joined, object.visibility).flatMap(({ bytes }) => readAttributes(bytes)) : []
  return new Map(rows.map((row) => [row.path, row]))
}
