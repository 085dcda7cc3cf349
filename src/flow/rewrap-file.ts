/** One sealed file under new headers: with the same file key, when the payload stays where it is, or sealed anew. */
import type { CID } from 'multiformats/cid'
import type { BufferPool } from '../bytes/pool.ts'
import type { AbortOptions, BlockPlace, Extent } from '../contracts.ts'
import { addressOf, RAW } from '../format/address.ts'
import { rewrap } from '../format/rewrap.ts'
import { sealFile } from '../format/seal.ts'
import { type GetBlock, type LeafLink, leafLinks } from '../format/unixfs-export.ts'
import type { Context } from './context.ts'
import type { HeadersApart } from './headers-apart.ts'
import type { PackBuilder } from './pack-builder.ts'
import { inOwnWords, readSealed } from './sealed-read.ts'
import { type Sealing, sealedProfile } from './sealing.ts'

/** Leaves that are looked up together. */
const WINDOW = 256

export interface Rewrapping extends AbortOptions {
  readonly context: Context
  /** Blocks of the old object. */
  readonly blocks: GetBlock
  /** The object they belong to, for errors. */
  readonly root: CID
  readonly builder: PackBuilder
  /** For erasable content. */
  readonly apart: HeadersApart | undefined
  readonly sealing: Pick<Sealing, 'recipients' | 'random' | 'erasable'>
  readonly pool: BufferPool
}

/** A file in the DAG. */
export interface Rewrapped {
  readonly cid: CID
  readonly dagBytes: number
  /** Of the age file. */
  readonly byteLength: number
  readonly storedAnew: boolean
  /** The block of the old header. */
  readonly header: CID
}

/** Puts a new header, notes the payload leaves that are stored already, and puts the nodes above. A file of one leaf is stored anew. */
export async function rewrapFile(cid: CID, run: Rewrapping): Promise<Rewrapped> {
  const { context, blocks, root, builder, sealing, signal } = run
  const links = leafLinks(cid, blocks, { signal })
  const first = (await links.next()).value ?? { cid, byteLength: undefined }
  const leaf = await blocks(first.cid, { signal })
  const fresh = await rewrap(leaf, { ...sealing, identities: context.identities }).catch((error: unknown) => {
    throw inOwnWords(error, { context, root })
  })
  async function* leaves() {
    for (const [index, bytes] of fresh.entries()) {
      const { byteLength } = bytes
      const address = addressOf(bytes, RAW)
      await (index === 0 && sealing.erasable ? builder.putHeader(address, bytes) : builder.put(address, bytes))
      yield { cid: address, byteLength, dagBytes: byteLength }
    }
    for await (const { cid: kept, byteLength = 0 } of noted(links, run)) yield { cid: kept, byteLength, dagBytes: byteLength }
  }
  const { blockBuilder } = await import('../format/unixfs-blocks.ts')
  const made = await blockBuilder(builder, sealedProfile).over(leaves())
  return { ...made, storedAnew: cid.code === RAW, header: first.cid }
}

/** The same content under a new file key. */
export async function resealFile(cid: CID, run: Rewrapping): Promise<Rewrapped> {
  const { context, blocks, root, builder, apart, sealing, pool, signal } = run
  const first = (await leafLinks(cid, blocks, { signal }).next()).value ?? { cid }
  // Its padding is content like any other here, so that sizes stay what the index says.
  const content = readSealed({ cid }, { context, blocks, root, signal })
  const { recipients, random, erasable } = sealing
  const leaves = sealFile(content, { recipients, random, erasable, pool, signal })
  const { blockBuilder } = await import('../format/unixfs-blocks.ts')
  const made = await blockBuilder(apart?.sink ?? builder, sealedProfile).file(apart ? apart.noted(leaves) : leaves)
  return { ...made, storedAnew: true, header: first.cid }
}

/** Leaves that can be relied on where they lie are the new object's, too; the others are read and put. */
async function* noted(links: AsyncIterable<LeafLink>, run: Rewrapping): AsyncGenerator<LeafLink> {
  let window: LeafLink[] = []
  for await (const link of links) {
    window.push(link)
    if (window.length < WINDOW) continue
    await noteAll(window, run)
    yield* window
    window = []
  }
  await noteAll(window, run)
  yield* window
}

async function noteAll(window: readonly LeafLink[], { context, blocks, builder, signal }: Rewrapping): Promise<void> {
  const cids = window.map(({ cid }) => cid)
  const places = await context.catalog.findBlocks(cids, { visibility: 'sealed', reusable: true })
  let extents: Extent[] = []
  let byteLength = 0
  const flush = async () => {
    const [first] = cids
    if (first && extents.length > 0) await builder.reuse({ root: first, dagBytes: byteLength, byteLength, extents })
    extents = []
    byteLength = 0
  }
  for (const { cid, byteLength: length = 0 } of window) {
    const place = near(places.get(cid.toString()) ?? [], extents.at(-1))
    if (place) {
      extents = joined(extents, place)
      byteLength += length
      continue
    }
    await flush()
    await builder.put(cid, await blocks(cid, { signal }))
  }
  await flush()
}

/** The place that goes on where the last extent ends, else the first. */
function near(places: readonly BlockPlace[], last: Extent | undefined): BlockPlace | undefined {
  return places.find(({ pack, ordinal }) => last && pack === last.pack && ordinal === last.first + last.count) ?? places[0]
}

function joined(extents: Extent[], { pack, ordinal }: BlockPlace): Extent[] {
  const last = extents.at(-1)
  if (last && last.pack === pack && last.first + last.count === ordinal) {
    extents[extents.length - 1] = { ...last, count: last.count + 1 }
    return extents
  }
  extents.push({ start: last ? last.start + last.count : 0, pack, first: ordinal, count: 1 })
  return extents
}
