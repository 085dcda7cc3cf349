/** Evidence, policy, and the reports that judge one by the other. */
import type { CID } from 'multiformats/cid'
import type { InclusionProof } from './log.ts'
import type { Profile, RetentionMode, Visibility } from './vault.ts'

export type Possession = 'claimed' | 'listed' | 'proven'
export type Retrieval = 'none' | 'sampled' | 'whole'

/**
 * `intact`: every span asked for came back and hashed right · `damaged`: wrong bytes · `missing`: the vault says it is not there, or a contained
 * probe ran out of patience · `unreachable`: nothing was answered · `denied`: credentials refused, which is not absence ·
 * `incomplete`: some probes are unanswered and contained · `pending`: accepted, not settled · `unproven`: claimed or listed only.
 */
export type Verdict = 'intact' | 'damaged' | 'missing' | 'unreachable' | 'denied' | 'incomplete' | 'pending' | 'unproven'

/** What a challenge showed of a replica, and when. `object` is absent when it speaks of the whole pack. */
export interface Evidence {
  readonly vault: string
  readonly pack: CID
  readonly verdict: Verdict
  readonly possession: Possession
  readonly retrieval: Retrieval
  readonly at: number
  /** The seed the probes were drawn from, fixed before the first answer. */
  readonly seed?: Uint8Array | undefined
  readonly asked: number
  readonly answered: number
  readonly bytesRead: number
  readonly detail?: string | undefined
}

/** A span that was asked for and not answered: asked again, never redrawn (rule 4). */
export interface Unanswered {
  /** Position of the block in its pack. */
  readonly ordinal: number
  readonly since: number
  /** Audits in which it stayed silent while other spans answered. */
  readonly tries: number
}

export interface EvidencePolicy {
  /** What counts: any of `listed`, `sampled`, `whole` (retrieval) and `proven` (attested possession). */
  readonly accept: readonly ('listed' | 'sampled' | 'whole' | 'proven')[]
  readonly maxAgeDays: number
}

/** What must be true of an object. */
export interface Policy {
  /** Vaults that hold the object whole, by accepted and fresh evidence; IPFS counts here. */
  readonly copies: number
  /** Distinct operators outside IPFS below which the object is at risk. */
  readonly floor: number
  /** Least number of distinct values of `network`, `operator`, `region`, `jurisdiction` or any label among the non-IPFS copies. */
  readonly distinct: Readonly<Record<string, number>>
  readonly evidence: EvidencePolicy
  /** Per vault id, shown as weaker when it accepts less. */
  readonly overrides: Readonly<Record<string, EvidencePolicy>>
  /** How long an unanswered probe may stay unanswered before it counts as missing. */
  readonly graceDays: number
  /**
   * For the headers of erasable objects, which only vaults that can forget may hold; `distinct` asks nothing of them. Absent: the same copies and the
   * same floor.
   */
  readonly erasable?: { readonly copies: number; readonly floor: number } | undefined
}

export type PolicyInput = Partial<Omit<Policy, 'evidence' | 'erasable'>> & {
  readonly evidence?: Partial<EvidencePolicy> | undefined
  readonly erasable?: Partial<NonNullable<Policy['erasable']>> | undefined
}

/** Worst first: lost · at-risk (below floor) · damaged (repairable, floor holds) · unknown (something did not answer or is stale) · degraded · satisfied. */
export type ObjectState = 'lost' | 'at-risk' | 'damaged' | 'unknown' | 'degraded' | 'satisfied'

/** One unmet demand, in words and numbers. */
export interface Missing {
  readonly constraint: string
  readonly wanted: number
  readonly found: number
  /** One sentence: what is missing and what to do. */
  readonly reason: string
}

/** A replica as reports and receipts show it. Plain JSON. */
export interface ReplicaReport {
  readonly vault: string
  readonly network: string
  readonly operator: string
  readonly pack: string
  readonly verdict: Verdict
  readonly possession: Possession
  readonly retrieval: Retrieval
  /** Does it count toward the policy right now? */
  readonly counts: boolean
  /** ISO 8601, of the newest evidence. */
  readonly at?: string
  readonly locator?: string
  readonly asked?: number
  readonly answered?: number
  readonly bytesRead?: number
  readonly detail?: string
}

/** What was asked for with a put to keep replicas from being deleted. Plain JSON. */
export interface RetainReport {
  /** ISO 8601. */
  readonly until: string
  readonly mode?: RetentionMode
  readonly legalHold?: boolean
}

export interface ObjectReport {
  readonly root: string
  readonly name?: string
  /** Then there is a name only where an identity of the archive opens it. */
  readonly sealed?: true
  readonly state: ObjectState
  readonly byteLength: number
  readonly packs: readonly string[]
  readonly replicas: readonly ReplicaReport[]
  readonly missing: readonly Missing[]
  /** Of a shredded object: since when, and whether every vault has reported its headers absent. Nothing else is asked of it any more. */
  readonly shredded?: { readonly since: string; readonly complete: boolean }
  readonly retain?: RetainReport
}

export interface PackReceipt {
  readonly name: string
  readonly byteLength: number
  readonly blocks: number
}

/** Signed statement of what was stored where, with the evidence known at that moment. Plain JSON; FORMAT.md says what the signature covers. */
export interface Receipt {
  readonly version: 1
  readonly root: string
  readonly name?: string
  readonly mediaType?: string
  readonly byteLength: number
  readonly profile: Profile
  readonly visibility: Visibility
  readonly state: ObjectState
  readonly created: string
  readonly packs: readonly PackReceipt[]
  readonly replicas: readonly ReplicaReport[]
  readonly missing: readonly Missing[]
  readonly retain?: RetainReport
  /** Did every vault that the plan named accept the object and show bytes of it, or say that it has it where the policy takes its word? */
  readonly complete: boolean
  /** Shows that the write is in the archive's log. Receipts from before there was a log have none. */
  readonly log?: InclusionProof
  /** Ed25519 public key as a multikey (`z6Mk…`). */
  readonly archive: string
  /** Ed25519 signature, multibase base64url. */
  readonly signature: string
}
