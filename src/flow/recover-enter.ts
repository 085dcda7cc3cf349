/** Packs and their replicas on the way into the catalog: gathered into few transactions, and cut where one would grow too large. */
import type { CID } from 'multiformats/cid'
import type { PackId, RecoveredPack } from '../contracts.ts'
import type { Context } from './context.ts'
import type { Tally } from './recover-tally.ts'
import type { PlaceOfPack } from './recover-toc.ts'

const PACKS_AT_ONCE = 64
const BLOCKS_AT_ONCE = 32_768

export interface Entering {
  /** The pack's id is known by `idOf` after the next flush. */
  pack(pack: RecoveredPack, places: readonly PlaceOfPack[]): Promise<void>
  /** Replicas of a pack that is in the catalog. */
  places(id: PackId, places: readonly PlaceOfPack[]): void
  idOf(name: CID): PackId | undefined
  isComing(name: CID): boolean
  flush(): Promise<void>
}

export function entering(context: Pick<Context, 'catalog' | 'clock'>, tally: Tally): Entering {
  let packs: { readonly pack: RecoveredPack; readonly places: readonly PlaceOfPack[] }[] = []
  let blocks = 0
  /** By pack: many objects may lie in one. */
  let held = new Map<PackId, readonly PlaceOfPack[]>()
  const ids = new Map<string, PackId>()
  const coming = new Set<string>()

  const flush = async () => {
    const numbers = await context.catalog.restorePacks(packs.map(({ pack }) => pack))
    for (const [index, { pack, places }] of packs.entries()) {
      const id = numbers[index]
      if (id === undefined) continue
      ids.set(pack.name.toString(), id)
      held.set(id, places)
    }
    const replicas = [...held].flatMap(([pack, places]) => places.map((place) => ({ pack, ...place })))
    const entered = replicas.length > 0 ? await context.catalog.restoreReplicas(replicas, context.clock()) : {}
    for (const [vault, count] of Object.entries(entered)) tally.replicas[vault] = (tally.replicas[vault] ?? 0) + count
    tally.counts.packs += packs.length
    packs = []
    held = new Map()
    blocks = 0
    coming.clear()
  }

  return {
    async pack(pack, places) {
      packs.push({ pack, places })
      coming.add(pack.name.toString())
      blocks += pack.blocks.length
      if (packs.length >= PACKS_AT_ONCE || blocks >= BLOCKS_AT_ONCE) await flush()
    },
    places(id, places) {
      held.set(id, places)
    },
    idOf: (name) => ids.get(name.toString()),
    isComing: (name) => coming.has(name.toString()),
    flush,
  }
}
