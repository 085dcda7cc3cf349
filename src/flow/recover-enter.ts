/** Packs and their replicas on the way into the catalog: gathered into few transactions, and cut where one would grow too large. */
import type { CID } from 'multiformats/cid'
import type { PackId, RecoveredPack } from '../contracts.ts'
import type { Context } from './context.ts'
import type { Tally } from './recover-tally.ts'
import type { PlaceOfPack } from './recover-toc.ts'

const PACKS_AT_ONCE = 64
const BLOCKS_AT_ONCE = 32_768
/** Packs that are remembered; many objects may lie in one. */
const KEPT = 20_000

/** A pack that is in the catalog, or will be after the next flush. */
export interface Entered {
  readonly id: PackId | undefined
  readonly blockCount: number
}

export interface Entering {
  /** Enters a pack with the next flush. */
  pack(pack: RecoveredPack, places: readonly PlaceOfPack[]): Promise<void>
  /** Notes a pack that is in the catalog already. */
  known(name: CID, pack: { readonly id: PackId; readonly blockCount: number }): void
  /** More places of a pack that was entered or noted. */
  places(name: CID, places: readonly PlaceOfPack[]): void
  find(name: CID): Entered | undefined
  flush(): Promise<void>
}

export function entering(context: Pick<Context, 'catalog' | 'clock'>, tally: Tally): Entering {
  let packs: RecoveredPack[] = []
  let blocks = 0
  const entered = new Map<string, Entered>()
  /** Vault and locator, by the pack's name. */
  let held = new Map<string, Map<string, string>>()

  const places = (name: CID, more: readonly PlaceOfPack[]) => {
    if (more.length === 0) return
    const known = held.get(name.toString()) ?? new Map<string, string>()
    for (const { vault, locator } of more) known.set(vault, locator)
    held.set(name.toString(), known)
  }

  const flush = async () => {
    const ids = await context.catalog.restorePacks(packs)
    for (const [index, { name, blocks: own }] of packs.entries()) entered.set(name.toString(), { id: ids[index], blockCount: own.length })
    tally.counts.packs += packs.length
    packs = []
    blocks = 0
    const replicas = [...held].flatMap(([name, at]) => {
      const pack = entered.get(name)?.id
      return pack === undefined ? [] : [...at].map(([vault, locator]) => ({ pack, vault, locator }))
    })
    held = new Map()
    const counts = replicas.length > 0 ? await context.catalog.restoreReplicas(replicas, context.clock()) : {}
    for (const [vault, count] of Object.entries(counts)) tally.replicas[vault] = (tally.replicas[vault] ?? 0) + count
  }

  return {
    async pack(pack, where) {
      packs.push(pack)
      entered.set(pack.name.toString(), { id: undefined, blockCount: pack.blocks.length })
      places(pack.name, where)
      blocks += pack.blocks.length
      if (packs.length >= PACKS_AT_ONCE || blocks >= BLOCKS_AT_ONCE) await flush()
    },
    known(name, { id, blockCount }) {
      // Whoever asks for one that was forgotten finds it in the catalog.
      if (entered.size >= KEPT) for (const [old, { id: gone }] of entered) if (gone !== undefined && !held.has(old)) entered.delete(old)
      entered.set(name.toString(), { id, blockCount })
    },
    places,
    find: (name) => entered.get(name.toString()),
    flush,
  }
}
