/** What a pack asks of vaults: the policy it is placed by, and the vaults it must not get to. */
import type { PackRow } from '../contracts.ts'
import { headerPolicy, keepers, UNSEEN } from '../policy/erasable.ts'
import type { PlacementInput } from '../policy/placement.ts'
import { type Context, profilesOf } from './context.ts'
import { unfit } from './dag-places.ts'

export interface Known extends Pick<PlacementInput, 'held' | 'excluded' | 'retained'> {
  /** Why vaults that keep DAGs get none of it; undefined where they may. */
  readonly dagless?: string | undefined
}

/** `excluded` are vaults that would not take it before, with the reason. */
export function placementRules(
  context: Context,
  pack: PackRow,
  { held, excluded: before = new Map(), retained = false, dagless }: Known,
): Pick<PlacementInput, 'policy' | 'vaults' | 'packBytes' | 'held' | 'excluded' | 'retained'> {
  const excluded = new Map([...unfit(context, held, dagless), ...before])
  const question = { vaults: profilesOf(context), packBytes: pack.byteLength, held, retained }
  if (!pack.erasable) return { ...question, policy: context.policy, excluded }
  // That a vault is silent now is no reason for another copy: it took this one when it could be asked.
  const refused = [...barred(context)].filter(([id]) => !(context.unopened.has(id) && held.has(id)))
  return { ...question, policy: headerPolicy(context.policy), excluded: new Map([...excluded, ...refused]) }
}

/** Vaults that must not get headers, with the reason: those that keep what they have, and those that could not be asked. */
export function barred(context: Context): ReadonlyMap<string, string> {
  return new Map([...[...context.unopened.keys()].map((id): [string, string] => [id, UNSEEN]), ...keepers(profilesOf(context))])
}
