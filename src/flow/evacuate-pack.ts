/** One pack of a leaving vault: brought to where it belongs without that vault, and shown there, before anything is said of it. */
import type { EvacuateOptions, FateRow, PackFate, PackRow, ReplicaRow, Vault } from '../contracts.ts'
import { ArchiveError, VaultError } from '../errors.ts'
import { demandsOf, foundIn } from '../policy/demands.ts'
import { headerPolicy } from '../policy/erasable.ts'
import type { Context } from './context.ts'
import { holdsFloor, homesOf, operatorsOf } from './evacuate-homes.ts'
import { billOfMove } from './evacuate-plan.ts'
import { readBack } from './probes.ts'
import { showed } from './put.ts'
import { type Placement, replicate } from './replicate.ts'
import { allowed, monthly, overLimit } from './spending.ts'

/** So many packs in a row that only the leaving vault could have, and no answer: it is taken for dead in this run. */
const DEAD_AFTER = 3
const MOST_OBJECTS = 16

/** What goes on over the packs of one run. */
export interface Moving {
  readonly vault: string
  /** When the run began. */
  readonly since: number
  silences: number
  copiedBytes: number
}

export type Settled = Pick<FateRow, 'fate' | 'detail'>

/** Brings the pack to its homes, as far as they and its bytes can be had. With `fresh`, each of them must have shown it since the run began. Rejects only for the catalog, a full disk or the caller's signal. */
export async function settlePack(
  context: Context,
  moving: Moving,
  replica: ReplicaRow,
  pack: PackRow,
  { fresh = false, ...options }: EvacuateOptions & { readonly fresh?: boolean },
): Promise<Settled> {
  if (await isUnneeded(context, pack)) return { fate: 'unneeded' }
  const { held } = await homesOf(context, moving.vault, pack)
  if (moving.silences >= DEAD_AFTER && held.size === 0 && !pack.spooled)
    return { fate: 'silent', detail: `only ${moving.vault} could have it, and it has stopped answering; run this again when it does` }
  const found: Findings = { shown: new Set(), failed: new Map(), silent: new Map(), settling: new Map() }
  for (;;) {
    const homes = await homesOf(context, moving.vault, pack, found.failed)
    // Nobody challenges index packs on rotation: what is known of them may be as old as they are.
    const since = fresh || pack.kind === 'index' ? moving.since : Number.NEGATIVE_INFINITY
    const stands = (id: string) => homes.sound.has(id) && (homes.shownAt.get(id) ?? 0) >= since
    const here = homes.chosen.filter((id) => found.shown.has(id) || stands(id))
    const todo = homes.chosen.filter((id) => !here.includes(id) && !found.silent.has(id) && !found.settling.has(id))
    if (todo.length > 0) {
      const placements = await place(context, moving.vault, pack, { todo, held: homes.held }, options)
      const unavailable = sort(context, placements, { found, held: homes.held, moving })
      if (unavailable) return unreadable(context, moving, replica, unavailable)
      moving.silences = 0
    } else if (found.silent.size > 0 && !holdsFloor(context, pack, here)) {
      // Without the silent ones the floor would not hold: their copies are not waited for.
      for (const [id, why] of found.silent) found.failed.set(id, why)
      found.silent.clear()
    } else {
      const settled = await verdictOf(context, moving, pack, { here, found })
      await leaveSpool(context, pack, { safe: settled.fate === 'safe', elsewhere: here.length > 0 })
      return settled
    }
  }
}

/** Within the month's limit: throws `exhausted` where it does not allow this pack, and the rest waits for the next run. */
async function place(
  context: Context,
  leaving: string,
  pack: PackRow,
  { todo, held }: { readonly todo: readonly string[]; readonly held: ReadonlySet<string> },
  options: EvacuateOptions,
): Promise<readonly Placement[]> {
  const add = todo.filter((id) => !held.has(id))
  const permit = await allowed(context, await billOfMove(context, leaving, pack, { add, held }), monthly(context))
  if (permit.refused) throw overLimit(permit.refused, 'What was moved so far is safe; raise the limit, or run this again next month')
  const work = {
    ...options,
    covered: (_: PackRow, vault: string) => add.includes(vault),
    probes: (row: PackRow, vault: Vault) => readBack(context, row, vault),
  }
  return replicate(context, [{ pack, vaults: todo }], work).finally(permit.release)
}

/** What became of the pack in vaults that were tried, with the reason. */
interface Findings {
  readonly shown: Set<string>
  readonly failed: Map<string, string>
  /** They hold a copy, and did not answer. */
  readonly silent: Map<string, string>
  readonly settling: Map<string, string>
}

interface Sorting {
  readonly found: Findings
  readonly held: ReadonlySet<string>
  readonly moving: Moving
}

/** Returns the error when the pack's bytes could not be had: that is no target's fault. */
function sort(context: Context, placements: readonly Placement[], { found, held, moving }: Sorting): ArchiveError | undefined {
  let unavailable: ArchiveError | undefined
  for (const placement of placements) {
    const { vault, error, evidence, outcome, pack } = placement
    if (outcome === 'stored') moving.copiedBytes += pack.byteLength
    if (showed(context, placement)) found.shown.add(vault)
    else if (error instanceof ArchiveError) {
      if (error.code === 'exhausted' || error.code === 'denied') throw error
      unavailable ??= error
    } else if (evidence.some(({ verdict }) => verdict === 'pending'))
      found.settling.set(vault, `${vault} has accepted it and not settled yet`)
    else if (held.has(vault) && error instanceof VaultError && (error.code === 'unreachable' || error.code === 'denied'))
      found.silent.set(vault, `${vault} holds a copy and did not answer: ${error.message}`)
    else
      found.failed.set(
        vault,
        error?.message ?? evidence.find(({ verdict }) => verdict !== 'intact')?.detail ?? `${vault} took it and did not show it`,
      )
  }
  return unavailable
}

/** Safe: what could be met without the leaving vault, had nobody failed, is met by vaults that have shown the pack. */
async function verdictOf(
  context: Context,
  moving: Moving,
  pack: PackRow,
  { here, found }: { readonly here: readonly string[]; readonly found: Findings },
): Promise<Settled> {
  const why = [...found.settling.values(), ...found.silent.values(), ...found.failed.values()].join('; ')
  if (found.settling.size + found.silent.size > 0) return { fate: 'refused', detail: why }
  if (operatorsOf(context, here).size === 0)
    return { fate: 'refused', detail: why === '' ? 'no other vault can take it' : `no other vault took it: ${why}` }
  const { chosen } = await homesOf(context, moving.vault, pack)
  return pack.kind === 'index' || meetsAsMuch(context, pack, here, chosen) ? { fate: 'safe' } : { fate: 'refused', detail: why }
}

function meetsAsMuch(context: Context, pack: PackRow, here: readonly string[], wished: readonly string[]): boolean {
  const profiles = (ids: readonly string[]) => ids.flatMap((id) => context.vaults.get(id)?.profile ?? [])
  const demands = demandsOf(pack.erasable ? headerPolicy(context.policy) : context.policy)
  return demands.every((demand) => foundIn(demand, profiles(here)) >= Math.min(demand.wanted, foundIn(demand, profiles(wished))))
}

/** Nobody gave it whole. A wrong answer of the leaving vault is on record by now; without one it has only been silent. */
async function unreadable(context: Context, moving: Moving, replica: ReplicaRow, error: ArchiveError): Promise<Settled> {
  if (error.code !== 'unavailable') return { fate: 'refused', detail: error.message }
  const evidence = (await context.catalog.evidenceIn(replica.pack)).filter(({ vault }) => vault === moving.vault)
  const wrong = evidence.some(({ verdict }) => verdict === 'damaged' || verdict === 'missing')
  const fate: PackFate = wrong || replica.state === 'intended' || !context.vaults.has(moving.vault) ? 'lost' : 'silent'
  if (fate === 'silent') moving.silences++
  return { fate, detail: error.message }
}

async function isUnneeded(context: Context, pack: PackRow): Promise<boolean> {
  const { catalog } = context
  if ((await catalog.garbageAmong([pack.id])).size > 0) return true
  if (pack.visibility !== 'sealed') return false
  const ids = await catalog.objectsIn(pack.id, { limit: MOST_OBJECTS + 1 })
  if (ids.length > MOST_OBJECTS) return false
  const objects = await Promise.all(ids.map((id) => catalog.objectById(id)))
  return objects.every((object) => object === undefined || object.shreddedAt !== undefined)
}

/** What came out of a dying vault is kept until it has a home, as far as the spool may grow. */
async function leaveSpool(
  { catalog, spool, spoolBytes }: Context,
  pack: PackRow,
  known: { readonly safe: boolean; readonly elsewhere: boolean },
): Promise<void> {
  if (!(await spool.has(pack.name))) return
  // A file that was there before is somebody else's, until the pack is safe without it.
  if (pack.spooled && !known.safe) return
  if (!known.safe && !known.elsewhere && (await spool.used()) <= spoolBytes) return
  await catalog.unspooled(pack.id)
  await spool.remove(pack.name)
}
