/** What a vault asks for, as the user states it: prices move, so none is built in. */

/** All amounts are decimal numbers of `currency`; what is absent is free or unknown, and estimates say which vaults state no prices. */
export interface VaultPrices {
  /** ISO 4217, or the ticker of a token: `USD`, `FIL`, `AR`. Amounts in different currencies are never added up. */
  readonly currency: string
  /** Per GiB (2^30 bytes) stored and month of 30 days. */
  readonly storagePerGiBMonth?: number | undefined
  /** Once, per GiB stored: perpetual vaults. */
  readonly storagePerGiBOnce?: number | undefined
  /** Per GiB read back. */
  readonly egressPerGiB?: number | undefined
  /** Per 1,000 requests that write or list, and per 1,000 that read or ask. */
  readonly writesPerThousand?: number | undefined
  readonly readsPerThousand?: number | undefined
}

/** A sum in one currency. */
export interface Money {
  readonly amount: number
  readonly currency: string
}
