/** The node of ours that feeds pinning services, fetches from peers, and stands in for a remote peer. */
export { type EmbeddedNode, embeddedNode, embeddedNode as heliaNode, type NodeOptions } from './embedded/node.ts'
export { type BlockSource, replicaBlocks } from './embedded/source.ts'
