/** Blocks, mempool and balances of the fake chain. */
import { createHash } from 'node:crypto'
import { addressOf, CHUNK } from './library.ts'
import type { Block, Header, Sent } from './types.ts'

/** The newest block of a new chain. */
export const FIRST_HEIGHT = 1_600_000
/** A transaction is anchored to one of so many newest blocks. */
export const ANCHOR_DEPTH = 50
/** Older blocks that a new chain has. */
const OLDER = 64
const BLOCK_SECONDS = 120

export const costOf = ({ reward, quantity }: Header) => BigInt(reward) + BigInt(quantity)

export interface Ledger {
  readonly sent: Map<string, Sent>
  readonly balances: Map<string, bigint>
  readonly waiting: () => Sent[]
  readonly height: () => number
  readonly blockAt: (height: number) => Block | undefined
  readonly blockOf: (hash: string) => Block | undefined
  readonly anchorHolds: (header: Header) => boolean
  readonly add: (header: Header) => Sent
  /** Makes a block of exactly these. */
  readonly put: (txs: readonly Sent[], now: number) => void
  readonly mine: (now: number, empty: boolean) => void
  readonly orphan: (tx: Sent) => void
}

export function newLedger(): Ledger {
  const sent = new Map<string, Sent>()
  const balances = new Map<string, bigint>()
  const blocks = new Map<number, Block>()
  let [height, weaveSize, made, order] = [FIRST_HEIGHT - OLDER, 700_000_000 * CHUNK, 0, 0]

  const blockOfThese = (at: number, txs: readonly string[], timestamp: number, size: number): Block => ({
    height: at,
    indep_hash: createHash('sha384').update(`block ${made++}`).digest('base64url'),
    previous_block: blocks.get(at - 1)?.indep_hash ?? '',
    timestamp,
    txs,
    block_size: `${size}`,
    weave_size: `${weaveSize}`,
  })
  const add = (address: string, winston: bigint) => balances.set(address, (balances.get(address) ?? 0n) + winston)
  /** Moves the money of a transaction; backwards with -1n. */
  const charge = ({ address, header }: Sent, sign: 1n | -1n) => {
    add(address, -sign * costOf(header))
    if (header.target !== '') add(header.target, sign * BigInt(header.quantity))
  }
  const put = (txs: readonly Sent[], now: number) => {
    const before = weaveSize
    height++
    for (const tx of txs) {
      tx.height = height
      tx.start = weaveSize
      // Since fork 2.5 the data of a transaction begins at a whole chunk.
      weaveSize += Math.ceil(Number(tx.header.data_size) / CHUNK) * CHUNK
    }
    const ids = txs.map(({ header }) => header.id)
    blocks.set(height, blockOfThese(height, ids, Math.floor(now / 1000), weaveSize - before))
  }
  const anchorHolds = ({ last_tx, owner }: Header) => {
    for (let at = height; at > height - ANCHOR_DEPTH; at--) if (blocks.get(at)?.indep_hash === last_tx) return true
    const address = addressOf(owner)
    const own = [...sent.values()].filter((one) => one.height !== undefined && one.address === address)
    const last = own.sort((a, b) => (a.height ?? 0) - (b.height ?? 0) || a.order - b.order).at(-1)
    return last_tx === (last?.header.id ?? '')
  }
  const waiting = () => [...sent.values()].filter((one) => one.height === undefined)

  const now = Date.now()
  for (let ago = OLDER - 1; ago >= 0; ago--) put([], now - ago * BLOCK_SECONDS * 1000)

  return {
    sent,
    balances,
    waiting,
    height: () => height,
    blockAt: (at) => blocks.get(at),
    blockOf: (hash) => [...blocks.values()].find(({ indep_hash }) => indep_hash === hash),
    anchorHolds,
    add: (header) => {
      const tx: Sent = { header, address: addressOf(header.owner), order: order++, height: undefined, start: 0 }
      sent.set(header.id, tx)
      return tx
    },
    put,
    mine: (at, empty) => {
      const taken: Sent[] = []
      for (const tx of waiting()) {
        const poor = (balances.get(tx.address) ?? 0n) < costOf(tx.header)
        if (poor || !anchorHolds(tx.header)) {
          sent.delete(tx.header.id)
        } else if (!empty) {
          charge(tx, 1n)
          taken.push(tx)
        }
      }
      put(taken, at)
    },
    orphan: (tx) => {
      if (tx.height === undefined) throw new RangeError(`${tx.header.id} is not mined: drop it instead`)
      const from = tx.height
      tx.height = undefined
      charge(tx, -1n)
      for (let at = from; at <= height; at++) {
        const { txs = [], timestamp = 0, block_size = '0' } = blocks.get(at) ?? {}
        const others = txs.filter((id) => id !== tx.header.id)
        blocks.set(at, blockOfThese(at, others, timestamp, Number(block_size)))
      }
    },
  }
}
