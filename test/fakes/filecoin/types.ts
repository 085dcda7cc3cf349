/** What the Filecoin house for tests offers: a chain on anvil, contracts and storage providers, all of them fakes. */
import type { Chain } from '@filoz/synapse-core/chains'
import type { PublicClient } from 'viem'

export type Hex = `0x${string}`

export interface FilecoinHouse {
  /** Of the proxy in front of anvil: give this one to what is tested. */
  readonly rpc: string
  /** Of anvil itself, which never misbehaves. */
  readonly node: string
  readonly chain: Chain
  readonly proxy: RpcProxy
  /** The payer: has FIL and 1,000 USDFC in the wallet, nothing deposited, nothing approved. */
  readonly clientKey: Hex
  readonly clientAddress: Hex
  readonly contracts: Contracts
  readonly providers: readonly FakeProvider[]
  /** Reads anvil itself, nothing cached. */
  readonly reader: PublicClient
  /** Registers and approves one more provider. */
  addProvider(options?: ProviderOptions): Promise<FakeProvider>
  /** Mines so many blocks, 30 seconds apart. */
  mine(blocks: number): Promise<void>
  epoch(): Promise<bigint>
  /** By the chain's clock, in milliseconds since 1970: about the machine's at first, ahead of it once blocks were mined. */
  now(): Promise<number>
  /** Off: transactions wait until `mine`. */
  automine(isOn: boolean): Promise<void>
  /** Puts USDFC (and gas) into a wallet. */
  fund(address: Hex, amount: bigint): Promise<void>
  /** Deposits for the client and approves the service without limits, as a payer in order has done. */
  settle(amount?: bigint): Promise<void>
  /** Remembers the chain as it is now: `undo()` takes everything back that happened on it since, mined in other blocks of the same number. */
  reorg(): Promise<{ undo(): Promise<void> }>
  /** Of the service and the verifier: everything emitted so far, decoded. */
  events(name?: string): Promise<readonly ChainEvent[]>
  /** Sends from the key that owns the contracts. */
  asOwner(contract: keyof Contracts, functionName: string, args: readonly unknown[]): Promise<void>
  asClient(contract: keyof Contracts, functionName: string, args: readonly unknown[]): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Contracts {
  readonly usdfc: Hex
  readonly filecoinPay: Hex
  readonly fwss: Hex
  readonly fwssView: Hex
  readonly serviceProviderRegistry: Hex
  readonly pdp: Hex
  readonly endorsements: Hex
  readonly multicall3: Hex
}

export interface ChainEvent {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly block: bigint
}

/** The JSON-RPC proxy. It passes everything on until it is told otherwise. */
export interface RpcProxy {
  readonly url: string
  /** By method; a call in a batch counts as one. */
  readonly calls: Map<string, number>
  /** HTTP requests. */
  requests: number
  /** The head is that of so many blocks ago. */
  lag: number
  /** Answers so many HTTP requests with this status before it works again. */
  refuse: { status: number; times: number; headers?: Readonly<Record<string, string>> } | undefined
  /** Cuts the connection at that HTTP request from now on, 1 being the next; `after`: once the node has answered. */
  cutAt: { request: number; when: 'before' | 'after'; method?: string } | undefined
  /** Never answers. */
  silent: boolean
  /** Answers a call (`eth_chainId` say) with this result. */
  readonly lies: Map<string, unknown>
  reset(): void
}

export interface ProviderOptions {
  readonly name?: string
  readonly location?: string
  readonly isApproved?: boolean
  /** Base units of USDFC for one TiB and a day. */
  readonly price?: bigint
  readonly minPieceBytes?: bigint
  readonly maxPieceBytes?: bigint
}

/** How a provider misbehaves; empty: as it should. */
export interface ProviderFaults {
  /** Takes every request and answers none. */
  silent?: boolean
  /** Answers after so many milliseconds. */
  late?: number
  /** `prove` and `nextPeriod` do nothing. */
  servesNotProves?: boolean
  /** `GET /piece/…` is 404. */
  provesNotServes?: boolean
  /** `GET /piece/…` answers other bytes under the right length; what is kept stays right. */
  servesWrongBytes?: boolean
  /** Cuts the connection of a commit before or after its transaction was sent. Once. */
  diesMidCommit?: 'before' | 'after'
  /** So many times `GET /pdp/piece` and `GET /piece/…` are 404 for a piece that is there. */
  pieceNotFoundFor?: number
  /** So many times a commit is said to be pending although it was mined. */
  pendingFor?: number
  /** 507 for uploads. */
  outOfSpace?: boolean
  /** Everything but retrieval is answered with that. */
  refuses?: 401 | 403 | 429 | 500 | 503
  /** `GET /piece/…` is answered with that. */
  refusesRetrieval?: 401 | 403 | 429 | 500 | 503
  /** Ignores `Range`, answering 200 with everything. */
  ignoresRange?: boolean
  /** Cuts the connection at that request from now on, 1 being the next. */
  cutAt?: number
}

export interface FakeProvider {
  readonly id: bigint
  readonly name: string
  readonly url: string
  readonly address: Hex
  /** Set at any time. */
  readonly faults: ProviderFaults
  /** Every request, in order. */
  readonly log: { readonly method: string; readonly path: string; readonly status: number | 'cut' | 'silent' }[]
  /** By piece CID v2. */
  readonly pieces: ReadonlyMap<string, Uint8Array>
  /** Hashes of the transactions it sent. */
  readonly transactions: readonly Hex[]
  /** Flips a byte of what it keeps. */
  corrupt(pieceCid: string, at?: number): void
  lose(pieceCid: string): void
  /** Keeps bytes without an upload; resolves with their piece CID v2. */
  keep(bytes: Uint8Array): string
  /** Starts the proving of a data set or goes on to the next period: what was added is challenged from then on. Mines up to where it may. */
  nextPeriod(dataSetId: bigint): Promise<void>
  /** Mines up to the challenge window and proves with the bytes it keeps now; false: the chain refused the proof. */
  prove(dataSetId: bigint): Promise<boolean>
  /** Removes itself from the registry. */
  leave(): Promise<void>
  close(): Promise<void>
}
