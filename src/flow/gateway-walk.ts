/** A CAR in depth-first order, parents first: what a client can check and use block by block as it comes. */
import type { CID } from 'multiformats/cid'
import { type DigestSet, digestSet } from '../bytes/digest-set.ts'
import type { AbortOptions } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { inlined } from '../format/address.ts'
import { carHeader } from '../format/pack.ts'
import type { GetBlock } from '../format/unixfs-export.ts'
import { walk } from '../format/unixfs-fetch.ts'
import { section } from './car-section.ts'
import { type Scoped, scopedBelow } from './gateway-scope.ts'

/** Blocks asked for ahead, half of them together: leaves lie side by side, and neighbours travel in one read. */
const AHEAD = 24
const NOTHING = new Uint8Array(0)

export interface WalkedCarOptions extends AbortOptions {
  readonly root: CID
  /** Blocks that lead from the root to the top, which is none of them. */
  readonly way: readonly CID[]
  readonly top: CID
  readonly scoped: Scoped
  readonly dups: boolean
}

/** Identity CIDs are followed and never given. Throws ArchiveError `exhausted` for more blocks than can be told apart; with `dups` nothing is remembered. */
export async function* walkedCar(get: GetBlock, options: WalkedCarOptions): AsyncGenerator<Uint8Array> {
  const { root, way, top, scoped, dups, signal } = options
  const seen = dups ? undefined : digestSet()
  const blocks = walk<Scoped>(unseenOnly(get, seen), { readAhead: AHEAD, signal })
  yield carHeader(root)
  try {
    blocks.push([...way.map((cid) => ({ cid, step: { scope: 'block' } as const })), { cid: top, step: scoped }])
    for (let block = await blocks.next(); block; block = await blocks.next()) {
      const { cid, bytes, step } = block
      if (inlined(cid) === undefined) {
        if (seen && !isNew(seen, cid)) continue
        yield* section(cid, bytes)
      }
      blocks.push(scopedBelow(cid, bytes, step))
    }
  } finally {
    blocks.stop()
  }
}

/** What was given is not read again to be passed over; what is on its way is asked for once. */
function unseenOnly(get: GetBlock, seen: DigestSet | undefined): GetBlock {
  const coming = new Map<string, Promise<Uint8Array>>()
  return (cid, options) => {
    if (seen?.has(cid.multihash.digest, kindOf(cid))) return Promise.resolve(NOTHING)
    const key = cid.toString()
    const known = coming.get(key)
    if (known) return known
    const asked = get(cid, options).finally(() => coming.delete(key))
    coming.set(key, asked)
    return asked
  }
}

function isNew(seen: DigestSet, cid: CID): boolean {
  const { digest } = cid.multihash
  if (seen.full && !seen.has(digest, kindOf(cid)))
    throw new ArchiveError('exhausted', `after ${seen.size} blocks repeated ones are not told apart any more; ask for dups=y`)
  return seen.add(digest, kindOf(cid))
}

/** The same bytes under another codec are another block: they are read otherwise. */
const kindOf = (cid: CID) => cid.code & 0xff
