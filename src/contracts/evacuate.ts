/** Leaving a vault: everything in it gets a home elsewhere before it is let go. */
import type { LimitExceeded } from './costs.ts'
import type { AbortOptions, ProgressOptions } from './options.ts'
import type { Missing, ObjectState } from './policy.ts'
import type { Money } from './prices.ts'
import type { ReplicationEvent } from './putting.ts'

/**
 * What became of one pack of the leaving vault. `safe`: what the policy asks for stands elsewhere, shown by evidence · `unneeded`: nothing needs it any
 * more (garbage, superseded records, shredded) · `lost`: no replica anywhere gave it whole, and the leaving vault has answered wrongly ·
 * `silent`: only the leaving vault could have it, and it did not answer; ask again · `refused`: no other vault would take it now.
 */
export type PackFate = 'safe' | 'unneeded' | 'lost' | 'silent' | 'refused'

export type EvacuateEvent =
  | ReplicationEvent
  | {
      readonly type: 'pack-settled'
      readonly pack: string
      readonly byteLength: number
      readonly fate: PackFate
      readonly detail?: string | undefined | undefined
    }
  | { readonly type: 'copy-removed'; readonly pack: string; readonly byteLength: number }

export interface EvacuateOptions extends AbortOptions, ProgressOptions<EvacuateEvent> {
  /** Show what would move and what it would cost; changes nothing. */
  readonly plan?: boolean | undefined
  /** Begin although the policy cannot be met without the vault: as much of it as can be. */
  readonly degrade?: boolean | undefined
  /** Once everything has its new home: delete the copies in the leaving vault, where it can. */
  readonly remove?: boolean | undefined
  /** End an evacuation: the vault gets new packs again. What was moved stays where it is. */
  readonly cancel?: boolean | undefined
}

/** What lies in a vault, and how the objects are that have a part of it there. */
export interface VaultInventory {
  readonly objects: number
  /** Of those objects. */
  readonly byteLength: number
  readonly packs: number
  readonly indexPacks: number
  readonly packBytes: number
  readonly states: Readonly<Partial<Record<ObjectState, number>>>
}

export interface EvacuatePlan {
  /** Copies to be made. */
  readonly copies: number
  readonly byteLength: number
  /** By target. */
  readonly targets: readonly { readonly vault: string; readonly packs: number; readonly byteLength: number }[]
  /** Packs that need no copy, because enough of them stand elsewhere. */
  readonly standing: number
  readonly unneeded: number
  /** Demands that the policy's other vaults cannot meet for some packs, each by its worst pack. */
  readonly unmet: readonly Missing[]
  /** Packs without any other vault that could take them, and objects with blocks in them, the first hundred. */
  readonly stuck: { readonly packs: number; readonly roots: readonly string[] }
  /** Once, and for a month of storage; by currency. Reads from the cheapest replicas included. */
  readonly upFront: readonly Money[]
  readonly perMonth: readonly Money[]
  readonly unpriced: readonly string[]
  readonly exceeds?: LimitExceeded
}

/** What stays in the vault, and until when something keeps it there. */
export interface Remaining {
  /** `until-removed`: until somebody deletes it · `for-ever` · otherwise the last day, ISO 8601, that a lock or a term keeps some of it. */
  readonly kept: string
  readonly packs: number
  readonly byteLength: number
  readonly perMonth?: Money
  /** Why it was not deleted, where that was tried. */
  readonly reason?: string
}

export interface EvacuateReport {
  readonly vault: string
  /** `leaving`: not everything is elsewhere yet, run it again · `left`: the vault may be taken out of the configuration. */
  readonly state: 'planned' | 'leaving' | 'left' | 'cancelled'
  readonly began?: string
  readonly before: VaultInventory
  /** Judged without the vault once it is left. */
  readonly after: VaultInventory
  readonly plan?: EvacuatePlan
  /** Packs by what became of them. */
  readonly fates: Readonly<Record<PackFate, number>>
  /** Bytes that were copied to other vaults in this run. */
  readonly copiedBytes: number
  /** What is not `safe` or `unneeded`, the first hundred, with objects that have blocks in it. */
  readonly troubles: readonly {
    readonly pack: string
    readonly fate: PackFate
    readonly detail: string
    readonly roots: readonly string[]
  }[]
  readonly removed: { readonly packs: number; readonly byteLength: number }
  readonly remaining: readonly Remaining[]
}
