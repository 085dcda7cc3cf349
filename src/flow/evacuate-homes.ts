/** Where a pack of a leaving vault stands elsewhere, by what is known, and what it needs there. Asks the catalog only. */
import type { EvidenceRow, Missing, PackRow } from '../contracts.ts'
import { isTrusted } from '../policy/demands.ts'
import { type PlacementPlan, place } from '../policy/placement.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { type Footing, weigh } from '../policy/weigh.ts'
import type { Context } from './context.ts'
import { dagless } from './dag-places.ts'
import { listing } from './index-pack.ts'
import { LEAVING } from './leaving.ts'
import { placementRules } from './placement-rules.ts'

/** With more objects than this in a pack, only evidence of the whole pack speaks for all of them. */
const MOST_OBJECTS = 16

export interface Homes {
  /** Vaults that stay and hold it, as far as anybody knows. */
  readonly held: ReadonlySet<string>
  /** Those of them that have shown it, by evidence that the policy accepts now. */
  readonly sound: ReadonlySet<string>
  /** When each of them showed it last. */
  readonly shownAt: ReadonlyMap<string, number>
  /** Vaults that it should be in once the leaving one is gone, held ones included. */
  readonly chosen: readonly string[]
  /** What the vaults that stay cannot meet, and could with the leaving one. */
  readonly unmet: readonly Missing[]
}

/** `excluded`: vaults that would not take it, with the reason. */
export async function homesOf(
  context: Context,
  leaving: string,
  pack: PackRow,
  excluded: ReadonlyMap<string, string> = new Map(),
): Promise<Homes> {
  const { catalog, vaults } = context
  const rows = (await catalog.replicasOf([pack.id])).filter(
    ({ vault }) => vault !== leaving && vaults.has(vault) && !context.leaving.has(vault),
  )
  const evidence = Map.groupBy(await catalog.evidenceIn(pack.id), ({ vault }) => vault)
  const footings = await footingsOf(
    context,
    pack,
    evidence,
    rows.map(({ vault }) => vault),
  )
  const shownAt = new Map([...evidence].map(([vault, own]) => [vault, Math.max(...own.map(({ at }) => at))]))
  const placed = rows.filter(({ vault, state }) => state === 'placed' && footings.get(vault) !== 'lost').map(({ vault }) => vault)
  const held = new Set(placed.filter((vault) => !excluded.has(vault)))
  const sound = new Set([...held].filter((vault) => footings.get(vault) === 'sound'))
  if (pack.kind === 'index') {
    const chosen = listing(context).filter((id) => id !== leaving && !excluded.has(id))
    return { held, sound, shownAt, chosen, unmet: chosen.length > 0 ? [] : [NO_LISTING] }
  }
  const retained = (await catalog.retentionOf([pack.id], context.clock())).has(pack.id)
  const noDag = (await dagless(context, [pack])).get(pack.id)
  const rules = placementRules(context, pack, { held, retained, excluded: new Map([...excluded, [leaving, LEAVING]]), dagless: noDag })
  const without = place(rules)
  return {
    held,
    sound,
    shownAt,
    chosen: without.chosen,
    unmet: without.unmet.length === 0 ? [] : worsened(without, place(withIt(rules, leaving))),
  }
}

const NO_LISTING: Missing = {
  constraint: 'index',
  wanted: 1,
  found: 0,
  reason: 'no other vault can list what it holds, so a lost catalog could not be rebuilt; add a directory or a bucket.',
}

type Rules = ReturnType<typeof placementRules>

function withIt(rules: Rules, leaving: string): Rules {
  const excluded = new Map(rules.excluded)
  excluded.delete(leaving)
  return { ...rules, held: new Set([...rules.held, leaving]), excluded }
}

/** A demand that could not be met before either is no reason to stay. */
function worsened(without: PlacementPlan, before: PlacementPlan): readonly Missing[] {
  return without.unmet.filter(({ constraint, found }) => {
    const old = before.unmet.find((missing) => missing.constraint === constraint)
    return old === undefined || old.found > found
  })
}

async function footingsOf(
  context: Context,
  pack: PackRow,
  evidence: ReadonlyMap<string, readonly EvidenceRow[]>,
  vaults: readonly string[],
): Promise<ReadonlyMap<string, Footing>> {
  const { catalog, policy, clock } = context
  const objects = await catalog.objectsIn(pack.id, { limit: MOST_OBJECTS + 1 })
  const now = clock()
  return new Map(
    vaults.map((vault) => {
      const rules = evidenceRulesFor(policy, vault)
      const footing = (rows: readonly EvidenceRow[]) => weigh({ state: 'placed', evidence: rows }, { rules, configured: true, now }).footing
      return [vault, joint(evidence.get(vault) ?? [], objects, footing)]
    }),
  )
}

/** The worst over the objects in the pack. */
function joint(rows: readonly EvidenceRow[], objects: readonly number[], footing: (rows: readonly EvidenceRow[]) => Footing): Footing {
  const whole = rows.filter(({ object }) => object === 0)
  const told = new Set([...rows.map(({ object }) => object), ...objects.slice(0, MOST_OBJECTS)])
  told.delete(0)
  const each = [...told].map((id) => footing([...whole, ...rows.filter(({ object }) => object === id)]))
  if (footing(whole) === 'lost' || each.includes('lost')) return 'lost'
  if (footing(whole) === 'sound') return 'sound'
  return objects.length > 0 && objects.length <= MOST_OBJECTS && each.every((one) => one === 'sound') ? 'sound' : 'open'
}

/** Does the floor hold by these vaults alone? At least one of them outside IPFS, always. */
export function holdsFloor(context: Context, pack: PackRow, vaults: Iterable<string>): boolean {
  const floor =
    pack.kind === 'index' ? 1 : Math.max(1, pack.erasable ? (context.policy.erasable?.floor ?? context.policy.floor) : context.policy.floor)
  return operatorsOf(context, vaults).size >= floor
}

export function operatorsOf(context: Context, vaults: Iterable<string>): ReadonlySet<string> {
  const profiles = [...vaults].flatMap((id) => context.vaults.get(id)?.profile ?? [])
  return new Set(profiles.filter(isTrusted).map(({ operator }) => operator))
}
