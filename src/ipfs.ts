/** The door of `perdure/ipfs`. */

export { type IpfsAddress, parseIpfsUrl } from './bytes/ipfs-url.ts'
export type { FetchOptions } from './vaults/ipfs/embedded/fetch.ts'
export { type BlockOptions, type GatewayOptions, type TrustlessGateway, trustlessGateway } from './vaults/ipfs/gateway/client.ts'
export type { GatewayFetch, GatewayRequest, GatewayResponse } from './vaults/ipfs/gateway/connect.ts'
export { type BlockGateway, type GatewayRace, type RaceOptions, raceGateways } from './vaults/ipfs/gateway/race.ts'
export { type BlockSource, type EmbeddedNode, heliaNode, type NodeOptions, replicaBlocks } from './vaults/ipfs/helia-node.ts'
export { type KuboAuth, type KuboOptions, kubo } from './vaults/ipfs/kubo.ts'
export { type PinningPresetName, type PinningServiceOptions, pinningService } from './vaults/ipfs/pinning-service.ts'
export { type Provider, type ProvidersOptions, providersOf } from './vaults/ipfs/routing.ts'
