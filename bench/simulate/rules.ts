/**
 * The decisions that are under test. Where the library has a pure function, it is that function itself; a mutation replaces one of them by a wrong one,
 * and the checker has to notice. What the library decides inside its flow (hash every source, locate before put, ask before repair) stands here as a switch.
 */
import type { VaultProfile } from '../../src/contracts/vault.ts'
import { dueAt } from '../../src/policy/cadence.ts'
import { contain } from '../../src/policy/challenge.ts'
import { relieve, silenceSeen } from '../../src/policy/hysteresis.ts'
import { place } from '../../src/policy/placement.ts'
import { rotate } from '../../src/policy/rotation.ts'
import { ruleOn } from '../../src/policy/state.ts'

export interface Rules {
  readonly place: typeof place
  readonly judge: typeof ruleOn
  readonly dueAt: typeof dueAt
  readonly contain: typeof contain
  /** What the policy is told of a vault. */
  readonly seen: (profile: VaultProfile) => VaultProfile
  readonly rotate: typeof rotate
  /** Is each block of a source hashed before it is stored elsewhere? */
  readonly hashesSources: boolean
  readonly locatesFirst: boolean
  /** Is a vault asked whether it answers at all before silence counts against one of its replicas? */
  readonly probesFirst: boolean
  readonly relieve: typeof relieve
  readonly silenceSeen: typeof silenceSeen
  /** Are copies that are believed to be lost asked once more before they are replaced? */
  readonly asksAgain: boolean
  /** Does a vault's own word that it holds a pack count as if bytes had been read? */
  readonly believes: boolean
  /** Is a vault let go only when everything was shown to be elsewhere? */
  readonly rehomesFirst: boolean
  /** How many days before its end a term is renewed. */
  readonly leadDays: (termDays: number, cycleDays: number) => number
  readonly mayPay: (spent: number, cost: number, limit: number) => boolean
}

/** A lead of three cycles, so that a renewal that fails is tried again before it matters; half a term at most. */
const CYCLES = 3

export const realRules: Rules = {
  place,
  judge: ruleOn,
  dueAt,
  contain,
  seen: (profile) => profile,
  rotate,
  hashesSources: true,
  locatesFirst: true,
  probesFirst: true,
  relieve,
  silenceSeen,
  asksAgain: true,
  believes: false,
  rehomesFirst: true,
  leadDays: (termDays, cycleDays) => Math.min(termDays / 2, CYCLES * cycleDays),
  mayPay: (spent, cost, limit) => spent + cost <= limit,
}
