/** What an import lacks, from gateways: one CAR where there is one, and block by block what it left out. What the archive holds is not asked for. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, BlockPlace } from '../contracts.ts'
import { ArchiveError, FormatError, VaultError } from '../errors.ts'
import { inlined, RAW } from '../format/address.ts'
import { linksOf } from '../format/dag-links.ts'
import { assertCodec, type GetBlock } from '../format/unixfs-node.ts'
import type { TrustlessGateway } from '../vaults/ipfs/gateway/client.ts'
import { raceGateways } from '../vaults/ipfs/gateway/race.ts'
import type { BlockStore } from './block-store.ts'
import { type Context, eachOf } from './context.ts'
import { gatewayBlocks } from './gateway-car.ts'
import { blocksOf } from './get.ts'

const ASKED_AT_ONCE = 8

export interface FetchOptions extends AbortOptions {
  /** At least one. */
  readonly gateways: readonly TrustlessGateway[]
  readonly store: BlockStore
  readonly onFetched: (cid: CID, byteLength: number) => void
}

export interface Fetcher {
  /** One block, wherever it is; kept in the store. */
  readonly get: GetBlock
  /** Afterwards every block under the root is in the store, except raw ones that the archive holds. Throws VaultError and FormatError. */
  all(root: CID): Promise<void>
}

export function fetcher(context: Context, options: FetchOptions): Fetcher {
  const { gateways, store, onFetched, signal } = options
  const held = blocksOf(context, { visibility: 'public' })
  let race = raceGateways(gateways, { clock: context.clock })

  const keep = async (cid: CID, bytes: Uint8Array) => {
    onFetched(cid, bytes.byteLength)
    if (cid.code !== RAW || !(await placeOf(context, cid))) await store.add(cid, bytes)
  }

  /** Bytes of what may have links; nothing of a raw block that is at hand. */
  const obtain = async (cid: CID, wanted: boolean): Promise<Uint8Array | undefined> => {
    const own = inlined(cid)
    if (own) return own
    if (store.has(cid)) return wanted ? store.read(cid) : undefined
    if (await placeOf(context, cid)) {
      if (!wanted) return undefined
      const bytes = await fromArchive(cid)
      if (bytes) {
        await store.add(cid, bytes)
        return bytes
      }
    }
    const bytes = await race.block(cid, { signal })
    onFetched(cid, bytes.byteLength)
    await store.add(cid, bytes)
    return bytes
  }

  /** Nothing where no replica gives it now. */
  const fromArchive = async (cid: CID): Promise<Uint8Array | undefined> => {
    try {
      return await held(cid, { signal })
    } catch (error) {
      if (error instanceof ArchiveError && error.code === 'unavailable') return undefined
      throw error
    }
  }

  const linked = async (cid: CID): Promise<readonly CID[]> => {
    assertCodec(cid)
    const bytes = await obtain(cid, cid.code !== RAW)
    return bytes ? linksOf(cid, bytes) : []
  }

  return {
    get: async (cid) => (await obtain(cid, true)) ?? new Uint8Array(0),
    async all(root) {
      // Whoever holds a block holds what lies under it.
      if (!(await placeOf(context, root))) {
        const honest = await fromCars(root, gateways, { keep, signal })
        race = raceGateways(honest, { clock: context.clock })
      }
      const seen = new Set([root.toString()])
      const stack = [root]
      while (stack.length > 0) {
        signal?.throwIfAborted()
        const batch = stack.splice(-ASKED_AT_ONCE).reverse()
        for (const links of (await eachOf(batch, ASKED_AT_ONCE, linked)).reverse()) {
          for (const link of [...links].reverse()) {
            const key = link.toString()
            if (seen.has(key)) continue
            seen.add(key)
            stack.push(link)
          }
        }
      }
    },
  }
}

/** Where the archive has a public block that can be had of it. */
export async function placeOf({ catalog }: Context, cid: CID): Promise<BlockPlace | undefined> {
  const found = await catalog.findBlocks([cid], { visibility: 'public', reusable: true })
  return found.get(cid.toString())?.[0]
}

interface CarOptions extends AbortOptions {
  readonly keep: (cid: CID, bytes: Uint8Array) => Promise<void>
}

/** As much as CARs give. Resolves to the gateways that sent nothing wrong; throws the first wrong answer where there is none. */
async function fromCars(
  root: CID,
  gateways: readonly TrustlessGateway[],
  { keep, signal }: CarOptions,
): Promise<readonly TrustlessGateway[]> {
  const liars = new Map<TrustlessGateway, VaultError>()
  for (const gateway of gateways) {
    let given = 0
    try {
      for await (const { cid, bytes } of gatewayBlocks(gateway, root, { signal })) {
        given++
        await keep(cid, bytes)
      }
      break
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      if (lied(error)) liars.set(gateway, error)
      else if (given > 0) break
    }
  }
  const honest = gateways.filter((gateway) => !liars.has(gateway))
  const [first] = liars.values()
  if (honest.length === 0 && first) throw first
  return honest
}

/** Other blocks than were asked for; a CAR that only breaks off is no lie. */
const lied = ({ code, cause }: VaultError): boolean => code === 'damaged' && !(cause instanceof FormatError)
