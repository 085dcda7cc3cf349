/** What leaving a vault would take: walked pack by pack, from the catalog alone. */
import type { EvacuateOptions, EvacuatePlan, Missing, PackRow, ReplicaRow } from '../contracts.ts'
import type { Bill } from '../policy/cost.ts'
import { moneyOf } from '../policy/money.ts'
import type { Context } from './context.ts'
import { homesOf } from './evacuate-homes.ts'
import { readBackBytes } from './probes.ts'
import { billFor, billOf, pricesOf, readingBill } from './spending.ts'

const PAGE = 200
const MOST_ROOTS = 100

export interface PlannedEvacuation {
  readonly plan: EvacuatePlan
  readonly bill: Bill
}

/** Replicas of a vault, page by page. */
export async function* replicaPages(context: Context, vault: string): AsyncGenerator<readonly ReplicaRow[]> {
  for (let after = 0; ; ) {
    const page = await context.catalog.replicasIn(vault, { after, limit: PAGE })
    yield page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.pack
  }
}

/** Packs that are `safe` already are not counted again. */
export async function planEvacuation(context: Context, vault: string, { signal }: EvacuateOptions): Promise<PlannedEvacuation> {
  const sums = { copies: 0, byteLength: 0, standing: 0, unneeded: 0, stuck: 0 }
  const targets = new Map<string, { packs: number; byteLength: number }>()
  const unmet = new Map<string, Missing>()
  const roots = new Set<string>()
  let bill: Bill = billOf([])
  for await (const page of replicaPages(context, vault)) {
    const garbage = await context.catalog.garbageAmong(page.map(({ pack }) => pack))
    for (const { pack: id } of page) {
      signal?.throwIfAborted()
      const pack = await context.catalog.pack(id)
      if (!pack) continue
      if (garbage.has(id)) {
        sums.unneeded++
        continue
      }
      const { chosen, held, unmet: missing } = await homesOf(context, vault, pack)
      for (const one of missing)
        if (one.found < (unmet.get(one.constraint)?.found ?? Number.POSITIVE_INFINITY)) unmet.set(one.constraint, one)
      if (chosen.length === 0) {
        sums.stuck++
        if (roots.size < MOST_ROOTS) for (const root of await rootsIn(context, pack.id)) roots.add(root)
      }
      const add = chosen.filter((target) => !held.has(target))
      if (add.length === 0 && chosen.length > 0) sums.standing++
      for (const target of add) {
        const known = targets.get(target) ?? { packs: 0, byteLength: 0 }
        targets.set(target, { packs: known.packs + 1, byteLength: known.byteLength + pack.byteLength })
        sums.copies++
        sums.byteLength += pack.byteLength
      }
      if (add.length > 0) bill = billOf([bill, await billOfMove(context, vault, pack, { add, held })])
    }
  }
  const { stuck, ...rest } = sums
  const plan: EvacuatePlan = {
    ...rest,
    targets: [...targets].map(([id, sum]) => ({ vault: id, ...sum })),
    unmet: [...unmet.values()],
    stuck: { packs: stuck, roots: [...roots].slice(0, MOST_ROOTS) },
    upFront: moneyOf(bill.once),
    perMonth: moneyOf(bill.monthly),
    unpriced: [...targets.keys()].filter((id) => pricesOf(context, id) === undefined),
  }
  return { plan, bill }
}

/** Sent to each target and read back there, and read once from the cheapest replica. */
export async function billOfMove(
  context: Context,
  leaving: string,
  pack: PackRow,
  { add, held }: { readonly add: readonly string[]; readonly held: ReadonlySet<string> },
): Promise<Bill> {
  const price = (id: string) => pricesOf(context, id)?.egressPerGiB ?? 0
  const [source] = pack.spooled ? [] : [...held, leaving].sort((a, b) => price(a) - price(b))
  return billOf([
    ...(await Promise.all(add.map(async (target) => billFor(context, pack, target, await readBackBytes(context, pack, target))))),
    ...(source === undefined ? [] : [readingBill(context, source, pack.byteLength)]),
  ])
}

/** Objects with blocks in the pack, the first hundred. */
export async function rootsIn({ catalog }: Context, pack: number): Promise<readonly string[]> {
  const ids = await catalog.objectsIn(pack, { limit: MOST_ROOTS })
  const rows = await Promise.all(ids.map((id) => catalog.objectById(id)))
  return rows.flatMap((row) => (row ? [row.root.toString()] : []))
}
