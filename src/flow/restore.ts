/** Restore: a stored file or tree goes to disk; what is there already is recognised by its CID, without asking any vault. */
import type { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import { openSource } from '../bytes/source.ts'
import type { AbortOptions, ObjectRow, Profile, RestoreOptions, RestoreReport, TreeEntry } from '../contracts.ts'
import { SourceError } from '../errors.ts'
import { RAW } from '../format/address.ts'
import { readFile } from '../format/unixfs-export.ts'
import { type BlockSink, chunkSizeOf, importTree } from '../format/unixfs-import.ts'
import type { Context } from './context.ts'
import { type ExtractTree, extract } from './extract.ts'
import { holdsBytes } from './file-chunks.ts'
import { assertReadable, blocksOf, entries } from './get.ts'
import { sealedTree } from './sealed-restore.ts'
import { xattrSetter } from './xattr-restore.ts'

const NOWHERE: BlockSink = { put: async (_, bytes) => recycle(bytes) }

/**
 * Writes a file, or a whole tree, below the target; a second call finishes what a first one left. A file goes to the target path, or into it when it
 * is a directory; a directory's entries go into the target. Throws what `extract` throws, and `unavailable` when no replica has a block.
 */
export async function restore(context: Context, object: ObjectRow, target: string, options: RestoreOptions = {}): Promise<RestoreReport> {
  const { path: given, owner = false, xattrs = false, ...rest } = options
  const path = given
    ?.split('/')
    .filter((segment) => segment !== '')
    .join('/')
  const { tree, name, size } = await treeOf(context, object, { path, signal: options.signal })
  const relative = { ...tree, entries: belowTop(owner ? tree.entries : withoutOwners(tree.entries), path) }
  const setter = xattrs ? xattrSetter(context.loadXattrs) : undefined
  const extracted = await extract(relative, target, { ...rest, xattrs: setter, name: path || name, total: path ? undefined : size })
  return { root: object.root.toString(), ...extracted, ...(setter && { xattrs: setter.report() }) }
}

interface RestoreTree {
  readonly tree: ExtractTree
  readonly name: string | undefined
  readonly size: number
}

async function treeOf(
  context: Context,
  object: ObjectRow,
  options: AbortOptions & { readonly path: string | undefined },
): Promise<RestoreTree> {
  assertReadable(object)
  const blocks = blocksOf(context, object)
  if (object.visibility === 'sealed') return sealedTree({ context, object, blocks }, options)
  const tree: ExtractTree = {
    entries: entries(context, object, options),
    read: ({ cid }, { signal }) => readFile(cid, blocks, { signal }),
    holds: async ({ cid }, at, { signal }) => {
      if ((await addressOfFile(at, object.profile, { signal }))?.equals(cid)) return true
      // What was imported may have been laid out in another way; a raw block cannot.
      return cid.code !== RAW && holdsBytes(at, readFile(cid, blocks, { signal }))
    },
  }
  return { tree, name: object.name, size: object.byteLength }
}

async function* withoutOwners(found: AsyncIterable<TreeEntry>): AsyncGenerator<TreeEntry> {
  for await (const { uid: _, gid: __, ...entry } of found) yield entry
}

/** Paths as seen from the entry that was asked for. */
async function* belowTop(found: AsyncIterable<TreeEntry>, top: string | undefined): AsyncGenerator<TreeEntry> {
  for await (const entry of found) yield top ? { ...entry, path: entry.path.slice(top.length + 1) } : entry
}

/** The CID that a file of this machine would have in an object; a file that cannot be read has none. */
async function addressOfFile(at: string, profile: Profile, { signal }: AbortOptions): Promise<CID | undefined> {
  let cid: CID | undefined
  try {
    const source = await openSource(at, { chunkSize: chunkSizeOf(profile) })
    for await (const imported of importTree(source.entries({ signal }), NOWHERE, { profile, shape: 'single', signal })) cid = imported.cid
  } catch (error) {
    if (error instanceof SourceError) return undefined
    throw error
  }
  return cid
}
