/**
 * The state of an object: its packs judged one by one, the worst speaks for the object.
 *
 * Every replica is weighed first (weigh.ts). `confirmed` are the sound ones, `counted` the sound and the doubtful, `possible` those and the open ones.
 * The first row that holds decides, worst first:
 *
 * | when                                                                         | state       | floor held |
 * |------------------------------------------------------------------------------|-------------|------------|
 * | no replica could be intact, IPFS and vaults no longer configured included, and the pack left the spool | `lost` | no |
 * | the floor is not met even if all possible ones are intact                    | `at-risk`   | no         |
 * | the floor is met by the possible ones, not by the counted ones               | `unknown`   | no         |
 * | a replica in a configured vault is damaged or missing, needed or not         | `damaged`   | yes        |
 * | the confirmed ones meet the policy                                           | `satisfied` | yes        |
 * | a possible replica would add to a demand that the confirmed ones do not meet | `unknown`   | yes        |
 * | otherwise                                                                    | `degraded`  | yes        |
 *
 * So silence never counts against a policy that is met without the silent vault, and never hides a floor that is broken without doubt.
 */
import type { Missing, ObjectState, Policy, Possession, Retrieval, Verdict } from '../contracts/policy.ts'
import type { VaultProfile } from '../contracts/vault.ts'
import { type Demand, demandsOf, foundIn, nounOf, remedyOf } from './demands.ts'
import { headerPolicy, whyKeeps } from './erasable.ts'
import { evidenceRulesFor } from './policy.ts'
import { type Footing, type JudgedEvidence, type Weighed, weigh } from './weigh.ts'

export interface JudgedReplicaInput<E extends JudgedEvidence> {
  readonly vault: string
  readonly state: 'intended' | 'placed'
  readonly locator?: string | undefined
  /** When the bytes there were last replaced; older evidence is left out. */
  readonly writtenAt?: number | undefined
  /** Rows of the object and of the whole pack, in any order. */
  readonly evidence: readonly E[]
}

export interface JudgedPackInput<E extends JudgedEvidence> {
  readonly name: string
  readonly packBytes: number
  /** Its bytes are still in the spool: whatever the vaults say, it is not lost. */
  readonly spooled?: boolean | undefined
  /** Headers that must stay erasable: judged by a policy of their own. */
  readonly erasable?: boolean | undefined
  readonly replicas: readonly JudgedReplicaInput<E>[]
}

export interface JudgeInput<E extends JudgedEvidence> {
  readonly policy: Policy
  readonly vaults: readonly VaultProfile[]
  readonly now: number
  readonly packs: readonly JudgedPackInput<E>[]
}

export interface JudgedReplica<E extends JudgedEvidence> {
  readonly vault: string
  readonly pack: string
  readonly verdict: Verdict
  readonly possession: Possession
  readonly retrieval: Retrieval
  /** Does it count toward the policy right now? */
  readonly counts: boolean
  readonly at?: number
  /** The footing in words. */
  readonly why: string
  readonly footing: Footing
  /** When it was last shown as the policy asks. */
  readonly acceptedAt?: number
  /** The row behind all this. */
  readonly evidence?: E
}

export interface Judgement<E extends JudgedEvidence> {
  readonly state: ObjectState
  /** Is the floor met in every pack by replicas that count? */
  readonly floorHeld: boolean
  /** What the confirmed replicas do not meet, each demand once, by its worst pack. */
  readonly missing: readonly Missing[]
  /** First moment at which the state gets worse because evidence lapses; `Number.MAX_SAFE_INTEGER` when it cannot. */
  readonly freshUntil: number
  readonly replicas: readonly JudgedReplica<E>[]
  readonly notes: readonly string[]
}

/** Worst first; `unsure` is `unknown` with the floor in doubt, which is worse than damage with the floor held. */
const RUNGS = ['lost', 'at-risk', 'unsure', 'damaged', 'unknown', 'degraded', 'satisfied'] as const
type Rung = (typeof RUNGS)[number]
const FLOOR_BROKEN: ReadonlySet<Rung> = new Set(['lost', 'at-risk', 'unsure'])
const STATES: readonly ObjectState[] = ['lost', 'at-risk', 'damaged', 'unknown', 'degraded', 'satisfied']

/** The worst of some states; `satisfied` when there are none. */
export function worst(states: Iterable<ObjectState>): ObjectState {
  return STATES[Math.min(STATES.length - 1, ...Array.from(states, (state) => STATES.indexOf(state)))] ?? 'satisfied'
}

/** Negative when the first state is worse. Sorts worst first. */
export const compareStates = (a: ObjectState, b: ObjectState): number => STATES.indexOf(a) - STATES.indexOf(b)

interface Standpoint<E extends JudgedEvidence> {
  readonly input: JudgedReplicaInput<E>
  readonly profile: VaultProfile | undefined
  readonly weighed: Weighed<E>
}

interface PackView<E extends JudgedEvidence> {
  readonly pack: JudgedPackInput<E>
  readonly demands: readonly Demand[]
  readonly held: readonly Standpoint<E>[]
}

/** Judges an object by what is known; asks nobody. An object without packs is satisfied: there is nothing to lose. */
export function judgeObject<E extends JudgedEvidence>(input: JudgeInput<E>): Judgement<E> {
  const { vaults, now } = input
  const { demands, views } = viewsOf(input)
  const rung = worstRung(views.map((view) => rungOf(view, now)))
  return {
    ...ruled(views, rung),
    missing: [
      ...demands.content.flatMap((demand) => missingOf(demand, contentOf(views), vaults)),
      ...demands.erasable.flatMap((demand) => missingOf(demand, headersOf(views), forgetful(vaults))),
    ],
    freshUntil: freshUntil(views, { now, rung }),
    notes: strangers(views),
  }
}

export type Ruling<E extends JudgedEvidence> = Pick<Judgement<E>, 'state' | 'floorHeld' | 'replicas'>

/** The same ruling without its reasons: a third less work, where nobody reads them. */
export function ruleOn<E extends JudgedEvidence>(input: JudgeInput<E>): Ruling<E> {
  const { views } = viewsOf(input)
  return ruled(views, worstRung(views.map((view) => rungOf(view, input.now))))
}

const ruled = <E extends JudgedEvidence>(views: readonly PackView<E>[], rung: Rung): Ruling<E> => ({
  state: rung === 'unsure' ? 'unknown' : rung,
  floorHeld: !FLOOR_BROKEN.has(rung),
  replicas: views.flatMap(({ pack, held }) => held.map((standpoint) => reported(pack.name, standpoint))),
})

function viewsOf<E extends JudgedEvidence>({ policy, vaults, now, packs }: JudgeInput<E>) {
  const profiles = new Map(vaults.map((vault) => [vault.id, vault]))
  const demands = { content: demandsOf(policy), erasable: packs.some(({ erasable }) => erasable) ? demandsOf(headerPolicy(policy)) : [] }
  const views = packs.map((pack) => ({
    pack,
    demands: pack.erasable ? demands.erasable : demands.content,
    held: pack.replicas.map((input) => {
      const profile = profiles.get(input.vault)
      return {
        input,
        profile,
        weighed: weigh(input, { rules: evidenceRulesFor(policy, input.vault), configured: profile !== undefined, now }),
      }
    }),
  }))
  return { demands, views }
}

const contentOf = <E extends JudgedEvidence>(views: readonly PackView<E>[]) => views.filter(({ pack }) => pack.erasable !== true)
const headersOf = <E extends JudgedEvidence>(views: readonly PackView<E>[]) => views.filter(({ pack }) => pack.erasable === true)
const forgetful = (vaults: readonly VaultProfile[]) => vaults.filter((vault) => whyKeeps(vault) === undefined)

const worstRung = (rungs: readonly Rung[]): Rung => RUNGS.find((rung) => rungs.includes(rung)) ?? 'satisfied'

/** A sound or doubtful footing turns open when its evidence has lapsed at that moment. */
const footingAt = ({ footing, lapsesAt }: Weighed<JudgedEvidence>, at: number): Footing =>
  lapsesAt !== undefined && lapsesAt <= at ? 'open' : footing

function rungOf<E extends JudgedEvidence>({ pack, demands, held }: PackView<E>, at: number): Rung {
  const [confirmed, counted, possible]: [VaultProfile[], VaultProfile[], VaultProfile[]] = [[], [], []]
  let lost = 0
  let hasLost = false
  for (const { profile, weighed } of held) {
    const footing = footingAt(weighed, at)
    if (footing === 'lost') lost++
    if (!profile) continue
    if (footing === 'lost') hasLost = true
    if (footing === 'sound') confirmed.push(profile)
    if (footing === 'sound' || footing === 'doubtful') counted.push(profile)
    if (footing === 'sound' || footing === 'doubtful' || footing === 'open') possible.push(profile)
  }
  const floor = demands.find(({ constraint }) => constraint === 'floor')
  if (pack.spooled !== true && lost === held.length) return 'lost'
  if (floor && foundIn(floor, possible) < floor.wanted) return 'at-risk'
  if (floor && foundIn(floor, counted) < floor.wanted) return 'unsure'
  if (hasLost) return 'damaged'
  const unmet = demands.filter((demand) => foundIn(demand, confirmed) < demand.wanted)
  if (unmet.length === 0) return 'satisfied'
  return unmet.some((demand) => foundIn(demand, possible) > foundIn(demand, confirmed)) ? 'unknown' : 'degraded'
}

function freshUntil<E extends JudgedEvidence>(
  views: readonly PackView<E>[],
  { now, rung }: { readonly now: number; readonly rung: Rung },
): number {
  let earliest = Number.MAX_SAFE_INTEGER
  for (const view of views) {
    const lapses = view.held.flatMap(({ weighed }) => (weighed.lapsesAt === undefined ? [] : [weighed.lapsesAt]))
    for (const at of lapses.filter((lapse) => lapse > now && lapse < earliest).sort((a, b) => a - b)) {
      if (RUNGS.indexOf(rungOf(view, at)) >= RUNGS.indexOf(rung)) continue
      earliest = at
      break
    }
  }
  return Math.ceil(earliest)
}

function missingOf<E extends JudgedEvidence>(
  demand: Demand,
  views: readonly PackView<E>[],
  vaults: readonly VaultProfile[],
): readonly Missing[] {
  const lacking = views.flatMap((view) => {
    const confirmed = view.held.flatMap(({ profile, weighed }) => (profile && weighed.footing === 'sound' ? [profile] : []))
    const found = foundIn(demand, confirmed)
    return found < demand.wanted ? [{ view, found }] : []
  })
  const [first] = lacking
  if (!first) return []
  const { view, found } = lacking.reduce((least, other) => (other.found < least.found ? other : least), first)
  const others = lacking.length - 1
  const headers = view.pack.erasable === true ? ' for its erasable header' : ''
  const where = views.length === 1 ? headers : `${headers} in pack ${view.pack.name}${others > 0 ? ` and ${others} more` : ''}`
  const { constraint, wanted } = demand
  const reachable = foundIn(demand, vaults)
  const advice = reachable < wanted ? remedyOf(demand, reachable) : 'verify to ask again, repair to place what is missing'
  const parts = [`${found} of ${wanted} ${nounOf(demand)} confirmed${where}`, ...troubles(demand, view, vaults)]
  return [{ constraint, wanted, found, reason: `${parts.join('; ')}; ${advice}.` }]
}

/** Every vault that could add to a demand and does not, with the reason. */
function troubles<E extends JudgedEvidence>(demand: Demand, { held }: PackView<E>, vaults: readonly VaultProfile[]): readonly string[] {
  return vaults.flatMap((vault) => {
    if (demand.valueOf(vault) === undefined) return []
    const standpoint = held.find(({ input }) => input.vault === vault.id)
    if (!standpoint) return [`${vault.id}: not placed there`]
    return standpoint.weighed.footing === 'sound' ? [] : [`${vault.id}: ${standpoint.weighed.why}`]
  })
}

function reported<E extends JudgedEvidence>(pack: string, { input, weighed }: Standpoint<E>): JudgedReplica<E> {
  const { shown, footing, why, acceptedAt } = weighed
  const known = { vault: input.vault, pack, counts: footing === 'sound' || footing === 'doubtful', why, footing }
  if (!shown) return { ...known, verdict: input.state === 'intended' ? 'pending' : 'unproven', possession: 'claimed', retrieval: 'none' }
  const { verdict, possession, retrieval, at } = shown
  const evidence = { ...known, verdict, possession, retrieval, at, evidence: shown }
  return acceptedAt === undefined ? evidence : { ...evidence, acceptedAt }
}

function strangers<E extends JudgedEvidence>(views: readonly PackView<E>[]): readonly string[] {
  const ids = new Set(views.flatMap(({ held }) => held.filter(({ profile }) => profile === undefined).map(({ input }) => input.vault)))
  return [...ids].map((id) => `vault ${id} is no longer configured; its replicas do not count until it is added again`)
}
