/** Facts about an archive, for people and machines that watch it. Past tense, plain JSON; no name of any object and no text from outside is in them. */
import type { ObjectState } from './policy.ts'

/**
 * `info`: routine · `notice`: trouble that is over · `warning`: somebody should look, in time · `critical`: content is below its floor, lost, or the
 * archive's history was changed.
 */
export type Severity = 'info' | 'notice' | 'warning' | 'critical'

/** A demand of the policy that is not met. */
export interface Unmet {
  readonly constraint: string
  readonly wanted: number
  readonly found: number
}

interface ReplicaAt {
  readonly vault: string
  /** CID of the pack's TOC. */
  readonly pack: string
}

/** A limit that was set, and what has been used of it. */
interface Limit {
  /** The span of time it holds for, e.g. `2026-07`. */
  readonly period: string
  readonly used: number
  readonly limit: number
}

/** One kind of fact by its type, with what it is about. Dates in them are ISO 8601. */
export type ArchiveFact =
  /** An object was judged for the first time: it is in the archive, in that state. */
  | { readonly type: 'object-put'; readonly root: string; readonly state: ObjectState; readonly missing: readonly Unmet[] }
  | {
      readonly type: 'state-changed'
      readonly root: string
      readonly from: ObjectState
      readonly to: ObjectState
      readonly missing: readonly Unmet[]
    }
  | { readonly type: 'object-removed'; readonly root: string }
  | { readonly type: 'object-shredded'; readonly root: string; readonly complete: boolean }
  | ({ readonly type: 'replica-damaged' } & ReplicaAt)
  | ({ readonly type: 'replica-missing' } & ReplicaAt)
  /** It was damaged or missing, and has shown its bytes. */
  | ({ readonly type: 'replica-recovered' } & ReplicaAt)
  | ({ readonly type: 'repair-done'; readonly root: string; readonly action: string; readonly byteLength: number } & ReplicaAt)
  | ({ readonly type: 'repair-failed'; readonly root: string; readonly action: string } & ReplicaAt)
  | ({ readonly type: 'renewal-done'; readonly until: string } & ReplicaAt)
  | ({ readonly type: 'renewal-missed'; readonly until: string; readonly code?: string } & ReplicaAt)
  | {
      readonly type: 'survey-finished'
      readonly vault: string
      readonly survey: string
      readonly outcome: 'intact' | 'losses' | 'incomplete'
      readonly asked: number
      readonly lost: number
    }
  | { readonly type: 'vault-quarantined'; readonly vault: string; readonly since: string; readonly why: string }
  | { readonly type: 'vault-released'; readonly vault: string; readonly since: string }
  | { readonly type: 'vault-unreachable'; readonly vault: string; readonly since: string; readonly code?: string }
  | { readonly type: 'vault-back'; readonly vault: string; readonly since: string }
  /** What this archive knows is older than what a checkpoint outside says. */
  | { readonly type: 'history-rolled-back'; readonly source: string; readonly known: number; readonly found: number }
  /** A checkpoint outside and this archive's log contradict each other. */
  | { readonly type: 'history-forked'; readonly source: string; readonly known: number; readonly found: number }
  | {
      readonly type: 'cycle-finished'
      readonly cycle: string
      readonly state: ObjectState
      readonly checked: number
      readonly repaired: number
      readonly failed: number
    }
  | ({ readonly type: 'budget-reached'; readonly budget: string } & Limit)
  | ({ readonly type: 'cost-cap-reached'; readonly currency: string; readonly vault?: string } & Limit)
  /** A hook could not be told of so many events in time, and will not be any more. */
  | { readonly type: 'hook-gave-up'; readonly hook: string; readonly events: number; readonly since: string }
  /** Sent by `perdure hooks test` only. */
  | { readonly type: 'hook-tested'; readonly hook: string }

export type ArchiveEventType = ArchiveFact['type']

export type ArchiveEvent = ArchiveFact & {
  /** The same for the same fact found again, by whichever process: drop what was seen already. */
  readonly id: string
  /** When it was found, ISO 8601. */
  readonly at: string
  readonly severity: Severity
}

/** Called once for each event of this process. What it throws or rejects with is dropped. */
export type ArchiveListener = (event: ArchiveEvent) => void
