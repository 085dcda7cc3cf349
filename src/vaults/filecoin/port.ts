/**
 * What the Filecoin vault needs of the chain and of one storage provider, small enough to be stood in for: the packages behind it change with every
 * minor. Money is counted in the token's base units, time on the chain in epochs (blocks of 30 seconds), lengths in bytes.
 */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../contracts.ts'

/** 0x and hexadecimal digits. */
export type Hex = `0x${string}`

export interface Epoch {
  readonly number: bigint
  /** By the chain's clock, in milliseconds since 1970. */
  readonly at: number
}

/** A storage provider, by the on-chain registry. */
export interface Provider {
  readonly id: bigint
  readonly name: string
  /** Signs proofs and transactions. */
  readonly address: Hex
  readonly payee: Hex
  /** Origin of its HTTP API. */
  readonly url: string
  /** As it says, e.g. `C=DE;ST=Berlin;L=Berlin`. */
  readonly location: string
  readonly minPieceBytes: bigint
  readonly maxPieceBytes: bigint
  /** Of one TiB for a day. */
  readonly price: bigint
  readonly isActive: boolean
  /** By the service contract. */
  readonly isApproved: boolean
}

/** One contract between us and one provider, which many pieces share. */
export interface DataSet {
  readonly id: bigint
  readonly providerId: bigint
  readonly payer: Hex
  readonly payee: Hex
  /** Ours: the nonce that it was created with. */
  readonly clientDataSetId: bigint
  readonly railId: bigint
  /** When the service ends, zero while it has not been terminated. */
  readonly endEpoch: bigint
  /** What was written to it when it was created. */
  readonly metadata: Readonly<Record<string, string>>
}

/** A piece in a data set. */
export interface Placed {
  readonly dataSetId: bigint
  readonly pieceId: bigint
  /** Piece CID v2. */
  readonly cid: CID
}

/** What the chain says of one data set and some of its pieces, all of it at one block. */
export interface ProofState {
  readonly epoch: Epoch
  readonly dataSetId: bigint
  /** The verifier knows it; says nothing of whether its proofs come. */
  readonly isLive: boolean
  /** The service contract is who hears of its proofs and pays for them. */
  readonly isServed: boolean
  /** Zero while it has not been terminated. */
  readonly endEpoch: bigint
  /** Zero before the first proving period has begun. */
  readonly activationEpoch: bigint
  /** Of the proving period under way; zero before the first. */
  readonly deadline: bigint
  readonly provingPeriod: bigint
  /** False also before it is due. */
  readonly isProvenNow: boolean
  /** The period that was closed last; undefined when none has been. */
  readonly wasProven: boolean | undefined
  /** The block of its creation before any proof: says nothing alone. */
  readonly lastProvenEpoch: bigint
  readonly scheduledRemovals: ReadonlySet<bigint>
  readonly rail: Rail
  /** By piece id, for each that was asked for. */
  readonly pieces: ReadonlyMap<bigint, PieceState>
}

export interface PieceState {
  /** Undefined when there is no such piece (any more). */
  readonly cid: CID | undefined
  readonly isActive: boolean
  /** Its bytes are among those that are challenged now. */
  readonly isChallengeable: boolean
  /** The newest proof was drawn from it as well. Undefined: nobody asked, as this period is proven or the last one is not, or the node forgot that block. */
  readonly wasChallenged?: boolean | undefined
}

/** How a data set is paid for. */
export interface Rail {
  /** A month costs so much, at the rate of now. */
  readonly ratePerEpoch: bigint
  readonly lockupPeriod: bigint
  /** Zero while it has not been terminated. */
  readonly endEpoch: bigint
  /** The payer's money lasts until then for all that it pays; undefined: for ever, nothing is being spent. */
  readonly fundedUntil: bigint | undefined
}

/** What the payer has, and what the service may take of it. */
export interface Funds {
  /** In the wallet. */
  readonly wallet: bigint
  /** In the wallet, for gas, in attoFIL. */
  readonly gas: bigint
  /** In the payments contract, locked up or not. */
  readonly deposited: bigint
  /** Of it not locked up, at the block that was asked. */
  readonly available: bigint
  /** What all rails take in an epoch. */
  readonly ratePerEpoch: bigint
  readonly fundedUntil: bigint | undefined
  readonly approval: Approval
  /** E.g. `USDFC`, and how many digits follow its point. */
  readonly symbol: string
  readonly decimals: number
}

/** What the payer lets the service contract take. */
export interface Approval {
  readonly isApproved: boolean
  readonly rateAllowance: bigint
  readonly lockupAllowance: bigint
  readonly rateUsed: bigint
  readonly lockupUsed: bigint
  readonly maxLockupPeriod: bigint
}

export interface Price {
  readonly perTiBMonth: bigint
  readonly leastPerMonth: bigint
  readonly epochsPerMonth: bigint
  /** Taken once for a new data set, where the verifier asks for that; absent: nothing. */
  readonly perDataSet?: bigint | undefined
}

/** The chain, as it is read. Every answer that cannot be had throws VaultError `unreachable`; a head that lags behind the clock is none. */
export interface ChainReader {
  readonly chainId: number
  /** Whose data sets these are. */
  readonly payer: Hex
  epoch(options?: AbortOptions): Promise<Epoch>
  providers(options?: AbortOptions): Promise<readonly Provider[]>
  /** Of this payer and this service. */
  dataSets(options?: AbortOptions): Promise<readonly DataSet[]>
  /** Undefined when there is none. */
  dataSet(id: bigint, options?: AbortOptions): Promise<DataSet | undefined>
  /** The data set that was created with that nonce; undefined: none yet. */
  createdBy(clientDataSetId: bigint, options?: AbortOptions): Promise<bigint | undefined>
  /** Active pieces with that piece CID. */
  find(dataSetId: bigint, cid: CID, options?: AbortOptions): Promise<readonly bigint[]>
  /** What was written to a piece when it was added. */
  metadataOf(
    dataSetId: bigint,
    pieceIds: readonly bigint[],
    options?: AbortOptions,
  ): Promise<ReadonlyMap<bigint, Readonly<Record<string, string>>>>
  /** The active pieces of a data set, in order; all of them, or those from that number on. */
  pieces(dataSetId: bigint, options?: AbortOptions & { readonly from?: bigint | undefined }): AsyncIterable<Placed>
  /** At most 20 requests for a thousand pieces. */
  proofState(dataSetId: bigint, pieceIds: readonly bigint[], options?: AbortOptions): Promise<ProofState>
  funds(options?: AbortOptions): Promise<Funds>
  price(options?: AbortOptions): Promise<Price>
  /** `pending`, or how it ended. Undefined: the chain has never heard of it, or forgot it in a reorganisation. */
  transaction(hash: Hex, options?: AbortOptions): Promise<'pending' | 'succeeded' | 'reverted' | undefined>
}

/** The chain, as it is written to, with the payer's key. Each resolves with the hash of a transaction that was sent, not mined. */
export interface ChainWriter {
  deposit(amount: bigint, options?: AbortOptions): Promise<Hex>
  approve(approval: Pick<Approval, 'rateAllowance' | 'lockupAllowance' | 'maxLockupPeriod'>, options?: AbortOptions): Promise<Hex>
  terminate(dataSetId: bigint, options?: AbortOptions): Promise<Hex>
  /** What a provider needs to create a data set with pieces in it in our name. Sends nothing. */
  signCreation(order: CreationOrder): Promise<Hex>
  signAddition(order: AdditionOrder): Promise<Hex>
  signRemoval(order: { readonly clientDataSetId: bigint; readonly pieceIds: readonly bigint[] }): Promise<Hex>
  /** The contract that providers name as record keeper. */
  readonly recordKeeper: Hex
}

export interface AdditionOrder {
  readonly clientDataSetId: bigint
  /** Random; the contract takes each once. */
  readonly nonce: bigint
  readonly pieces: readonly { readonly cid: CID; readonly metadata: Readonly<Record<string, string>> }[]
}

export interface CreationOrder extends AdditionOrder {
  readonly payee: Hex
  readonly metadata: Readonly<Record<string, string>>
}
