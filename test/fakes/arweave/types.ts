/** What the fake Arweave network knows: transactions, blocks, data items, and what a test may do to them. */
import type { TestKey } from './key.ts'
import type { Weave } from './weave.ts'

export interface Tag {
  readonly name: string
  readonly value: string
}

/** A transaction of format 2 as JSON, without its data; tags are base64url as on the wire. */
export interface Header {
  readonly format: 2
  readonly id: string
  readonly last_tx: string
  readonly owner: string
  readonly tags: readonly Tag[]
  readonly target: string
  readonly quantity: string
  readonly data_size: string
  readonly data_root: string
  readonly reward: string
  readonly signature: string
}

/** A transaction that the network knows. */
export interface Sent {
  readonly header: Header
  readonly address: string
  /** Grows with every arrival. */
  readonly order: number
  /** Undefined while it waits in the mempool. */
  height: number | undefined
  /** How many bytes of the weave lie before its data, once it is mined. */
  start: number
}

/** A data item inside a bundle; tags are plain text. */
export interface Item {
  readonly id: string
  /** The id of the transaction that carries it. */
  readonly bundle: string
  readonly data: Uint8Array
  readonly tags?: readonly Tag[]
  /** The public modulus, or an address. */
  readonly owner: string
}

export interface Block {
  readonly height: number
  readonly indep_hash: string
  readonly previous_block: string
  /** Seconds. */
  readonly timestamp: number
  readonly txs: readonly string[]
  readonly block_size: string
  readonly weave_size: string
}

export interface Payment {
  readonly id: string
  readonly reward: bigint
  /** An address. */
  readonly owner: string
}

export interface Placed {
  readonly data: Uint8Array
  /** Plain text. */
  readonly tags?: readonly Tag[]
  /** Signs it truly; without a key owner and signature are made up. */
  readonly key?: TestKey
}

/** The truth that several nodes may look at. */
export interface Chain {
  readonly fund: (address: string, winston: bigint) => void
  readonly balanceOf: (address: string) => bigint
  /** Winston for so many bytes, charged in whole chunks. */
  readonly price: (byteLength: number) => bigint
  /** What every price is multiplied by, to three decimals; 1 at first. */
  multiplier: number
  /** Added to the clock that stamps the blocks. */
  clockOffsetMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Every distinct transaction that was accepted, in order. */
  readonly payments: readonly Payment[]
  /**
   * The first new block takes what is valid in the mempool, unless it is to be empty; the others deepen it.
   * What can no longer be mined (the anchor is too old, the money is gone) leaves the mempool.
   */
  readonly mine: (count?: number, options?: { readonly empty?: boolean }) => void
  /** The mempool forgets it. */
  readonly drop: (id: string) => void
  /** A reorganisation: its block and all later ones are replaced by others; it waits again, or is gone. */
  readonly orphan: (id: string, options?: { readonly to?: 'mempool' | 'away' }) => void
  /** The network loses one chunk of its data, or all; the header stays. */
  readonly unseed: (id: string, chunkIndex?: number) => void
  /** Flips one bit of a stored chunk, or of a data item (which is one piece). */
  readonly tamper: (id: string, chunkIndex: number, flipBit: number) => void
  /** A mined and seeded transaction that nobody paid for; resolves to its id. */
  readonly addData: (placed: Placed) => Promise<string>
  /** Gateways serve it when its bundle is mined, or before if they are optimistic. */
  readonly addItem: (item: Item) => void

  /** For the nodes. */
  readonly sent: ReadonlyMap<string, Sent>
  readonly items: ReadonlyMap<string, Item>
  readonly weave: Weave
  readonly height: () => number
  readonly blockAt: (height: number) => Block | undefined
  readonly blockOf: (hash: string) => Block | undefined
  /** What its waiting transactions will take from a wallet. */
  readonly promised: (address: string) => bigint
  readonly anchorHolds: (header: Header) => boolean
  readonly accept: (header: Header) => void
}
