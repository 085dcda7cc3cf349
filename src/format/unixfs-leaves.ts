/** Chunks become the leaves of a file, in order, while the ones that follow are already being hashed on other threads. */
import { encode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { recycle } from '../bytes/pool.ts'
import { addressAhead, addressOf, DAG_PB, RAW } from './address.ts'
import type { ProfileParameters } from './profiles.ts'

/** Chunks that are hashed while the one before them is stored. */
export const HASHED_AHEAD = 2

export interface Leaf {
  readonly cid: CID
  readonly block: Uint8Array
  /** How many bytes of the file it holds. */
  readonly byteLength: number
}

/** One leaf for each chunk that is not empty, and one empty leaf when there is none. The chunks are the function's. */
export async function* leavesOf(chunks: AsyncIterable<Uint8Array>, parameters: ProfileParameters): AsyncGenerator<Leaf> {
  if (parameters.rawLeaves) {
    yield* rawLeaves(chunks)
    return
  }
  for await (const chunk of filled(chunks)) yield nodeLeaf(chunk, parameters)
}

async function* rawLeaves(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Leaf> {
  const ahead: { readonly block: Uint8Array; readonly hashing: Promise<CID> }[] = []
  const take = async (): Promise<Leaf | undefined> => {
    const oldest = ahead[0]
    if (!oldest) return undefined
    const { block, hashing } = oldest
    const cid = await hashing
    ahead.shift()
    return { cid, block, byteLength: block.byteLength }
  }
  try {
    for await (const block of filled(chunks)) {
      ahead.push({ block, hashing: addressAhead(block, RAW) })
      const leaf = ahead.length > HASHED_AHEAD ? await take() : undefined
      if (leaf) yield leaf
    }
    for (let leaf = await take(); leaf; leaf = await take()) yield leaf
  } finally {
    // Left early: the buffers may be used again only when nobody reads them.
    await Promise.allSettled(ahead.map(({ hashing }) => hashing))
    for (const { block } of ahead) recycle(block)
  }
}

function nodeLeaf(chunk: Uint8Array, { cidVersion }: ProfileParameters): Leaf {
  const { byteLength } = chunk
  const block = encode({ Data: new UnixFS({ type: 'file', data: chunk }).marshal(), Links: [] })
  // Its bytes were copied into the node.
  recycle(chunk)
  return { cid: nodeAddress(block, cidVersion), block, byteLength }
}

/** The address of a dag-pb node under a profile. */
export function nodeAddress(block: Uint8Array, cidVersion: ProfileParameters['cidVersion']): CID {
  const cid = addressOf(block, DAG_PB)
  return cidVersion === 0 ? CID.create(0, DAG_PB, cid.multihash) : cid
}

async function* filled(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let any = false
  for await (const chunk of chunks) {
    if (chunk.byteLength === 0) continue
    any = true
    yield chunk
  }
  if (!any) yield new Uint8Array(0)
}
