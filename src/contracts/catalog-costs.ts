/** What the catalog keeps of spending: sums by month, and what work under way may still spend. */
import type { Charge, CostRow } from './costs.ts'

export interface MonthOfCosts {
  readonly rows: readonly CostRow[]
  readonly charges: readonly Charge[]
  /** By currency, what living processes have reserved: decimal numbers. */
  readonly reserved: readonly { readonly amount: string; readonly currency: string }[]
  /** Bytes of placed replicas, by vault. */
  readonly held: readonly { readonly vault: string; readonly byteLength: number }[]
}

export interface CatalogCosts {
  /** Adds to the sums of their month, vault, activity and prices, all in one transaction. */
  addCosts(rows: readonly CostRow[], charges?: readonly Charge[]): Promise<void>
  /** By month, vault and activity, the oldest month first; both ends are included. */
  costs(options?: { readonly since?: string | undefined; readonly until?: string | undefined }): Promise<readonly CostRow[]>
  charges(options?: { readonly since?: string | undefined; readonly until?: string | undefined }): Promise<readonly Charge[]>
  /** Bytes of placed replicas, by vault. */
  heldBytes(): Promise<MonthOfCosts['held']>
  /**
   * Reserves amounts unless `refuses`, which sees the month as it is, gives a reason; then nothing is reserved and the reason comes back. Look and
   * reservation are one transaction: no two callers are both promised the last of a budget. What dead processes reserved is dropped first.
   */
  reserve<Reason>(
    reservation: {
      readonly key: string
      readonly month: string
      readonly amounts: readonly { readonly amount: string; readonly currency: string }[]
    },
    refuses: (month: MonthOfCosts) => Reason | undefined,
  ): Promise<Reason | undefined>
  /** Ends a reservation; what was spent of it has been recorded. */
  unreserve(key: string): Promise<void>
}
