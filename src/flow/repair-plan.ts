/** What a repair would do, and why: steps per pack and vault, from what is known. Asks no vault and writes nothing. */
import type { PackId, PackRow, RepairAction, ReplicaReport, Verdict } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import type { Relief } from '../policy/hysteresis.ts'
import { place } from '../policy/placement.ts'
import { cannotRetain, isInForce, isRetained } from '../policy/retain.ts'
import type { Assessment } from './assess.ts'
import type { Context } from './context.ts'
import { leavingVaults } from './leaving.ts'
import { barred, placementRules } from './placement-rules.ts'
import type { Placement } from './replicate.ts'

const LOST: ReadonlySet<Verdict> = new Set(['damaged', 'missing'])

export interface Step {
  readonly pack: PackRow
  readonly vault: string
  readonly action: RepairAction['action']
  readonly reason: string
}

export interface PlanRules {
  /** Packs that some object wants retained. */
  readonly retained: ReadonlySet<PackId>
  /** Packs that have no DAG to bring anywhere, with the reason; from `dagless`. */
  readonly without: ReadonlyMap<PackId, string>
  /** By pack name: what hysteresis gives up although nothing showed it to be lost. Default: silence is no reason. */
  readonly relief?: ReadonlyMap<string, Pick<Relief, 'urgent' | 'givenUp'>> | undefined
  /** Vaults that are left alone now, with the reason: nothing is written there. What is lost there waits for them, unless it is urgent or they are given up. */
  readonly shut?: ReadonlyMap<string, string> | undefined
}

/** What this pack needs: lost copies replaced where they were, and new ones where the policy asks for more. */
export function stepsFor(context: Context, known: Assessment, pack: PackRow, rules: PlanRules): readonly Step[] {
  const { report } = known
  const { retained, without, relief, shut = NONE } = rules
  const { givenUp = NONE, urgent = false } = relief?.get(pack.name.toString()) ?? {}
  // A vault that is being left gets nothing new, nor does one that has come to keep what it has get what must be erasable.
  const refused = new Map([...(pack.erasable ? barred(context) : NONE), ...leavingVaults(context)])
  const replicas = report.replicas.filter((replica) => replica.pack === pack.name.toString() && context.vaults.has(replica.vault))
  const lost = replicas.filter(({ vault, verdict }) => LOST.has(verdict) && !refused.has(vault))
  const steps = lost.filter(({ vault }) => !shut.has(vault) && !givenUp.has(vault)).map((replica): Step => replacement(pack, replica))
  const patient = urgent ? [] : lost.filter(({ vault }) => shut.has(vault) && !givenUp.has(vault))
  const standing = replicas.filter((replica) => stands(replica) && !givenUp.has(replica.vault))
  const held = new Set([...standing, ...patient, ...steps].map(({ vault }) => vault))
  const excluded = new Map([...givenUp, ...[...shut].filter(([vault]) => !held.has(vault))])
  const begun = new Set(replicas.map(({ vault }) => vault))
  const { add } = place(
    placementRules(context, pack, { held, begun, excluded, retained: retained.has(pack.id), dagless: without.get(pack.id) }),
  )
  const why = givenUp.size === 0 ? 'the policy asks for more copies than stand' : [...givenUp.values()].join('; ')
  return [
    ...steps,
    ...looseLocks(context, known, pack).filter(
      ({ vault }) => held.has(vault) && !shut.has(vault) && !steps.some((step) => step.vault === vault),
    ),
    ...add.map((vault): Step => ({ pack, vault, action: 'place', reason: why })),
  ]
}

const NONE: ReadonlyMap<string, string> = new Map()

const replacement = (pack: PackRow, { vault, verdict, detail }: ReplicaReport): Step => ({
  pack,
  vault,
  action: 'replace',
  reason: `the copy there is ${verdict}${detail ? `: ${detail}` : ''}`,
})

export async function retainedPacks({ catalog, clock }: Context, { packs }: Assessment): Promise<ReadonlySet<PackId>> {
  const ids = packs.map(({ id }) => id)
  return new Set((await catalog.retentionOf(ids, clock())).keys())
}

/** Replicas that are not known to be retained as the object asks, where they could be. */
function looseLocks(context: Context, { object: { retain }, replicas }: Assessment, pack: PackRow): readonly Step[] {
  if (!isInForce(retain, context.clock())) return []
  return replicas
    .filter((replica) => replica.pack === pack.id && replica.state === 'placed' && !isRetained(replica, retain))
    .filter(({ vault }) => !context.leaving.has(vault) && cannotRetain(context.vaults.get(vault)?.profile ?? {}) === undefined)
    .map(({ vault }) => ({ pack, vault, action: 'retain', reason: 'its lock is not known to last as long as the object asks' }))
}

/** When a vault would not take its copy, the next best vaults are asked. */
export function aroundFailures(
  context: Context,
  { report }: Assessment,
  known: { readonly pack: PackRow; readonly placements: readonly Placement[] } & Pick<PlanRules, 'retained' | 'without' | 'shut'>,
): readonly Step[] {
  const { pack, placements, retained, without, shut = NONE } = known
  const own = placements.filter((placement) => placement.pack.id === pack.id)
  // Another process that is placing it there refuses nothing.
  // Bytes that no replica could give are no vault's refusal: another vault would not get them either.
  const excluded = new Map(
    own.flatMap(({ vault, error }) => (error instanceof VaultError && error.code !== 'conflict' ? [[vault, error.message]] : [])),
  )
  if (excluded.size === 0) return []
  const replicas = report.replicas.filter((replica) => replica.pack === pack.name.toString())
  const stood = replicas.filter(stands).map(({ vault }) => vault)
  const begun = new Set(replicas.map(({ vault }) => vault))
  const held = new Set([...stood, ...own.filter(({ outcome }) => outcome !== 'failed').map(({ vault }) => vault)])
  const left = new Map([...excluded, ...[...shut].filter(([vault]) => !held.has(vault))])
  const { add } = place(
    placementRules(context, pack, { held, begun, excluded: left, retained: retained.has(pack.id), dagless: without.get(pack.id) }),
  )
  return add.map(
    (vault): Step => ({
      pack,
      vault,
      action: 'place',
      reason: `in the place of ${[...excluded.keys()].join(', ')}, which would not take it`,
    }),
  )
}

/** A copy that nobody has shown to be lost: silence is no reason to buy another. */
export const stands = ({ locator, verdict }: ReplicaReport): boolean => locator !== undefined && !LOST.has(verdict)
