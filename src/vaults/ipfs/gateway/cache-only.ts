/** Whether a gateway answers from what it has at hand alone when it is told to (`Cache-Control: only-if-cached`), and with 412 otherwise. */
import { randomBytes } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { AbortOptions } from '../../../contracts.ts'
import type { Connection } from './ask.ts'

const RAW = 0x55
const SHA2_256 = 0x12
/** Who looks further than its own store takes longer, or does not say 412. */
const PATIENCE_MS = 2_000

export interface CacheOptions extends AbortOptions {
  /** Makes the digest that no block has; default `randomBytes`. */
  readonly random?: ((byteLength: number) => Uint8Array) | undefined
}

export async function keepsToCache(
  { origin, headers, fetch }: Connection,
  { signal, random = randomBytes }: CacheOptions = {},
): Promise<boolean> {
  signal?.throwIfAborted()
  const cid = CID.createV1(RAW, create(SHA2_256, random(32)))
  const stop = new AbortController()
  const signals = [AbortSignal.timeout(PATIENCE_MS), stop.signal, ...(signal ? [signal] : [])]
  try {
    const { status } = await fetch(new URL(`/ipfs/${cid}?format=raw`, origin), {
      method: 'GET',
      headers: { ...headers, accept: 'application/vnd.ipld.raw', 'cache-control': 'only-if-cached' },
      redirect: 'manual',
      signal: AbortSignal.any(signals),
    })
    return status === 412
  } catch {
    signal?.throwIfAborted()
    return false
  } finally {
    // Its body is of no use.
    stop.abort()
  }
}
