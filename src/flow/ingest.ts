/** The first half of put: a source becomes blocks, blocks become packs in the spool, and the catalog seals all of it or nothing. */
import type { CID } from 'multiformats/cid'
import type { OpenedSource } from '../bytes/source.ts'
import type { Extent, NewFingerprint, ObjectId, ObjectRow, PutOptions, SealedObject, SealedPack } from '../contracts.ts'
import { ArchiveError, CatalogError, SourceError } from '../errors.ts'
import { carHeader, headerLength } from '../format/pack.ts'
import { type Attributes, attributeBlocks, joinAttributes } from '../format/record.ts'
import { type Imported, importTree } from '../format/unixfs-import.ts'
import { retainRow } from '../policy/retain.ts'
import { type Context, tell } from './context.ts'
import { dropGarbage } from './garbage.ts'
import { type PackBuilder, packBuilder } from './pack-builder.ts'
import { sealedDrafts } from './sealed-drafts.ts'
import type { Sealing } from './sealing.ts'

const MAX_ATTRIBUTE_BYTES = 16 * 1024 * 1024

export interface Ingested {
  /** In order of the import; with `each`, one per file. */
  readonly objects: readonly ObjectRow[]
}

export type Draft = Omit<SealedObject, 'extents'> & {
  readonly extents: () => readonly Extent[]
  /** What its content can be known by from now on. */
  readonly fingerprints?: (extents: readonly Extent[]) => readonly NewFingerprint[]
}

export type IngestOptions = PutOptions & {
  /** One object for every file. */
  readonly each: boolean
  /** Absent: public. */
  readonly sealing?: Sealing | undefined
}

/** Reads the source to its end. Whatever fails on the way, nothing becomes visible and nothing is left. */
export function ingest(context: Context, source: OpenedSource, options: IngestOptions): Promise<Ingested> {
  const sealed = options.sealing !== undefined
  return ingestDrafts(context, (builder) => draftsOf(context, source, builder, options), { ...options, sealed })
}

/** What `drafts` puts into the builder becomes packs and objects, all of it or nothing. `root`: where it is known before. */
export async function ingestDrafts(
  context: Context,
  draftsOf: (builder: PackBuilder) => Promise<Drafts>,
  options: PutOptions & { readonly sealed: boolean; readonly root?: CID | undefined },
): Promise<Ingested> {
  const { catalog, spool } = context
  const builder = packBuilder({
    catalog,
    spool,
    owner: `${spool.session}.${Buffer.from(context.random(6)).toString('hex')}`,
    headerBytes: options.root ? carHeader(options.root).byteLength : headerLength(options.profile ?? context.profile),
    visibility: options.sealed ? 'sealed' : 'public',
    maxPackBytes: context.maxPackBytes,
    room: context.spoolBytes - (await spool.used()),
    now: context.clock(),
    onPackClosed: (pack) => tell(options.onProgress, { type: 'pack-closed', ...pack }),
  })
  try {
    const drafts = await draftsOf(builder)
    return await sealAll(context, builder, drafts, options)
  } catch (error) {
    await builder.abandon()
    throw error instanceof CatalogError && error.code === 'conflict'
      ? new ArchiveError('conflict', 'content this put relied on was removed meanwhile; run the command again', { cause: error })
      : error
  }
}

export interface Drafts {
  readonly root: CID
  readonly objects: readonly Draft[]
  /** Files that were sealed before and are not stored again. */
  readonly reusedFiles?: number
}

function draftsOf(context: Context, source: OpenedSource, builder: PackBuilder, options: IngestOptions): Promise<Drafts> {
  const { sealing, each } = options
  if (sealing) return sealedDrafts(context, source, builder, { ...options, sealing })
  return each ? importEach(context, source, builder, options) : importOne(context, source, builder, options)
}

/** One object for the whole source. */
async function importOne(context: Context, source: OpenedSource, builder: PackBuilder, options: PutOptions): Promise<Drafts> {
  const attributes: Attributes[] = []
  let root: Imported | undefined
  for await (const imported of imports(context, source, builder, options)) {
    attributes.push(imported)
    root = imported
  }
  if (!root) throw new SourceError('unsupported', 'the source held nothing to put')
  const extents = await builder.mark()
  return { root: root.cid, objects: [draft(context, root, { extents, attributes, name: options.name ?? source.name, options })] }
}

/** One object for every file; the directory that wraps them only gives the packs their root. */
async function importEach(context: Context, source: OpenedSource, builder: PackBuilder, options: PutOptions): Promise<Drafts> {
  const objects: Draft[] = []
  let root: CID | undefined
  for await (const imported of imports(context, source, builder, options)) {
    root = imported.cid
    if (imported.kind !== 'file') continue
    const extents = await builder.mark()
    objects.push(draft(context, imported, { extents, attributes: [{ ...imported, path: '' }], name: imported.path, options }))
  }
  if (!root) throw new SourceError('unsupported', 'the source held nothing to put')
  return { root, objects }
}

async function* imports(context: Context, source: OpenedSource, builder: PackBuilder, options: PutOptions): AsyncIterable<Imported> {
  const { signal, onProgress } = options
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-read', byteLength, total: source.byteLength })
  const entries = source.entries({ signal })
  for await (const imported of importTree(entries, builder, {
    profile: options.profile ?? context.profile,
    shape: source.shape,
    signal,
    onBytes,
  })) {
    const { path, cid, byteLength } = imported
    tell(onProgress, { type: 'entry-imported', path, root: cid.toString(), byteLength })
    yield imported
  }
}

function draft(
  context: Context,
  imported: Imported,
  own: {
    readonly extents: Draft['extents']
    readonly attributes: readonly Attributes[]
    readonly name: string | undefined
    readonly options: PutOptions
  },
): Draft {
  const blocks = attributeBlocks(own.attributes)
  const attributes = blocks.length > 0 ? joinAttributes(blocks) : undefined
  if (attributes && attributes.byteLength > MAX_ATTRIBUTE_BYTES) {
    throw new SourceError('unsupported', 'modes and times of this many entries do not fit one object; put its folders one by one')
  }
  return {
    root: imported.cid,
    name: own.name,
    mediaType: own.options.mediaType,
    kind: imported.kind,
    byteLength: imported.byteLength,
    profile: own.options.profile ?? context.profile,
    visibility: 'public',
    createdAt: context.clock(),
    extents: own.extents,
    attributes,
    ...(own.options.retain && { retain: retainRow(own.options.retain, context.clock()) }),
  }
}

async function sealAll(context: Context, builder: PackBuilder, drafts: Drafts, options: PutOptions): Promise<Ingested> {
  const { catalog } = context
  options.signal?.throwIfAborted()
  if (drafts.objects.length === 0) {
    await builder.abandon()
    return { objects: [] }
  }
  const packs = await builder.finish(drafts.root)
  const fingerprints: NewFingerprint[] = []
  const sealed = drafts.objects.map(({ extents, fingerprints: printed, ...object }) => {
    const own = extents()
    for (const print of printed?.(own) ?? []) fingerprints.push(print)
    return { ...object, extents: own }
  })
  const ids = await catalog.seal(builder.owner, packs, sealed, { fingerprints })
  await builder.settle()
  await dropUnused(context, packs, sealed)
  const byteLength = sealed.reduce((sum, object) => sum + object.byteLength, 0)
  tell(options.onProgress, {
    type: 'sealed',
    root: drafts.root.toString(),
    packs: packs.length,
    byteLength,
    reusedBytes: builder.reusedBytes,
    ...(drafts.reusedFiles !== undefined && { reusedFiles: drafts.reusedFiles }),
  })
  return { objects: await rowsOf(context, ids, sealed) }
}

/** A pack may have come to hold nothing but the directory around the entries: no object needs it. */
async function dropUnused(context: Context, packs: readonly SealedPack[], objects: readonly SealedObject[]): Promise<void> {
  const used = new Set(objects.flatMap(({ extents }) => extents.map(({ pack }) => pack)))
  for (const { id } of packs) {
    const row = used.has(id) ? undefined : await context.catalog.pack(id)
    if (row) await dropGarbage(context, row)
  }
}

/** Entries of equal content are one object, each with the name it came under. */
async function rowsOf(context: Context, ids: readonly ObjectId[], sealed: readonly SealedObject[]): Promise<readonly ObjectRow[]> {
  const rows: ObjectRow[] = []
  for (const [index, id] of ids.entries()) {
    const row = await context.catalog.objectById(id)
    if (row) rows.push({ ...row, name: sealed[index]?.name ?? row.name })
  }
  return rows
}
