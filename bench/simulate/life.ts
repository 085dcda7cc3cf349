/** Everything one life is made of. The parts of the simulator are functions over it. */
import type { ObjectState, Unanswered } from '../../src/contracts/policy.ts'
import type { VaultProfile } from '../../src/contracts/vault.ts'
import type { RotationState } from '../../src/policy/rotation.ts'
import type { JudgedEvidence } from '../../src/policy/weigh.ts'
import type { Checker } from './checker.ts'
import type { Queue } from './queue.ts'
import type { Chance } from './random.ts'
import type { Rules } from './rules.ts'
import type { Scenario } from './scenario.ts'
import type { Silences } from './silence.ts'
import type { Scores } from './trust.ts'
import type { World } from './world.ts'

export type Row = JudgedEvidence & { readonly object: number }

/** A replica as the catalog knows it. */
export interface Known {
  readonly vault: string
  state: 'intended' | 'placed'
  located: boolean
  /** The newest row of each retrieval, as the catalog keeps them. */
  rows: readonly Row[]
  unanswered: readonly Unanswered[]
  rotation: RotationState | undefined
  /** Of the newest audit that was planned: older plans are void. */
  plan: number
  expiresAt: number
}

/** An object as the catalog knows it. Identities start at 1: 0 speaks of a whole pack. */
export interface Kept {
  readonly id: number
  readonly blocks: number
  readonly replicas: Map<string, Known>
  /** Its bytes in the spool, as they really are; undefined: not there. */
  spooled: Uint8Array | undefined
  repairing: boolean
  /** Will it be looked at again soon anyway? */
  looking: boolean
  /** Tries in vain since the last repair. */
  tries: number
  state: ObjectState
}

export interface Ledger {
  window: number
  audits: number
  repairs: number
}

/** What the loop knows and does. */
export interface Keeper {
  readonly objects: readonly Kept[]
  /** In order of the configuration. */
  readonly configured: Map<string, VaultProfile>
  /** What the policy is told of them; undefined: to be made anew, because others are configured now. */
  profiles: ReadonlyMap<string, VaultProfile> | undefined
  /** Vaults that are to be let go. */
  readonly leaving: Set<string>
  readonly ledger: Ledger
  readonly scores: Scores
  readonly silences: Silences
  /** Off until then. */
  asleepUntil: number
  asleepFrom: number
}

export interface Life {
  readonly scenario: Scenario
  readonly rules: Rules
  readonly world: World
  readonly keeper: Keeper
  readonly queue: Queue<() => void>
  readonly checker: Checker
  readonly chance: { readonly world: Chance; readonly keeper: Chance }
  now: number
  /** No new faults from then on. */
  readonly calmAt: number
  readonly endAt: number
  readonly counts: Counts
  /** Writes a line of the trace; costs nothing when nobody listens. */
  readonly note: (text: () => string) => void
}

export interface Counts {
  events: number
  audits: number
  repairs: number
  blocksRead: number
  faults: number
}

/** Does something in the world at that moment. */
export const at = (life: Life, when: number, act: () => void): void => life.queue.add(when, act)

/** Lets the loop do something at that moment, or as soon as it runs again. */
export function whenAwake(life: Life, when: number, act: () => void): void {
  life.queue.add(when, () => {
    if (life.keeper.asleepUntil > life.now) whenAwake(life, life.keeper.asleepUntil, act)
    else act()
  })
}

export function placeIn(life: Life, vault: string) {
  const place = life.world.places.get(vault)
  if (!place) throw new RangeError(`there is no vault ${vault}`)
  return place
}

/** What the policy is told of the vaults that are configured now. */
export function profilesOf({ keeper, rules }: Life): ReadonlyMap<string, VaultProfile> {
  keeper.profiles ??= new Map([...keeper.configured].map(([id, profile]) => [id, rules.seen(profile)]))
  return keeper.profiles
}
