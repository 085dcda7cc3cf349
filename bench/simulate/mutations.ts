/** Wrong policies, one mistake each. The checker is worth something only if it notices every one of them. */
import type { Invariant } from './checker.ts'
import { type Rules, realRules } from './rules.ts'

export interface Mutation {
  readonly rules: Rules
  /** Any of these shows it. */
  readonly breaks: readonly Invariant[]
}

const mutation = (change: Partial<Rules>, ...breaks: readonly Invariant[]): Mutation => ({ rules: { ...realRules, ...change }, breaks })

const SAME = new Uint8Array(32)

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'grace ignored': mutation({ relieve: (input) => realRules.relieve({ ...input, graceDays: 0 }) }, 'needless-repair'),
  'silence never counts': mutation({ relieve: (input) => ({ ...realRules.relieve(input), givenUp: new Map() }) }, 'floor', 'liveness'),
  'repair from unverified bytes': mutation({ hashesSources: false }, 'unverified-source'),
  'floor counted with IPFS': mutation(
    { seen: (profile) => ({ ...profile, network: profile.network === 'ipfs' ? 's3' : profile.network }) },
    'floor',
    'liveness',
  ),
  'no rotation': mutation(
    { rotate: (_, { population, count }) => ({ ...realRules.rotate(undefined, { population, count, random: () => SAME }) }) },
    'floor',
    'liveness',
  ),
  'audits too rare': mutation({ dueAt: (aging) => realRules.dueAt({ ...aging, maxAgeDays: aging.maxAgeDays * 20 }) }, 'floor', 'liveness'),
  'vaults believed': mutation({ believes: true }, 'floor', 'liveness'),
  'put without locate': mutation({ locatesFirst: false }, 'paid-twice'),
  'replaced without asking again': mutation({ asksAgain: false }, 'needless-repair', 'paid-twice'),
  'cut off and not noticing': mutation({ probesFirst: false }, 'cut-off'),
  'gaps taken for silence': mutation(
    { silenceSeen: (before, { now }) => (before ? before.silentMs + now - before.at : 0) },
    'needless-repair',
  ),
  'let go before re-homed': mutation({ rehomesFirst: false }, 'last-copy', 'let-go'),
  'renewed too late': mutation({ leadDays: () => 0 }, 'renewal-missed'),
  'budget ignored': mutation({ mayPay: () => true }, 'budget'),
  'nothing is ever placed again': mutation(
    { place: (input) => (input.held.size === 0 ? realRules.place(input) : { ...realRules.place(input), add: [] }) },
    'floor',
    'liveness',
  ),
}
