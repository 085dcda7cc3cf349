/** Sealed files, read with the identities of the archive: whole or a range, every byte hashed against its CID and then authenticated. */
import type { CID } from 'multiformats/cid'
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, ByteRange, ObjectRow } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { RAW } from '../format/address.ts'
import { openSealed } from '../format/open.ts'
import { openRanges } from '../format/open-range.ts'
import { unpadded } from '../format/padding.ts'
import { splitAttributes } from '../format/record.ts'
import { decodeMeta, type SealedMeta } from '../format/sealed-meta.ts'
import { fileByteLength, type GetBlock, readFile } from '../format/unixfs-export.ts'
import type { Context } from './context.ts'
import { remembered } from './remembered.ts'
import { noIdentity, wrongIdentity } from './sealing-keys.ts'

/** Far more than a name takes. */
const MAX_META_BYTES = 1024 * 1024

/** An age file in the archive. */
export interface SealedFile {
  readonly cid: CID
  /** Bytes of the content, without padding; undefined: all there are. */
  readonly size?: number | undefined
}

export interface Opening extends AbortOptions {
  readonly context: Pick<Context, 'identities'>
  readonly blocks: GetBlock
  /** The object it belongs to, for errors. */
  readonly root: CID
}

/** The content of an age file, in order. Throws ArchiveError `no-identity` and `wrong-identity`, and what reading and opening throw. */
export async function* readSealed({ cid, size }: SealedFile, opening: Opening): AsyncGenerator<Uint8Array> {
  const { context, blocks, root, signal } = opening
  assertIdentities(context, root)
  const content = openSealed(readFile(cid, blocks, { signal }), context.identities, { signal })
  yield* explained(size === undefined ? content : unpadded(content, size), opening)
}

/** Part of the content: reads the first leaf, the leaves that the range touches, and the way to them. */
export async function* readSealedRange(file: SealedFile, range: ByteRange, opening: Opening): AsyncGenerator<Uint8Array> {
  assertIdentities(opening.context, opening.root)
  yield* explained(rangeOf(file, range, opening), opening)
}

async function* rangeOf({ cid, size }: SealedFile, range: ByteRange, opening: Opening): AsyncGenerator<Uint8Array> {
  const { context, signal } = opening
  // The nodes above the leaves are on the way of every part that is read.
  const blocks = remembered(opening.blocks, ({ code }) => code !== RAW)
  const byteLength = await fileByteLength(cid, blocks, { signal })
  const ranges = await openRanges(
    {
      byteLength,
      // One after the other where the header is looked for, which ends in the first leaf.
      read: ({ offset, length }, abort) =>
        readFile(cid, blocks, { ...abort, range: { offset, length }, readAhead: offset === 0 ? 1 : undefined }),
    },
    context.identities,
    { signal },
  )
  const { offset, length = Number.POSITIVE_INFINITY } = range
  const end = size ?? Number.POSITIVE_INFINITY
  if (offset > end) throw new FormatError('bad-range', `offset ${offset} lies past the end of a file of ${end} bytes`)
  const wanted = Math.min(length, end - offset)
  yield* ranges.read({ offset, length: wanted === Number.POSITIVE_INFINITY ? undefined : wanted }, { signal })
}

/** What a sealed object is called, how large it is and when it was changed. Throws as `readSealed` does. */
export async function metaOf(context: Pick<Context, 'identities' | 'catalog'>, object: ObjectRow): Promise<SealedMeta> {
  assertIdentities(context, object.root)
  const joined = await context.catalog.attributesOf(object.id)
  const [block] = joined ? splitAttributes(joined, object.visibility) : []
  if (!block) {
    throw new FormatError('malformed', `the catalog has lost what belongs to the sealed object ${object.root}; rebuild it from a vault`)
  }
  const { bytes } = block
  const opened = openSealed(only(bytes), context.identities)
  return decodeMeta(await collect(explained(opened, { context, root: object.root }), MAX_META_BYTES))
}

function assertIdentities({ identities }: Pick<Context, 'identities'>, root: CID): void {
  if (identities.length === 0) throw noIdentity(root.toString())
}

/** That no identity opens it is said in the archive's words: which object, and where identities are named. */
async function* explained(
  content: AsyncIterable<Uint8Array>,
  { context, root }: Pick<Opening, 'context' | 'root'>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    throw inOwnWords(error, { context, root })
  }
}

/** The same for an error of anything else that takes identities. */
export function inOwnWords(cause: unknown, { context, root }: Pick<Opening, 'context' | 'root'>): unknown {
  if (!(cause instanceof FormatError) || cause.code !== 'no-identity') return cause
  return wrongIdentity(root.toString(), context.identities.length, { cause })
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
