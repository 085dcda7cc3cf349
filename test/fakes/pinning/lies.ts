/** The ways in which a pinning service is not what it says. Each is given to `service.lie`, and holds from then on. */
import type { ServerResponse } from 'node:http'
import type { CID } from 'multiformats/cid'
import { RAW } from '../../../src/format/address.ts'
import { type Blocks, type Get, keyOf } from './blocks.ts'

export interface Lie {
  /** Stands in for getting the whole DAG; resolves to the keys of what there is. */
  readonly pull?: (root: CID, get: Get) => Promise<string[]>
  /** Called with what was got for a pin, before it is called pinned. */
  readonly settle?: (blocks: Blocks, keys: readonly string[]) => void
  /** Pins stay in the queue. */
  readonly stalls?: boolean
  /** A pin is gone once it was called pinned; its blocks stay. */
  readonly forgetsPins?: boolean
  /** Answers in place of the gateway for a block that is there. */
  readonly gateway?: (response: ServerResponse, bytes: Uint8Array) => void
}

const PAGE = '<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Just a moment…</h1></body></html>'

/** Says pinned and never asked for a block. */
export const neverFetches = (): Lie => ({ pull: async () => [] })

/** Gets the root, and nothing below it. */
export const fetchesRootOnly = (): Lie => ({
  async pull(root, get) {
    await get(root)
    return [keyOf(root)]
  },
})

/** Loses that many blocks below the root, the same ones each time. */
export const losesBlocks = (count: number): Lie => ({ settle: (blocks, keys) => lose(blocks, keys, count) })

/** Loses a share of all blocks, and one at least. */
export const losesShare = (share: number): Lie => ({
  settle: (blocks, keys) => lose(blocks, keys, Math.max(1, Math.round(keys.length * share))),
})

/** Flips a bit of one leaf. */
export const corruptsLeaf = (): Lie => ({
  settle(blocks, keys) {
    const leaf = scattered(keys.slice(1)).find((key) => blocks.get(key)?.cid.code === RAW)
    const kept = leaf === undefined ? undefined : blocks.get(leaf)
    if (leaf === undefined || !kept) return
    const bytes = new Uint8Array(kept.bytes)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    blocks.set(leaf, { cid: kept.cid, bytes })
  },
})

/** Drops the pin, while its gateway still has the blocks. */
export const unpinsButCaches = (): Lie => ({ forgetsPins: true })

export const queuesForEver = (): Lie => ({ stalls: true })

/** The gateway answers 200 with a page. */
export const gatewaySendsHtml = (): Lie => ({
  gateway: (response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE),
})

/** The gateway sends half of a block, and then nothing more. */
export const gatewayHangs = (): Lie => ({
  gateway(response, bytes) {
    response.writeHead(200, { 'content-type': 'application/vnd.ipld.raw', 'content-length': bytes.byteLength })
    response.write(bytes.subarray(0, bytes.byteLength >> 1))
  },
})

function lose(blocks: Blocks, keys: readonly string[], count: number): void {
  for (const key of scattered(keys.slice(1)).slice(0, count)) blocks.delete(key)
}

/** In the order of their hashes, which has nothing to do with where they are in the DAG. */
const scattered = (keys: readonly string[]): readonly string[] => [...keys].sort()
