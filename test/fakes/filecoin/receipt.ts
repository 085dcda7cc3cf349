/** Waits for a transaction by asking for it again and again: waiting for blocks instead misses the one that is mined in between. */
import { setTimeout as pause } from 'node:timers/promises'
import type { PublicClient, TransactionReceipt } from 'viem'
import type { Hex } from './types.ts'

const EVERY_MS = 10
const PATIENCE_MS = 20_000

/** Rejects when it is not mined in time. */
export async function receiptOf(reader: PublicClient, hash: Hex): Promise<TransactionReceipt> {
  for (let waited = 0; ; waited += EVERY_MS) {
    const receipt = await reader.getTransactionReceipt({ hash }).catch((error: Error) => {
      if (error.name !== 'TransactionReceiptNotFoundError' || waited >= PATIENCE_MS) throw error
    })
    if (receipt) return receipt
    await pause(EVERY_MS)
  }
}
