/** What things cost: estimates before an upload, and what was spent after it. */
import type { AbortOptions } from './options.ts'
import type { Missing } from './policy.ts'
import type { Money, VaultPrices } from './prices.ts'

/** What the archive did when it caused a cost. */
export type Activity = 'put' | 'verify' | 'survey' | 'repair' | 'renew' | 'evacuate' | 'drill' | 'read' | 'recover' | 'remove' | 'other'

/** Measured at the vault's interface. All are counts that add up; `storedBytes` may be negative where a put that was counted stored nothing. */
export interface Usage {
  /** Requests that write or list. A pack that is sent in parts takes one per part and two more. */
  readonly writes: number
  /** Requests that read or ask. */
  readonly reads: number
  /** Bytes of packs handed over to be stored. */
  readonly storedBytes: number
  /** Bytes that came back. */
  readonly readBytes: number
  /** Calls among them that ended with an error. */
  readonly failed: number
}

/** One vault's month, activity by activity, under the prices that held then. */
export interface CostRow extends Usage {
  /** `2026-11`, in UTC. */
  readonly month: string
  readonly vault: string
  readonly activity: Activity
  /** Absent: the vault stated none. */
  readonly prices?: VaultPrices | undefined
}

/** What a vault itself says that it charged. */
export interface Charge {
  readonly at: number
  readonly vault: string
  readonly activity: Activity
  /** A decimal number. */
  readonly amount: string
  readonly currency: string
  readonly detail?: string | undefined
}

/** Upper bounds on spending. A list holds one bound per currency. */
export interface Limits {
  /** What one put, or the repair of one object, may cost: up front, and the first month. */
  readonly perPut?: Money | readonly Money[] | undefined
  /** What a calendar month (UTC) may cost: all that was spent in it, and a month of storing everything that is held. */
  readonly perMonth?: Money | readonly Money[] | undefined
}

/** The numbers behind `exhausted`, when a limit does not allow what was asked for. */
export interface LimitExceeded {
  readonly limit: 'perPut' | 'perMonth'
  readonly currency: string
  readonly allowed: number
  /** Of this month: recorded, reserved by work that is under way, and a month of storing what is held. Absent for `perPut`. */
  readonly spent?: number
  readonly reserved?: number
  readonly storage?: number
  /** What was asked for would cost. */
  readonly needed: number
}

/** One vault's share of an estimate. Amounts are of the vault's own currency. */
export interface VaultEstimate {
  readonly vault: string
  /** Where the amounts come from: the prices in its configuration, its own quote (storage only), or nobody stated any. */
  readonly basis: 'prices' | 'quote' | 'unknown'
  readonly currency?: string
  readonly packs: number
  readonly byteLength: number
  readonly upFront: {
    /** Storage that is paid once. */
    readonly storage: number
    readonly requests: number
    /** Reading back what was placed. */
    readonly readBack: number
    /** Puts again of what failed before, at the rate measured in the last three months. */
    readonly retries: number
    readonly total: number
  }
  readonly perMonth: {
    readonly storage: number
    /** Requests of verification. */
    readonly requests: number
    /** Attested possession; nothing where the vault attests for free or not at all. */
    readonly proofs: number
    /** Bytes read back by verification. */
    readonly egress: number
    readonly total: number
  }
  readonly notes: readonly string[]
}

export interface CostEstimate {
  /** Of the source. */
  readonly files: number
  readonly byteLength: number
  /** What would be stored for the first time, packs with their framing. */
  readonly newBytes: number
  readonly packs: number
  readonly blocks: number
  /** What is stored already was looked for, block by block. */
  readonly exact: boolean
  readonly vaults: readonly VaultEstimate[]
  /** By currency; never added up across currencies. */
  readonly upFront: readonly Money[]
  readonly perMonth: readonly Money[]
  /** What the policy asks for and no choice of vaults could meet. */
  readonly unmet: readonly Missing[]
  /** A limit that the put would not be allowed to pass. */
  readonly exceeds?: LimitExceeded
  readonly notes: readonly string[]
}

export interface EstimateOptions extends AbortOptions {
  /** Look at sizes only and read nothing: an upper bound. Sealed content is always estimated so. */
  readonly quick?: boolean | undefined
  readonly public?: boolean | undefined
  readonly exclude?: readonly string[] | undefined
  /** Told of bytes as they are read. */
  readonly onProgress?: ((event: { readonly type: 'bytes-read'; readonly byteLength: number; readonly total?: number }) => void) | undefined
}

export interface VaultCosts extends Usage {
  readonly month: string
  readonly vault: string
  readonly activity: Activity
  /** Measured use at the prices of that time. */
  readonly measured: readonly Money[]
  /** What the vault reported itself. */
  readonly reported: readonly Money[]
}

export interface CostsReport {
  readonly rows: readonly VaultCosts[]
  readonly months: readonly { readonly month: string; readonly total: readonly Money[] }[]
  /** A month of storing what is held now, at the prices of now. */
  readonly storage: readonly { readonly vault: string; readonly byteLength: number; readonly perMonth?: Money }[]
  readonly storagePerMonth: readonly Money[]
  readonly total: readonly Money[]
  /** Vaults that hold something and state no prices. */
  readonly unpriced: readonly string[]
  readonly limits?: Limits
}

export interface CostsOptions extends AbortOptions {
  /** First month, `2026-01`; default: all there is. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly vaults?: readonly string[] | undefined
}
