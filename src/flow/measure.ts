/** How much a source would store, without storing it: by a dry import that looks up every block, or from sizes alone. */
import type { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import { type OpenedSource, openSource } from '../bytes/source.ts'
import type { EstimateOptions, Source } from '../contracts.ts'
import { ageFileLength, CHUNK_BYTES, LEAF_BYTES } from '../format/age-layout.ts'
import { headerLength, MAX_PACK_BLOCKS, sectionPrefix } from '../format/pack.ts'
import type { Recipient } from '../format/recipients.ts'
import { HYBRID } from '../format/recipients.ts'
import { type BlockSink, chunkSizeOf, importTree } from '../format/unixfs-import.ts'
import { type Context, tell } from './context.ts'

const LOOKUP_BLOCKS = 256
/** A CID with the length before it, in a CAR. */
const FRAMING_BYTES = 40
/** Of a link in a file's node, and of an entry in a directory without its name. */
const LINK_BYTES = 64
const NODE_BYTES = 128
/** The lines of an age header: those around, and one recipient's. */
const HEADER_BYTES = 80
const STANZA_BYTES = 110
const HYBRID_STANZA_BYTES = 1_600
/** A line of the index of a sealed directory, without the path. */
const INDEX_LINE_BYTES = 220

export interface Measured {
  readonly files: number
  readonly byteLength: number
  readonly newBytes: number
  readonly blocks: number
  readonly packs: number
  readonly exact: boolean
  readonly notes: readonly string[]
}

export async function measure(context: Context, source: Source, options: EstimateOptions = {}): Promise<Measured> {
  const sealed = options.public !== true && context.recipients.length > 0
  const opened = await openSource(source, { exclude: options.exclude, chunkSize: chunkSizeOf(context.profile) })
  const size =
    options.quick === true || sealed ? await bySizes(context, opened, { ...options, sealed }) : await byImport(context, opened, options)
  const packs = Math.max(
    size.newBytes > 0 ? 1 : 0,
    Math.ceil(size.newBytes / context.maxPackBytes),
    Math.ceil(size.blocks / MAX_PACK_BLOCKS),
  )
  return { ...size, packs, newBytes: size.newBytes + packs * headerLength(context.profile) }
}

type Size = Omit<Measured, 'packs'>

/** Reads and hashes everything, as a put would, and keeps nothing. Blocks that come again within a pack are counted once. */
async function byImport(context: Context, source: OpenedSource, { signal, onProgress }: EstimateOptions): Promise<Size> {
  const { catalog, profile } = context
  const sums = { files: 0, byteLength: 0, newBytes: 0, blocks: 0 }
  const seen = new Set<string>()
  let dropped = false
  let waiting: { cid: CID; bytes: number }[] = []
  const look = async () => {
    const batch = waiting
    waiting = []
    const known = await catalog.findBlocks(
      batch.map(({ cid }) => cid),
      { visibility: 'public', reusable: true },
    )
    for (const { cid, bytes } of batch) {
      if (known.has(cid.toString())) continue
      sums.blocks++
      sums.newBytes += bytes
    }
  }
  const sink: BlockSink = {
    put: async (cid, bytes) => {
      const key = cid.toString()
      const size = sectionPrefix(cid, bytes.byteLength).byteLength + bytes.byteLength
      recycle(bytes)
      if (seen.has(key)) return
      if (seen.size >= MAX_PACK_BLOCKS) {
        seen.clear()
        dropped = true
      }
      seen.add(key)
      waiting.push({ cid, bytes: size })
      if (waiting.length >= LOOKUP_BLOCKS) await look()
    },
  }
  const onBytes = (byteLength: number) =>
    tell(onProgress, { type: 'bytes-read', byteLength, ...(source.byteLength !== undefined && { total: source.byteLength }) })
  for await (const { kind, byteLength } of importTree(source.entries({ signal }), sink, {
    profile,
    shape: source.shape,
    signal,
    onBytes,
  })) {
    if (kind !== 'file') continue
    sums.files++
    sums.byteLength += byteLength
  }
  await look()
  const notes = dropped ? ['blocks that come again far apart in the source may have been counted twice'] : []
  return { ...sums, exact: !dropped, notes }
}

/** Never less than a put would store, but for content whose length is not known before it is read. */
async function bySizes(
  context: Context,
  source: OpenedSource,
  { signal, sealed }: EstimateOptions & { readonly sealed: boolean },
): Promise<Size> {
  const sums = { files: 0, byteLength: 0, newBytes: 0, blocks: 0 }
  const header = headerBytes(context.recipients)
  const leaf = sealed ? LEAF_BYTES : chunkSizeOf(context.profile)
  let unknown = 0
  let indexBytes = 0
  const add = (bytes: number, leaves: number) => {
    const nodes = leaves > 1 ? Math.ceil(leaves / 100) + 1 : 0
    sums.blocks += leaves + nodes
    sums.newBytes += bytes + (leaves + nodes) * FRAMING_BYTES + (leaves > 1 ? leaves * LINK_BYTES : 0) + nodes * NODE_BYTES
  }
  for await (const entry of source.entries({ signal })) {
    const { kind, path, byteLength } = entry
    const name = Buffer.byteLength(path)
    indexBytes += INDEX_LINE_BYTES + name
    if (kind !== 'file') {
      if (!sealed) add(NODE_BYTES + (entry.target?.length ?? 0), 1)
      if (!sealed) sums.newBytes += LINK_BYTES + name
      continue
    }
    sums.files++
    if (byteLength === undefined) unknown++
    const length = byteLength ?? 0
    sums.byteLength += length
    const stored = sealed ? ageFileLength(length, header) : length
    // Padding of a sealed file is not known here; the header may take a leaf of its own.
    add(stored, Math.max(1, Math.ceil(stored / leaf)) + (sealed && stored > leaf ? 1 : 0))
    if (source.shape === 'tree') sums.newBytes += LINK_BYTES + name
  }
  if (source.shape === 'tree') {
    if (sealed) add(ageFileLength(indexBytes, header), 1 + Math.ceil(indexBytes / (LEAF_BYTES - CHUNK_BYTES)))
    add(NODE_BYTES, 1 + Math.ceil(sums.files / 100))
  }
  const notes = [
    sealed
      ? 'sealed content is estimated from sizes: what was sealed before and is reused makes it less'
      : 'estimated from sizes: what is stored already makes it less',
    ...(unknown > 0 ? [`the size of ${unknown} of ${sums.files} files is not known before they are read: it may be more`] : []),
  ]
  return { ...sums, exact: false, notes }
}

function headerBytes(recipients: readonly Recipient[]): number {
  return recipients.reduce(
    (sum, { type, text }) => sum + (type === HYBRID || text?.startsWith('age1pq') ? HYBRID_STANZA_BYTES : STANZA_BYTES),
    HEADER_BYTES,
  )
}
