/** Blocks that anybody may have: those of public objects, by whichever CID of theirs they are asked for. */
import { CID } from 'multiformats/cid'
import type { AbortOptions, PackId } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { DAG_PB, inlined, RAW } from '../format/address.ts'
import type { GetBlock } from '../format/unixfs-export.ts'
import { type BlockReader, blockReader } from './block-reader.ts'
import type { Context } from './context.ts'

/** What a reader has learned of packs and replicas is believed this long, in milliseconds. */
const BELIEVED_MS = 30_000
/** A younger reader is not doubted. */
const DOUBTED_MS = 1_000
const SHA2_256 = 0x12

export interface PublicBlocks {
  /** The CID that the block is stored by; undefined for one that is sealed, that nothing in the archive uses, or that is not there. */
  held(cid: CID): Promise<CID | undefined>
  readonly get: GetBlock
  reader(): BlockReader
}

export function publicBlocks(context: Context): PublicBlocks {
  let known: { readonly reader: BlockReader; readonly since: number } | undefined

  const learned = () => {
    const age = known ? context.clock() - known.since : Number.POSITIVE_INFINITY
    if (!known || age > BELIEVED_MS || age < 0) known = { reader: blockReader(context, { visibility: 'public' }), since: context.clock() }
    return known
  }

  /** Once more by what is known now: packs go, and come to other vaults. */
  const again = (cid: CID, options: AbortOptions | undefined, before: ReturnType<typeof learned>, error: unknown) => {
    const isOld = context.clock() - before.since > DOUBTED_MS
    if (!isOld || !(error instanceof ArchiveError) || (error.code !== 'unavailable' && error.code !== 'conflict')) throw error
    if (known === before) known = undefined
    return learned().reader.get(cid, options)
  }

  return {
    held: (cid) => heldBy(context, cid),
    reader: () => learned().reader,
    async get(cid, options) {
      const now = learned()
      return now.reader.get(cid, options).catch((error: unknown) => again(cid, options, now, error))
    },
  }
}

async function heldBy({ catalog }: Context, cid: CID): Promise<CID | undefined> {
  if (inlined(cid)) return cid
  const names = namesOf(cid)
  const places = await catalog.findBlocks(names, { visibility: 'public' })
  const used = new Map<PackId, boolean>()
  for (const name of names) {
    for (const { pack } of places.get(name.toString()) ?? []) {
      if (!used.has(pack)) used.set(pack, (await catalog.objectsIn(pack, { limit: 1 })).length > 0)
      if (used.get(pack)) return name
    }
  }
  return undefined
}

/** The same bytes have one hash, and a CID for each version and codec that they may be read by. */
function namesOf(cid: CID): readonly CID[] {
  const { multihash } = cid
  const names = [cid, CID.createV1(DAG_PB, multihash), CID.createV1(RAW, multihash)]
  if (multihash.code === SHA2_256 && multihash.digest.byteLength === 32) names.push(CID.create(0, DAG_PB, multihash))
  return [...new Map(names.map((name) => [name.toString(), name])).values()]
}
