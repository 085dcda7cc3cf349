/**
 * A fake of what the Arweave network agrees on: blocks, mempool, wallets and stored chunks, moved by a test's hand and not by time.
 * Nothing here is signed or mined; hashes of blocks are made up.
 */
import { costOf, newLedger } from './ledger.ts'
import { CHUNK } from './library.ts'
import { madeUp, signed } from './signing.ts'
import type { Chain, Item, Payment } from './types.ts'
import { emptyWeave, flipped, seed } from './weave.ts'

export type { Chain } from './types.ts'

export interface ChainOptions {
  /** Winston for each 256 KiB begun. */
  readonly pricePerChunk?: bigint
  /** Winston for a transaction as such. */
  readonly basePrice?: bigint
}

export function arweaveChain({ pricePerChunk = 250_000_000n, basePrice = 1_000_000n }: ChainOptions = {}): Chain {
  const ledger = newLedger()
  const { sent, balances } = ledger
  const items = new Map<string, Item>()
  const weave = emptyWeave()
  const payments: Payment[] = []
  const known = (id: string) => {
    const found = sent.get(id)
    if (!found) throw new RangeError(`the chain does not know the transaction ${id}`)
    return found
  }
  const chain: Chain = {
    multiplier: 1,
    clockOffsetMs: 0,
    payments,
    sent,
    items,
    weave,
    now: () => Date.now() + chain.clockOffsetMs,
    fund: (address, winston) => void balances.set(address, chain.balanceOf(address) + winston),
    balanceOf: (address) => balances.get(address) ?? 0n,
    price: (byteLength) => {
      const plain = basePrice + BigInt(Math.ceil(byteLength / CHUNK)) * pricePerChunk
      return (plain * BigInt(Math.round(chain.multiplier * 1000))) / 1000n
    },
    height: ledger.height,
    blockAt: ledger.blockAt,
    blockOf: ledger.blockOf,
    promised: (address) => ledger.waiting().reduce((sum, one) => sum + (one.address === address ? costOf(one.header) : 0n), 0n),
    anchorHolds: ledger.anchorHolds,
    accept: (header) => {
      const { address } = ledger.add(header)
      payments.push({ id: header.id, reward: BigInt(header.reward), owner: address })
    },
    mine: (count = 1, { empty = false } = {}) => {
      for (let n = 0; n < count; n++) ledger.mine(chain.now(), empty)
    },
    drop: (id) => {
      if (known(id).height !== undefined) throw new RangeError(`${id} is mined: orphan it instead`)
      sent.delete(id)
    },
    orphan: (id, { to = 'mempool' } = {}) => {
      ledger.orphan(known(id))
      if (to === 'away') sent.delete(id)
    },
    unseed: (id, chunkIndex) => weave.unseed(known(id).header, chunkIndex),
    tamper: (id, chunkIndex, flipBit) => {
      const item = items.get(id)
      if (item) items.set(id, { ...item, data: flipped(item.data, flipBit) })
      else weave.tamper(known(id).header, chunkIndex, flipBit)
    },
    addData: async ({ data, tags = [], key }) => {
      const draft = { data, tags, anchor: chain.blockAt(chain.height())?.indep_hash ?? '' }
      const { header, chunks } = await (key ? signed(key, draft) : madeUp(draft))
      seed(weave, header, chunks)
      ledger.put([ledger.add(header)], chain.now())
      return header.id
    },
    addItem: (item) => void items.set(item.id, item),
  }
  return chain
}
