/** The door of `perdure/filecoin`. */
import type { Vault } from './contracts.ts'
import { createPieceHasher } from './format/commp-native.ts'
import { type FilecoinOptions, filecoinVault } from './vaults/filecoin.ts'

export {
  type Balance,
  type FilecoinOptions,
  type Funded,
  type FundPlan,
  filecoinBalance,
  fundFilecoin,
  planFilecoinFunding,
} from './vaults/filecoin.ts'
export { type FilecoinDealOptions, filecoinDeal } from './vaults/filecoin-deal.ts'

/**
 * Packs as pieces in data sets of one payer. Nothing is asked before the first call, and nothing is paid but by `put` and `renew`, out of what was deposited
 * before. Wants the optional peers `viem` and `@filoz/synapse-core`; `@chainsafe/hashtree` makes piece commitments ten times as fast.
 */
export const filecoin = (options: FilecoinOptions): Vault => filecoinVault(options, createPieceHasher)
