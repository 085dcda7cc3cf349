/** All sources of a node as one, and the errors of none of them. */
import type { CID } from 'multiformats/cid'
import { CID as CIDs } from 'multiformats/cid'
import type { AbortOptions } from '../../../contracts.ts'
import { isBlockOf, MAX_BLOCK_BYTES } from './block-id.ts'
import type { BlockSource } from './source.ts'

const DAG_PB = 0x70
const SHA2_256 = 0x12

export interface Sources {
  /** Resolves false for what no source has, and for what none of them can answer now. */
  has(cid: CID, options?: AbortOptions): Promise<boolean>
  /** Bytes that hash to the CID and are small enough to be exchanged, or undefined. */
  block(cid: CID, options?: AbortOptions): Promise<Uint8Array | undefined>
  add(source: BlockSource): () => void
}

/** The first source that has a block serves it; one that fails or lies is passed over, and the next one asked. */
export function sourcesOf(first: readonly BlockSource[]): Sources {
  const all = new Set(first)

  async function* holding(cid: CID, options: AbortOptions): AsyncGenerator<{ readonly source: BlockSource; readonly name: CID }> {
    for (const source of all) {
      for (const name of namesOf(cid)) {
        options.signal?.throwIfAborted()
        if (await source.has(name, options).catch(() => false)) yield { source, name }
      }
    }
  }

  return {
    async has(cid, options = {}) {
      for await (const _ of holding(cid, options)) return true
      return false
    },
    async block(cid, options = {}) {
      for await (const { source, name } of holding(cid, options)) {
        const bytes = await source.block(name, options).catch(() => undefined)
        if (bytes && bytes.byteLength <= MAX_BLOCK_BYTES && isBlockOf(cid, bytes)) return bytes
      }
      return undefined
    },
    add(source) {
      // Served twice, it is stopped twice.
      const own: BlockSource = { has: source.has, block: source.block }
      all.add(own)
      return () => void all.delete(own)
    },
  }
}

/** A dag-pb block goes by a CID of version 0 and one of version 1; peers may ask for either. */
function namesOf(cid: CID): readonly CID[] {
  if (cid.code !== DAG_PB || cid.multihash.code !== SHA2_256) return [cid]
  return [cid, cid.version === 0 ? cid.toV1() : CIDs.createV0(cid.multihash as Parameters<typeof CIDs.createV0>[0])]
}
