/** The door of `perdure/ipfs`. */

export type { FetchOptions } from './vaults/ipfs/embedded/fetch.ts'
export { type BlockSource, type EmbeddedNode, heliaNode, type NodeOptions, replicaBlocks } from './vaults/ipfs/helia-node.ts'
