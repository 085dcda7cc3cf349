/** Which packs can go to vaults that keep DAGs, and which of their pins may go again. */
import type { AbortOptions, PackId, PackRow, ReplicaRow } from '../contracts.ts'
import type { Context } from './context.ts'
import { keepsDags } from './dag-turns.ts'

const PAGE = 1_000

/** Why a pack has no DAG to bring there, by pack; packs that have one are left out. Asks nothing when no vault keeps DAGs. */
export async function dagless(context: Context, packs: readonly PackRow[]): Promise<ReadonlyMap<PackId, string>> {
  const reasons = new Map<PackId, string>()
  if (![...context.vaults.values()].some(keepsDags)) return reasons
  const byRoot = Map.groupBy(
    packs.filter(({ kind }) => kind === 'content'),
    ({ root, visibility }) => `${visibility} ${root}`,
  )
  for (const same of byRoot.values()) {
    const [first] = same
    const reason = first && (await whyNone(context, first))
    if (reason !== undefined) for (const { id } of same) reasons.set(id, reason)
  }
  return reasons
}

async function whyNone(context: Context, { root, visibility }: PackRow): Promise<string | undefined> {
  const { catalog } = context
  if ((await catalog.object(root))?.erasable) return 'it keeps whole DAGs, and the headers of this one must stay deletable'
  for await (const page of packsOfRoot(context, root, {}))
    if (page.some(({ erasable }) => erasable)) return 'it keeps whole DAGs, and the headers of this one must stay deletable'
  const places = (await catalog.findBlocks([root], { visibility })).get(root.toString())
  return places ? undefined : 'it keeps whole DAGs, and the top of this one went with an object that was removed'
}

/** Vaults that keep DAGs and do not hold the pack, with the reason why it does not come there. */
export function unfit(context: Context, held: ReadonlySet<string>, reason: string | undefined): ReadonlyMap<string, string> {
  if (reason === undefined) return new Map()
  return new Map([...context.vaults].flatMap(([id, vault]) => (keepsDags(vault) && !held.has(id) ? [[id, reason] as const] : [])))
}

/** What else hangs on the pin that a replica is. */
export async function pinSharers(
  context: Context,
  pack: PackRow,
  replica: Pick<ReplicaRow, 'vault' | 'locator'>,
  options: AbortOptions,
): Promise<'none' | 'garbage' | 'in-use'> {
  const vault = context.vaults.get(replica.vault)
  if (!vault || !keepsDags(vault) || pack.kind !== 'content') return 'none'
  let sharers: 'none' | 'garbage' = 'none'
  for await (const page of packsOfRoot(context, pack.root, options)) {
    const others = page.filter(({ id }) => id !== pack.id).map(({ id }) => id)
    for (const other of await context.catalog.replicasOf(others)) {
      if (other.vault !== replica.vault || other.locator !== replica.locator) continue
      if ((await context.catalog.objectsIn(other.pack, { limit: 1 })).length > 0) return 'in-use'
      sharers = 'garbage'
    }
  }
  return sharers
}

async function* packsOfRoot(context: Context, root: PackRow['root'], { signal }: AbortOptions): AsyncGenerator<readonly PackRow[]> {
  for (let after: PackId = 0; ; ) {
    signal?.throwIfAborted()
    const page = await context.catalog.packsUnder(root, { after, limit: PAGE })
    yield page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.id
  }
}
