/** Sealed objects as the catalog takes them: nothing of names, types and times is said in clear. */
import { collect } from '../bytes/collect.ts'
import type { OpenedSource } from '../bytes/source.ts'
import { SourceError } from '../errors.ts'
import { addressOf, RAW } from '../format/address.ts'
import { type Block, joinAttributes } from '../format/record.ts'
import { sealFile } from '../format/seal.ts'
import { encodeMeta } from '../format/sealed-meta.ts'
import { type Context, tell } from './context.ts'
import type { Draft, Drafts, IngestOptions } from './ingest.ts'
import type { PackBuilder } from './pack-builder.ts'
import { importSealed, type SealedImport } from './sealed-import.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

const MAX_META_BYTES = 1024 * 1024

type SealedOptions = IngestOptions & { readonly sealing: Sealing }

/** Imports the whole source; with `each`, one object for every file. */
export async function sealedDrafts(context: Context, source: OpenedSource, builder: PackBuilder, options: SealedOptions): Promise<Drafts> {
  const { sealing, each, signal, onProgress, name } = options
  const onBytes = (byteLength: number) => tell(onProgress, { type: 'bytes-read', byteLength, total: source.byteLength })
  const objects: Draft[] = []
  let last: SealedImport | undefined
  for await (const imported of importSealed(source, builder, { sealing, each, signal, onBytes })) {
    const { path, cid, size } = imported
    tell(onProgress, { type: 'entry-imported', path, root: cid.toString(), byteLength: size })
    last = imported
    if (each && imported.kind === 'file') objects.push(await draft(context, builder, imported, { ...options, name: path }))
  }
  if (!last) throw new SourceError('unsupported', 'the source held nothing to put')
  if (!each) objects.push(await draft(context, builder, last, { ...options, name: name ?? source.name }))
  return { root: last.cid, objects }
}

async function draft(context: Context, builder: PackBuilder, imported: SealedImport, options: SealedOptions): Promise<Draft> {
  const { sealing, name, mediaType } = options
  const { kind, size, padded, mode, mtime } = imported
  const type = kind === 'directory' ? 'directory' : 'file'
  const meta = await sealedBlock(encodeMeta({ name, mediaType, type, size, padded, mode, mtime }), sealing)
  if (sealing.erasable) await builder.keepWithHeaders(meta.cid, new Uint8Array(meta.bytes))
  return {
    root: imported.cid,
    kind,
    byteLength: imported.byteLength,
    profile: sealedProfile,
    visibility: 'sealed',
    createdAt: context.clock(),
    extents: await builder.mark(),
    attributes: joinAttributes([meta]),
    erasable: sealing.erasable,
  }
}

/** A small age file, as a raw block. */
async function sealedBlock(plaintext: Uint8Array, { recipients, random }: Sealing): Promise<Block> {
  const bytes = await collect(sealFile(only(plaintext), { recipients, random }), MAX_META_BYTES)
  return { cid: addressOf(bytes, RAW), bytes }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
