/** The door of `perdure/arweave`. */

export { type ArweaveBundler, type ArweaveOptions, arweave, balanceOfWallet, type WalletBalance } from './vaults/arweave.ts'
