/** A sealed object under new headers: its files one by one, and for a directory the index, which names them by new CIDs. Names and times stay. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Entry, ObjectRow, ProgressOptions, RecipientsEvent } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { padmeLength } from '../format/padding.ts'
import { sealFile, sealPool } from '../format/seal.ts'
import { INDEX_NAME, readIndex } from '../format/sealed-index.ts'
import type { SealedMeta } from '../format/sealed-meta.ts'
import { leafLinks, resolvePath } from '../format/unixfs-export.ts'
import { type Imported, importTree } from '../format/unixfs-import.ts'
import { type Context, tell } from './context.ts'
import { blocksOf } from './get.ts'
import { headersApart } from './headers-apart.ts'
import type { Drafts } from './ingest.ts'
import type { PackBuilder } from './pack-builder.ts'
import { type Rewrapped, type Rewrapping, resealFile, rewrapFile } from './rewrap-file.ts'
import { sealedDraft } from './sealed-drafts.ts'
import { indexLines } from './sealed-index-lines.ts'
import { readSealed } from './sealed-read.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

export interface RewrapOptions extends AbortOptions, ProgressOptions<RecipientsEvent> {
  readonly sealing: Pick<Sealing, 'recipients' | 'random' | 'erasable'>
  readonly meta: SealedMeta
  readonly rekey: boolean
}

export interface RewrappedObject extends Drafts {
  readonly files: number
  readonly storedAnew: number
  /** Blocks of the old headers, each once. */
  readonly oldHeaders: readonly CID[]
}

/** Reads what it must: a header for every file, and the index; with `rekey` everything. */
export async function rewrapObject(
  context: Context,
  object: ObjectRow,
  builder: PackBuilder,
  options: RewrapOptions,
): Promise<RewrappedObject> {
  const { sealing, meta, rekey, signal, onProgress } = options
  const apart = sealing.erasable ? headersApart(builder) : undefined
  const run: Rewrapping = {
    context,
    blocks: blocksOf(context, object),
    root: object.root,
    builder,
    apart,
    sealing,
    pool: sealPool(),
    signal,
  }
  const tally = { files: 0, storedAnew: 0, oldHeaders: new Map<string, CID>() }
  const make = async (cid: CID, path: string): Promise<Rewrapped> => {
    signal?.throwIfAborted()
    const made = await (rekey ? resealFile(cid, run) : rewrapFile(cid, run))
    tally.oldHeaders.set(made.header.toString(), made.header)
    tally.files++
    if (made.storedAnew) tally.storedAnew++
    tell(onProgress, { type: 'file-rewrapped', path, byteLength: made.byteLength, storedAnew: made.storedAnew })
    return made
  }
  const made =
    object.kind === 'directory'
      ? await rewrapDirectory(run, make, (header) => tally.oldHeaders.set(header.toString(), header))
      : { ...(await make(object.root, '')), kind: 'file' as const }
  apart?.assertApart()
  const draft = await sealedDraft(context, builder, made, { sealing, meta, retain: object.retain, supersedes: object.root })
  return { root: made.cid, objects: [draft], files: tally.files, storedAnew: tally.storedAnew, oldHeaders: [...tally.oldHeaders.values()] }
}

type Make = (cid: CID, path: string) => Promise<Rewrapped>

async function rewrapDirectory(run: Rewrapping, make: Make, onHeader: (header: CID) => void): Promise<Imported> {
  const { builder, apart, blocks, root, sealing, signal } = run
  const index = await resolvePath(root, INDEX_NAME, blocks, { signal })
  const first = (await leafLinks(index.cid, blocks, { signal }).next()).value
  if (first) onHeader(first.cid)
  const lines = indexLines()
  let padded = false
  /** Files of equal content may be one: they stay one. */
  const known = new Map<string, Rewrapped>()
  async function* entries(): AsyncGenerator<Entry> {
    for await (const entry of readIndex(readSealed({ cid: index.cid }, run), { signal })) {
      const { type, path, cid, name = '' } = entry
      if (type !== 'file' || !cid) {
        lines.add(entry)
        continue
      }
      const made = known.get(cid.toString()) ?? (await make(cid, path))
      known.set(cid.toString(), made)
      lines.add({ ...entry, cid: made.cid })
      padded ||= entry.padded !== undefined
      const { dagBytes, byteLength } = made
      yield { path: name, kind: 'file', known: { root: made.cid, dagBytes, byteLength, extents: [] } }
    }
    // An index is as its files are.
    if (padded) lines.fill(padmeLength(lines.byteLength))
    const { recipients, random, erasable } = sealing
    const open = () => {
      const leaves = sealFile(listed(lines.chunks()), { recipients, random, erasable, signal })
      return apart ? apart.noted(leaves) : leaves
    }
    yield { path: INDEX_NAME, kind: 'file', open }
  }
  // What is known by now has been put already.
  const sink = { put: apart?.sink.put ?? builder.put, reuse: async () => undefined }
  let last: Imported | undefined
  for await (const imported of importTree(entries(), sink, { profile: sealedProfile, shape: 'tree', signal })) last = imported
  if (last) return last
  throw new FormatError('malformed', `the sealed directory ${root} gave no root`)
}

async function* listed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
