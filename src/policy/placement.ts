/** Which vaults a pack goes to: the smallest set that meets the policy, what is held already included. */
import type { Missing, Policy } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { type Demand, demandsOf, foundIn, isTrusted, nounOf, remedyOf } from './demands.ts'
import { demerit, type Reliability } from './reputation.ts'
import { cannotRetain } from './retain.ts'

/** Up to this many free vaults every set is tried; beyond, the best next one is taken until the demands are met. */
const EXHAUSTIVE_UP_TO = 12

type Scores = ReadonlyMap<string, Reliability>

export interface PlacementInput {
  readonly policy: Policy
  /** In order of the configuration, which is the last tie-breaker. */
  readonly vaults: readonly VaultProfile[]
  readonly packBytes: number
  /** Vaults that hold the pack intact or where it is pending; they stay in the plan. */
  readonly held: ReadonlySet<string>
  /** Vault id to reason: never chosen, not even when held. */
  readonly excluded?: ReadonlyMap<string, string> | undefined
  /** An object with blocks in the pack is to be retained: only vaults that can lock get it. Default false. */
  readonly retained?: boolean | undefined
  /** Of vaults that were audited: of sets that meet the demands alike, the more reliable one is taken before the cheaper one. */
  readonly scores?: ReadonlyMap<string, Reliability> | undefined
}

export interface PlacementPlan {
  /** Every vault of the plan in order of the configuration, held ones included. */
  readonly chosen: readonly string[]
  readonly add: readonly string[]
  /** Demands that no choice among these vaults could meet. */
  readonly unmet: readonly Missing[]
  /** Vaults that were left out, and why. */
  readonly notes: readonly string[]
}

/** Plans a pack's vaults. What cannot be met is reported, and the rest is planned as well as it can be. Pure: the same view gives the same plan. */
export function place({ policy, vaults, packBytes, held, excluded, retained = false, scores = new Map() }: PlacementInput): PlacementPlan {
  const obstacles = new Map<string, string>()
  for (const vault of vaults) {
    const obstacle =
      excluded?.get(vault.id) ??
      (held.has(vault.id) ? undefined : (tooSmall(vault, packBytes) ?? (retained ? cannotRetain(vault) : undefined)))
    if (obstacle !== undefined) obstacles.set(vault.id, obstacle)
  }
  const eligible = vaults.filter(({ id }) => !obstacles.has(id))
  const kept = eligible.filter(({ id }) => held.has(id))
  const free = eligible.filter(({ id }) => !held.has(id))
  const demands = demandsOf(policy)
  // Demands only grow with the set, so the full set shows what is reachable, and meeting that is always possible.
  const goals = demands.map((demand) => ({ ...demand, wanted: Math.min(demand.wanted, foundIn(demand, eligible)) }))
  const add = free.length <= EXHAUSTIVE_UP_TO ? smallest(goals, kept, { free, scores }) : greedy(goals, kept, { free, scores })
  const chosen = new Set([...kept, ...add].map(({ id }) => id))
  return {
    chosen: vaults.filter(({ id }) => chosen.has(id)).map(({ id }) => id),
    add: add.map(({ id }) => id),
    unmet: demands.flatMap((demand) => unmetBy(demand, eligible, obstacles)),
    notes: [...obstacles].map(([id, obstacle]) => `${id}: ${obstacle}`),
  }
}

/** Why a vault cannot take a pack of that size, or undefined when it can. */
export function tooSmall({ maxPackBytes }: VaultProfile, packBytes: number): string | undefined {
  if (maxPackBytes === undefined || packBytes <= maxPackBytes) return undefined
  return `takes packs of up to ${maxPackBytes} bytes, this one has ${packBytes}`
}

function unmetBy(demand: Demand, eligible: readonly VaultProfile[], obstacles: ReadonlyMap<string, string>): readonly Missing[] {
  const found = foundIn(demand, eligible)
  const { constraint, wanted } = demand
  if (found >= wanted) return []
  const parts = [`${wanted} ${nounOf(demand)} wanted, ${found} possible`]
  const useless = eligible.filter((vault) => demand.valueOf(vault) === undefined)
  if (useless.length > 0)
    parts.push(useless.map((vault) => `${vault.id} adds nothing (${isTrusted(vault) ? 'states no value' : 'IPFS'})`).join(', '))
  for (const [id, obstacle] of obstacles) parts.push(`${id} is left out: ${obstacle}`)
  return [{ constraint, wanted, found, reason: `${parts.join('; ')}; ${remedyOf(demand, found)}.` }]
}

const meets = (goals: readonly Demand[], set: readonly VaultProfile[]): boolean => goals.every((goal) => foundIn(goal, set) >= goal.wanted)

interface Choice {
  readonly free: readonly VaultProfile[]
  readonly scores: Scores
}

function smallest(goals: readonly Demand[], kept: readonly VaultProfile[], { free, scores }: Choice): readonly VaultProfile[] {
  if (meets(goals, kept)) return []
  for (let size = 1; size <= free.length; size++) {
    let best: { readonly set: readonly VaultProfile[]; readonly merit: readonly number[] } | undefined
    for (const set of combinations(free, size)) {
      const all = [...kept, ...set]
      if (!meets(goals, all)) continue
      const merit = meritOf(all, scores)
      if (best === undefined || isBetter(merit, best.merit)) best = { set, merit }
    }
    if (best) return best.set
  }
  return free
}

/** Sets of that size, in lexicographic order of the configuration. */
function* combinations(vaults: readonly VaultProfile[], size: number, from = 0): Generator<readonly VaultProfile[]> {
  if (size === 0) {
    yield []
    return
  }
  for (const [offset, vault] of vaults.slice(from, vaults.length - size + 1).entries()) {
    for (const rest of combinations(vaults, size - 1, from + offset + 1)) yield [vault, ...rest]
  }
}

function greedy(goals: readonly Demand[], kept: readonly VaultProfile[], { free, scores }: Choice): readonly VaultProfile[] {
  const added: VaultProfile[] = []
  while (!meets(goals, [...kept, ...added])) {
    let best: { readonly vault: VaultProfile; readonly merit: readonly number[] } | undefined
    for (const vault of free.filter((candidate) => !added.includes(candidate))) {
      const all = [...kept, ...added, vault]
      const reached = goals.reduce((sum, goal) => sum + Math.min(goal.wanted, foundIn(goal, all)), 0)
      const merit = [reached, ...meritOf(all, scores)]
      if (best === undefined || isBetter(merit, best.merit)) best = { vault, merit }
    }
    if (!best) break
    added.push(best.vault)
  }
  // A later choice can make an earlier one superfluous.
  const needed = added.reduceRight<readonly VaultProfile[]>((set, vault) => {
    const without = set.filter((other) => other !== vault)
    return meets(goals, [...kept, ...without]) ? without : set
  }, added)
  return free.filter((vault) => needed.includes(vault))
}

/** Most diverse outside IPFS first, then most reliable, then fewest paid, then fewest cold; larger is better in each place. */
function meritOf(vaults: readonly VaultProfile[], scores: Scores): readonly number[] {
  const values = new Set<string>()
  for (const { network, operator, region, jurisdiction, labels } of vaults.filter(isTrusted)) {
    for (const [domain, value] of Object.entries({ ...labels, network, operator, region, jurisdiction })) {
      if (value !== undefined) values.add(`${domain} ${value}`)
    }
  }
  const demerits = vaults.reduce((sum, { id }) => sum + demerit(scores.get(id)), 0)
  return [values.size, -demerits, -vaults.filter(({ paid }) => paid).length, -vaults.filter(({ cold }) => cold).length]
}

function isBetter(merit: readonly number[], than: readonly number[]): boolean {
  const differing = merit.findIndex((value, place) => value !== than[place])
  return differing >= 0 && (merit[differing] ?? 0) > (than[differing] ?? 0)
}
