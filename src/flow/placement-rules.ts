/** What a pack asks of vaults: the policy it is placed by, and the vaults it must not get to. */
import type { PackRow } from '../contracts.ts'
import { headerPolicy, keepers, UNSEEN } from '../policy/erasable.ts'
import type { PlacementInput } from '../policy/placement.ts'
import { type Context, profilesOf } from './context.ts'
import { unfit } from './dag-places.ts'
import { leavingVaults } from './leaving.ts'
import { lastScores, quarantined } from './scores.ts'

export interface Rules extends Pick<PlacementInput, 'held' | 'excluded' | 'retained'> {
  /** Vaults that the pack was brought to, or was to be: it is nothing new there. */
  readonly begun?: ReadonlySet<string> | undefined
  /** Why vaults that keep DAGs get none of it; undefined where they may. */
  readonly dagless?: string | undefined
}

/** `excluded` are vaults that would not take it before, with the reason. Vaults that are being left are passed over as well. */
export function placementRules(
  context: Context,
  pack: PackRow,
  { held, excluded: given = new Map(), retained = false, begun = new Set(), dagless }: Rules,
): Pick<PlacementInput, 'policy' | 'vaults' | 'packBytes' | 'held' | 'excluded' | 'retained' | 'scores'> {
  const excluded = new Map([...given, ...leavingVaults(context)])
  const question = { vaults: profilesOf(context), packBytes: pack.byteLength, held, retained, scores: lastScores(context) }
  // What a quarantined vault has, it keeps; it gets nothing new.
  const wary = [...quarantined(context)].filter(([id]) => !held.has(id) && !begun.has(id))
  const unwanted = new Map([...wary, ...unfit(context, held, dagless), ...excluded])
  if (!pack.erasable) return { ...question, policy: context.policy, excluded: unwanted }
  // That a vault is silent now is no reason for another copy: it took this one when it could be asked.
  const refused = [...barred(context)].filter(([id]) => !(context.unopened.has(id) && held.has(id)))
  return { ...question, policy: headerPolicy(context.policy), excluded: new Map([...unwanted, ...refused]) }
}

/** Vaults that must not get headers, with the reason: those that keep what they have, and those that could not be asked. */
export function barred(context: Context): ReadonlyMap<string, string> {
  return new Map([...[...context.unopened.keys()].map((id): [string, string] => [id, UNSEEN]), ...keepers(profilesOf(context))])
}
