/** A DAG from a trustless gateway in one stream, of which nothing is believed: every block is hashed, and taken only when a block before it links to it. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts.ts'
import { FormatError, VaultError } from '../errors.ts'
import { inlined, matches } from '../format/address.ts'
import { type CarBlock, readCar } from '../format/car-read.ts'
import { linksOf } from '../format/dag-links.ts'
import type { TrustlessGateway } from '../vaults/ipfs/gateway/client.ts'

const MAX_BLOCK_BYTES = 2 * 1024 * 1024
/** Repetitions that are passed over beyond one for each block: a gateway may not know `dups=n`, but it may not go on for ever. */
const SPARE_REPEATS = 1_024

export interface GatewayBlock {
  /** As the DAG links to it. */
  readonly cid: CID
  readonly bytes: Uint8Array
}

export interface GatewayCarOptions extends AbortOptions {
  /** Larger blocks are refused; default 2 MiB. */
  readonly maxBlockBytes?: number | undefined
}

/**
 * Every block under the root once, parents first (under a root that carries itself: once for each of its links); raw and dag-pb are followed, identity CIDs are read by themselves and not given. What was given before an
 * error is good. Throws VaultError in the name of the gateway's host: as its `block` does, and `damaged` for another root, other bytes, a block that nothing
 * links to and what is no CARv1; `unreachable` for a CAR that ends before the DAG does; `unsupported` for larger blocks, for codecs
 * that cannot be followed and for hash functions that cannot be checked.
 */
export async function* gatewayBlocks(
  gateway: Pick<TrustlessGateway, 'url' | 'carBytes'>,
  root: CID,
  { signal, maxBlockBytes = MAX_BLOCK_BYTES }: GatewayCarOptions = {},
): AsyncGenerator<GatewayBlock> {
  const own = inlined(root)
  if (own) {
    for (const link of linksOf(root, own)) yield* gatewayBlocks(gateway, link, { signal, maxBlockBytes })
    return
  }
  const { host } = new URL(gateway.url)
  const stop = new AbortController()
  const chunks = gateway.carBytes(root, { signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal })[Symbol.asyncIterator]()
  try {
    const car = await readCar({ [Symbol.asyncIterator]: () => chunks }, { maxBlockBytes })
    if (keyOf(car.root) !== keyOf(root)) throw new VaultError('damaged', host, `asked for ${root} it gave the CAR of ${car.root}`)
    const wants = wantsOf(host, root)
    for await (const block of car.blocks) {
      if (block.bytes.byteLength > maxBlockBytes)
        throw new FormatError('limit', `${block.cid} has ${block.bytes.byteLength} bytes, ${maxBlockBytes} are taken`)
      const taken = wants.take(block)
      if (taken) yield taken
    }
    wants.assertNone()
  } catch (error) {
    throw error instanceof FormatError ? told(host, root, error) : error
  } finally {
    stop.abort(new DOMException('nobody reads on', 'AbortError'))
    await chunks.return?.()
  }
}

/** What the DAG calls for, as far as it is known. */
function wantsOf(host: string, root: CID) {
  const wanted = new Map<string, CID>()
  const seen = new Set<string>()
  let repeats = 0
  const want = (cid: CID) => {
    const own = inlined(cid)
    if (own) {
      for (const link of linksOf(cid, own)) want(link)
      return
    }
    const key = keyOf(cid)
    if (!seen.has(key)) wanted.set(key, cid)
  }
  want(root)
  return {
    /** The block, if it was wanted; undefined for one that was given before or carries itself in its CID. */
    take({ cid: named, bytes, intact }: CarBlock): GatewayBlock | undefined {
      const key = keyOf(named)
      const cid = wanted.get(key)
      if (!cid && !seen.has(key) && !inlined(named))
        throw new VaultError('damaged', host, `in the CAR of ${root} it sent ${named}, which nothing before it links to`)
      // A hash function that is not known is no fault of the gateway: asked again, it throws `unsupported`.
      if (!intact && !matches(named, bytes)) throw wrongBytes(host, root, named)
      if (!cid) {
        if (++repeats > seen.size + SPARE_REPEATS) throw new VaultError('damaged', host, `the CAR of ${root} repeats its blocks`)
        return undefined
      }
      wanted.delete(key)
      seen.add(key)
      for (const link of linksOf(cid, bytes)) want(link)
      return { cid, bytes }
    },
    assertNone() {
      const [first] = wanted.values()
      if (!first) return
      const missing = `the CAR of ${root} ended without ${first}${wanted.size > 1 ? ` and ${wanted.size - 1} more` : ''}`
      throw new VaultError('unreachable', host, `${missing}; ask for the blocks one by one, or another gateway`)
    },
  }
}

/** CIDs of both versions are one block; of two codecs they are two, since they link to different things. */
const keyOf = (cid: CID) => `${cid.code}/${Buffer.from(cid.multihash.bytes).toString('latin1')}`

function wrongBytes(host: string, root: CID, cid: CID): VaultError {
  return new VaultError('damaged', host, `in the CAR of ${root} the bytes of ${cid} do not hash to it; ask another gateway`)
}

function told(host: string, root: CID, cause: FormatError): VaultError {
  const unsupported = cause.code === 'unsupported' || cause.code === 'limit'
  return new VaultError(unsupported ? 'unsupported' : 'damaged', host, `what it gave for ${root} is not taken: ${cause.message}`, { cause })
}
