/** Blocks that several steps of one read need are asked for once. */
import type { CID } from 'multiformats/cid'
import type { GetBlock } from '../format/unixfs-export.ts'

/** More than the levels of any file. */
const KEPT = 8

/** Remembers the last few blocks that `keeps` accepts; lives as long as one read. */
export function remembered(blocks: GetBlock, keeps: (cid: CID) => boolean): GetBlock {
  const known = new Map<string, Promise<Uint8Array>>()
  return (cid, options) => {
    if (!keeps(cid)) return blocks(cid, options)
    const key = cid.toString()
    const found = known.get(key) ?? blocks(cid, options)
    known.delete(key)
    known.set(key, found)
    found.catch(() => known.delete(key))
    for (const old of known.keys()) if (known.size > KEPT) known.delete(old)
    return found
  }
}
