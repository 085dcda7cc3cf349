/** Files, symlinks and directories become blocks: ipfs-unixfs-importer with everything dropped that it would keep in memory. */
import { code as DAG_PB_CODE, encode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import {
  type BufferImporter,
  type BufferImporterResult,
  type ImporterOptions,
  type ImportResult,
  importer,
  type WritableStorage,
} from 'ipfs-unixfs-importer'
import { balanced, type FileLayout } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import type { Profile } from '../contracts/vault.ts'
import { FormatError } from '../errors.ts'
import { addressOf, RAW } from './address.ts'
import { type ProfileParameters, parametersOf } from './profiles.ts'

/** Takes every block in the order of the format; the bytes are the sink's from then on, which gives them to `recycle` when it is done with them. */
export interface BlockSink {
  put(cid: CID, bytes: Uint8Array): Promise<void>
}

/** What a parent needs to link to a DAG. */
export interface Linked {
  readonly cid: CID
  /** Bytes of all blocks below, counted once per link: the link's Tsize. */
  readonly dagBytes: number
}

export interface BlockBuilder {
  /** Every chunk becomes one leaf; an empty stream becomes one empty leaf. */
  file(chunks: AsyncIterable<Uint8Array>): Promise<Linked>
  symlink(target: string): Promise<Linked>
  /** One level; becomes a HAMT where the profile says so. */
  directory(children: Iterable<readonly [name: string, child: Linked]>): Promise<Linked>
}

export function blockBuilder(sink: BlockSink, profile: Profile): BlockBuilder {
  const parameters = parametersOf(profile)
  const store = {
    async put(cid: CID, bytes: Uint8Array): Promise<CID> {
      await sink.put(cid, bytes)
      return cid
    },
  }
  // The importer changes the options it is given: a fresh literal for every call.
  const options = (): ImporterOptions => ({
    profile,
    shardSplitStrategy: parameters.shardSplitStrategy,
    fileImportConcurrency: 1,
    blockWriteConcurrency: 1,
    chunker: passThrough,
    bufferImporter: leavesOf(parameters),
    layout: leanLayout(parameters.maxLinks),
  })

  return {
    async file(chunks) {
      const rest = passThrough(chunks)
      const first = await rest.next()
      const second = await rest.next()
      // A file of one leaf is that leaf: the importer would come to the same block, ten times slower.
      if (first.value && second.done) return linked(await leafOf(first.value, store, parameters))
      const content = replayed(first, second, rest)
      return linked(await lastOf(importer([{ path: '', content }], store, options())))
    },
    symlink: async (link) => linked(await lastOf(importer([{ path: '', link }], store, options()))),
    async directory(children) {
      const dagBuilder: ImporterOptions['dagBuilder'] = async function* () {
        for (const [path, { cid, dagBytes }] of children) yield async () => ({ cid, path, size: BigInt(dagBytes) })
      }
      return linked(await lastOf(importer([], store, { ...options(), wrapWithDirectory: true, dagBuilder })))
    },
  }
}

const linked = ({ cid, size }: ImportResult): Linked => ({ cid, dagBytes: Number(size) })

async function lastOf(results: AsyncIterable<ImportResult>): Promise<ImportResult> {
  let last: ImportResult | undefined
  for await (const result of results) last = result
  if (last) return last
  throw new FormatError('unsupported', 'the UnixFS importer gave no result for an entry; check its version')
}

/** Chunks come cut; the importer wants one even of an empty file. */
async function* passThrough(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let any = false
  for await (const chunk of source) {
    if (chunk.byteLength === 0) continue
    any = true
    yield chunk
  }
  if (!any) yield new Uint8Array(0)
}

async function* replayed(
  first: IteratorResult<Uint8Array>,
  second: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (!first.done) yield first.value
    if (!second.done) yield second.value
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}

function leavesOf(parameters: ProfileParameters): BufferImporter {
  return async function* (file, store) {
    for await (const chunk of file.content) yield () => leafOf(chunk, store, parameters)
  }
}

async function leafOf(
  chunk: Uint8Array,
  store: WritableStorage,
  { rawLeaves, cidVersion }: ProfileParameters,
): Promise<BufferImporterResult> {
  if (rawLeaves) {
    const cid = addressOf(chunk, RAW)
    const size = BigInt(chunk.byteLength)
    await store.put(cid, chunk)
    return { cid, size, block: chunk }
  }
  const block = encode({ Data: new UnixFS({ type: 'file', data: chunk }).marshal(), Links: [] })
  const size = BigInt(block.byteLength)
  // Told as a node with one child of that size, so that the reducer counts it without keeping the chunk.
  const unixfs = new UnixFS({ type: 'file', blockSizes: [BigInt(chunk.byteLength)] })
  recycle(chunk)
  const cid = withVersion(addressOf(block, DAG_PB_CODE), cidVersion)
  await store.put(cid, block)
  return { cid, size, block, unixfs }
}

const withVersion = (cid: CID, version: 0 | 1): CID => (version === 0 ? CID.create(0, DAG_PB_CODE, cid.multihash) : cid)

/** Of an inner node its parent needs the CID and two sizes; the importer would keep the whole block and every child's size. */
function leanLayout(maxLinks: number): FileLayout {
  const layout = balanced({ maxChildrenPerNode: maxLinks })
  return (leaves, reduce) =>
    layout(leaves, async (group) => {
      const { cid, path, size, unixfs } = await reduce(group)
      const sized = unixfs && new UnixFS({ type: 'file', blockSizes: [unixfs.fileSize()] })
      return { cid, size, ...(path === undefined ? {} : { path }), ...(sized ? { unixfs: sized } : {}) }
    })
}
