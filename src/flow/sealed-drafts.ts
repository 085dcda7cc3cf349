/** Sealed objects as the catalog takes them: nothing of names, types and times is said in clear. */
import type { CID } from 'multiformats/cid'
import { collect } from '../bytes/collect.ts'
import type { OpenedSource } from '../bytes/source.ts'
import type { Extent, NewFingerprint, RetainRow, XattrProblem } from '../contracts.ts'
import { SourceError } from '../errors.ts'
import { addressOf, RAW } from '../format/address.ts'
import { type Block, joinAttributes } from '../format/record.ts'
import { sealFile } from '../format/seal.ts'
import { encodeMeta, type SealedMeta } from '../format/sealed-meta.ts'
import type { Imported } from '../format/unixfs-import.ts'
import { retainRow } from '../policy/retain.ts'
import { type Context, tell } from './context.ts'
import type { Draft, Drafts, IngestOptions } from './ingest.ts'
import type { PackBuilder } from './pack-builder.ts'
import { importSealed, type RangePrint, type SealedImport } from './sealed-import.ts'
import { type Sealing, sealedProfile } from './sealing.ts'
import { withXattrs } from './xattr-source.ts'

const MAX_META_BYTES = 1024 * 1024

type SealedOptions = IngestOptions & { readonly sealing: Sealing }

/** Imports the whole source; with `each`, one object for every file. */
export async function sealedDrafts(context: Context, source: OpenedSource, builder: PackBuilder, options: SealedOptions): Promise<Drafts> {
  const { sealing, each, signal, onProgress, name } = options
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-read', byteLength, total: source.byteLength })
  const { catalog } = context
  const objects: Draft[] = []
  let prints: RangePrint[] = []
  let reusedFiles = 0
  let last: SealedImport | undefined
  const onLeftOut = (problem: XattrProblem) => tell(onProgress, { type: 'xattr-left-out', ...problem })
  const told = sealing.xattrs ? withXattrs(source, { functions: sealing.xattrs, onLeftOut }) : source
  for await (const imported of importSealed(told, builder, { sealing, catalog, each, signal, onBytes })) {
    const { path, cid, size, kind } = imported
    tell(onProgress, { type: 'entry-imported', path, root: cid.toString(), byteLength: size })
    last = imported
    for (const print of imported.prints) prints.push(print)
    reusedFiles += imported.reusedFiles
    if (!each || kind !== 'file') continue
    objects.push(await draft(context, builder, imported, { ...options, name: path, prints }))
    prints = []
  }
  if (!last) throw new SourceError('unsupported', 'the source held nothing to put')
  if (!each) objects.push(await draft(context, builder, last, { ...options, name: name ?? source.name, prints }))
  return { root: last.cid, objects, reusedFiles }
}

type DraftOptions = SealedOptions & { readonly prints: readonly RangePrint[] }

async function draft(context: Context, builder: PackBuilder, imported: SealedImport, options: DraftOptions): Promise<Draft> {
  const { sealing, name, mediaType, prints } = options
  const { kind, size, padded, mode, mtime, uid, gid } = imported
  const type = kind === 'directory' ? 'directory' : 'file'
  // Those of a directory are in its index.
  const xattrs = type === 'file' ? imported.xattrs : undefined
  const described = { name, mediaType, type, size, padded, mode, mtime, uid, gid, xattrs, fingerprint: sealing.reuse?.secret } as const
  const made = await sealedDraft(context, builder, imported, {
    sealing,
    meta: described,
    retain: options.retain && retainRow(options.retain, context.clock()),
  })
  return { ...made, fingerprints: (extents) => within(prints, extents) }
}

/** The object that all blocks since the last mark are, with what is said of it under seal. */
export async function sealedDraft(
  context: Context,
  builder: PackBuilder,
  { cid, kind, byteLength }: Pick<Imported, 'cid' | 'kind' | 'byteLength'>,
  { sealing, meta, retain, supersedes }: DraftParts,
): Promise<Draft> {
  const texts = sealing.recipients.map(({ text }) => text)
  const recipients = texts.every((text) => text !== undefined) ? texts : undefined
  const block = await sealedBlock(encodeMeta({ ...meta, recipients }), sealing)
  if (sealing.erasable) await builder.keepWithHeaders(block.cid, new Uint8Array(block.bytes))
  return {
    root: cid,
    kind,
    byteLength,
    profile: sealedProfile,
    visibility: 'sealed',
    createdAt: context.clock(),
    extents: await builder.mark(),
    attributes: joinAttributes([block]),
    erasable: sealing.erasable,
    supersedes,
    ...(retain && { retain }),
  }
}

interface DraftParts {
  readonly sealing: SealedFor
  readonly meta: SealedMeta
  readonly retain?: RetainRow | undefined
  readonly supersedes?: CID | undefined
}

type SealedFor = Pick<Sealing, 'recipients' | 'random' | 'erasable'>

/** Ranges of an object's blocks become extents of their own. Ranges begin in order, whatever their ends. */
function within(prints: readonly RangePrint[], extents: readonly Extent[]): readonly NewFingerprint[] {
  let next = 0
  return [...prints]
    .sort((a, b) => (a.content?.from ?? 0) - (b.content?.from ?? 0))
    .map(({ content, ...print }) => {
      if (!content) return print
      const { from, to, ...known } = content
      while (endOf(extents[next]) <= from) next++
      const own: Extent[] = []
      for (let at = next; at < extents.length; at++) {
        const extent = extents[at]
        if (!extent || extent.start >= to) break
        const skipped = Math.max(0, from - extent.start)
        const count = Math.min(extent.start + extent.count, to) - extent.start - skipped
        own.push({ pack: extent.pack, first: extent.first + skipped, count, start: extent.start + skipped - from })
      }
      return { ...print, content: { ...known, extents: own } }
    })
}

const endOf = (extent: Extent | undefined) => (extent ? extent.start + extent.count : Number.POSITIVE_INFINITY)

/** A small age file, as a raw block. */
async function sealedBlock(plaintext: Uint8Array, { recipients, random }: SealedFor): Promise<Block> {
  const bytes = await collect(sealFile(only(plaintext), { recipients, random }), MAX_META_BYTES)
  return { cid: addressOf(bytes, RAW), bytes }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
