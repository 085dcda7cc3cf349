/** Files, symlinks and directories become blocks. Directories are sharded by ipfs-unixfs-importer; files are laid out as it does, here, keeping only sizes. */
import { encode, prepare } from '@ipld/dag-pb'
import { type ImporterOptions, type ImportResult, importer } from 'ipfs-unixfs-importer'
import type { CID } from 'multiformats/cid'
import type { KnownContent } from '../contracts/catalog-rows.ts'
import type { Profile } from '../contracts/vault.ts'
import { FormatError } from '../errors.ts'
import { type ProfileParameters, parametersOf } from './profiles.ts'
import { fileData } from './unixfs-data.ts'
import { type Leaf, leavesOf, nodeAddress } from './unixfs-leaves.ts'

/** Takes every block in the order of the format; the bytes are the sink's from then on, which gives them to `recycle` when it is done with them. */
export interface BlockSink {
  put(cid: CID, bytes: Uint8Array): Promise<void>
  /** Takes note of content whose blocks are stored already, as if they had been put now. */
  reuse?(content: KnownContent): Promise<void>
}

/** What a parent needs to link to a DAG. */
export interface Linked {
  readonly cid: CID
  /** Bytes of all blocks below, counted once per link: the link's Tsize. */
  readonly dagBytes: number
}

export interface BlockBuilder {
  /** Every chunk becomes one leaf; an empty stream becomes one empty leaf. A few chunks are taken ahead of the block that is being put. */
  file(chunks: AsyncIterable<Uint8Array>): Promise<Part>
  /** The nodes of a file over leaves that the sink has already, in order. */
  over(leaves: AsyncIterable<Part>): Promise<Part>
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
  })

  return {
    file: (chunks) => nodesOver(stored(leavesOf(chunks, parameters), sink), sink, parameters),
    over: (leaves) => nodesOver(leaves, sink, parameters),
    symlink: async (link) => linked(await lastOf(importer([{ path: '', link }], store, options()))),
    async directory(children) {
      // One level at a time, of finished children: the importer counts children it has not written yet as nothing and so misses to shard.
      const dagBuilder: ImporterOptions['dagBuilder'] = async function* () {
        for (const [path, { cid, dagBytes }] of children) yield async () => ({ cid, path, size: BigInt(dagBytes) })
      }
      return linked(await lastOf(importer([], store, { ...options(), wrapWithDirectory: true, dagBuilder })))
    },
  }
}

/** A leaf or inner node of a file, with how many bytes of the file it holds. */
export interface Part extends Linked {
  readonly byteLength: number
}

async function nodesOver(leaves: AsyncIterable<Part>, sink: BlockSink, parameters: ProfileParameters): Promise<Part> {
  return layOut(leaves, parameters.maxLinks, async (parts) => {
    const links = parts.map(({ cid, dagBytes }) => ({ Name: '', Tsize: dagBytes, Hash: cid }))
    const block = encode(prepare({ Data: fileData(parts.map(({ byteLength }) => byteLength)), Links: links }))
    const dagBytes = links.reduce((sum, { Tsize }) => sum + Tsize, block.byteLength)
    const cid = nodeAddress(block, parameters.cidVersion)
    await sink.put(cid, block)
    return { cid, dagBytes, byteLength: parts.reduce((sum, { byteLength }) => sum + byteLength, 0) }
  })
}

/** The balanced layout of the importer, blocks in its order: a whole level before the next. One leaf alone is the file; a last group of one gets a parent. */
async function layOut(
  parts: AsyncIterable<Part> | Iterable<Part>,
  maxLinks: number,
  parentOf: (parts: readonly Part[]) => Promise<Part>,
): Promise<Part> {
  const above: Part[] = []
  let group: Part[] = []
  for await (const part of parts) {
    group.push(part)
    if (group.length < maxLinks) continue
    above.push(await parentOf(group))
    group = []
  }
  const [only] = group
  if (only && above.length === 0 && group.length === 1) return only
  if (only) above.push(await parentOf(group))
  const [root] = above
  return root && above.length === 1 ? root : layOut(above, maxLinks, parentOf)
}

async function* stored(leaves: AsyncIterable<Leaf>, sink: BlockSink): AsyncGenerator<Part> {
  for await (const { cid, block, byteLength } of leaves) {
    const dagBytes = block.byteLength
    await sink.put(cid, block)
    yield { cid, dagBytes, byteLength }
  }
}

const linked = ({ cid, size }: ImportResult): Linked => ({ cid, dagBytes: Number(size) })

async function lastOf(results: AsyncIterable<ImportResult>): Promise<ImportResult> {
  let last: ImportResult | undefined
  for await (const result of results) last = result
  if (last) return last
  throw new FormatError('unsupported', 'the UnixFS importer gave no result for an entry; check its version')
}
