/** The part of the catalog that remembers events, who is still to be told of them, and the sums that metrics are made of. */
import type { CID } from 'multiformats/cid'
import type { ObjectId, PackId } from './catalog-rows.ts'
import type { ArchiveEvent } from './events.ts'
import type { ObjectState, Verdict } from './policy.ts'

/** An event on its way into the log and to hooks. */
export interface Announcement {
  readonly event: ArchiveEvent
  /** Who is to be told, and how many events may wait for each. */
  readonly hooks: readonly { readonly id: string; readonly maxWaiting: number }[]
}

/** An object's state became another. `first`: nobody had judged it before. */
export interface StateChange {
  readonly object: ObjectId
  readonly root: CID
  readonly from: ObjectState
  readonly to: ObjectState
  readonly first: boolean
}

/** The verdict that a replica stands under became another. */
export interface StandingChange {
  readonly pack: PackId
  readonly name: CID
  readonly vault: string
  readonly from: Verdict | undefined
  readonly to: Verdict
  readonly at: number
}

/** Makes announcements of what a write is about to change; they become durable with it or not at all. Must not touch the catalog. */
export type Announce<Change> = (changes: readonly Change[]) => readonly Announcement[]

export interface WaitingEvent {
  readonly seq: number
  readonly event: ArchiveEvent
  /** When it was announced. */
  readonly at: number
  readonly tries: number
}

export interface HookState {
  readonly hook: string
  readonly waiting: number
  readonly oldestAt?: number | undefined
  readonly delivered: number
  readonly givenUp: number
  readonly dropped: number
  readonly deliveredAt?: number | undefined
  readonly failures: number
  readonly failingSince?: number | undefined
  readonly retryAt?: number | undefined
  readonly failure?: string | undefined
}

export interface CatalogHooks {
  /**
   * Logs events and queues them for hooks, in order. An event whose id is in the log already changes nothing; resolves to the others. Of a hook with more
   * waiting than allowed, the oldest of the least severe are dropped and counted.
   */
  announce(announcements: readonly Announcement[]): Promise<readonly ArchiveEvent[]>
  /** What waits for a hook, in the order of announcement. */
  waitingFor(
    hook: string,
    options?: { readonly after?: number | undefined; readonly limit?: number | undefined },
  ): Promise<readonly WaitingEvent[]>
  /** They were delivered: they wait no longer, and the hook's failures are over. */
  delivered(hook: string, seqs: readonly number[], at: number): Promise<void>
  /** They were tried and not taken; the hook rests until `retryAt`. */
  deliveryFailed(
    hook: string,
    seqs: readonly number[],
    failed: { readonly at: number; readonly retryAt: number; readonly failure: string },
  ): Promise<void>
  /** They are not tried any more; counted. */
  giveUp(hook: string, seqs: readonly number[]): Promise<void>
  /** Every hook that anything is known of, configured or not, by id. */
  hookStates(): Promise<readonly HookState[]>
  /** Lets a hook be tried at once. */
  resumeHook(hook: string): Promise<void>
  tallies(at: number): Promise<ArchiveTallies>
}

export interface EventTotal {
  readonly type: ArchiveEvent['type']
  /** Events of that type, each id once. */
  readonly total: number
  readonly lastAt: number
  readonly last: ArchiveEvent
}

/** Replicas that share these properties. */
export interface ReplicaTally {
  readonly vault: string
  readonly state: 'intended' | 'placed'
  /** The verdict they stand under; undefined: never challenged. */
  readonly verdict: Verdict | undefined
  /** Day since the epoch on which they last showed bytes that hashed right; undefined: never. */
  readonly day: number | undefined
  readonly replicas: number
  readonly byteLength: number
}

/** Sums over the archive, cheap enough to ask for every few seconds. */
export interface ArchiveTallies {
  readonly objects: number
  readonly byteLength: number
  /** As in `totals`: objects whose evidence has lapsed count as `unknown` unless they are worse. */
  readonly states: Readonly<Record<ObjectState, number>>
  /** Objects whose evidence has lapsed. */
  readonly lapsed: number
  readonly spooledBytes: number
  readonly replicas: readonly ReplicaTally[]
  /** Per vault, over replicas not known to be damaged or missing: when the one that last showed bytes longest ago did so, and the newest. */
  readonly evidence: readonly { readonly vault: string; readonly oldestAt: number; readonly newestAt: number }[]
  readonly events: readonly EventTotal[]
}
