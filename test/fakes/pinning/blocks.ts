/** The blocks that a fake pinning service keeps, and how it gets them. */
import type { CID } from 'multiformats/cid'
import { inlined } from '../../../src/format/address.ts'
import { linksOf } from '../../../src/format/dag-links.ts'
import type { BlockSource } from '../../../src/ipfs.ts'

export interface Kept {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** By `keyOf`. */
export type Blocks = Map<string, Kept>

const AT_ONCE = 8

/** One name for both versions of a CID. */
export const keyOf = (cid: CID): string => cid.toV1().toString()

/** Resolves to the block, kept from then on. */
export type Get = (cid: CID) => Promise<Uint8Array>

/** Everything below a root and the root; resolves to their keys, the root first. */
export async function getDag(root: CID, get: Get): Promise<string[]> {
  const keys = new Set([keyOf(root)])
  let level: readonly CID[] = [root]
  while (level.length > 0) {
    const next: CID[] = []
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const some = level.slice(at, at + AT_ONCE)
      for (const links of await Promise.all(some.map(async (cid) => linksOf(cid, await get(cid)))))
        for (const link of links) {
          if (keys.has(keyOf(link)) || inlined(link)) continue
          keys.add(keyOf(link))
          next.push(link)
        }
    }
    level = next
  }
  return [...keys]
}

/** What is kept, for peers. */
export const sourceOf = (blocks: Blocks): BlockSource => ({
  has: async (cid) => blocks.has(keyOf(cid)),
  block: async (cid) => blocks.get(keyOf(cid))?.bytes,
})
