/** What an upload remembers across a crash: the signed transaction, durable before its first byte is sent, and how far its chunks have come. */
import { VaultError } from '../../errors.ts'
import { isHash } from './locator.ts'
import type { Transaction } from './transaction.ts'

const VERSION = 1

export interface UploadState {
  readonly transaction: Transaction
  /** Height of the chain when it was signed: its anchor is good for 50 blocks from about there. */
  readonly height: number
  /** Was it taken by a node? */
  readonly posted: boolean
  /** Chunks below it were taken by a node. */
  readonly cursor: number
}

export const encodeState = (state: UploadState): Uint8Array => Buffer.from(JSON.stringify({ version: VERSION, ...state }))

/** Throws `conflict` for what another version left: paying anew might be paying twice. */
export function decodeState(vault: string, bytes: Uint8Array): UploadState {
  try {
    const { version, transaction, height, posted, cursor }: Partial<UploadState & { version: number }> = JSON.parse(
      Buffer.from(bytes).toString(),
    )
    const isWhole = version === VERSION && isHash(transaction?.id) && isHash(transaction.data_root) && typeof posted === 'boolean'
    if (isWhole && Number.isSafeInteger(height) && Number.isSafeInteger(cursor))
      return { transaction, height: Number(height), posted, cursor: Number(cursor) }
  } catch {
    // Told below, with what to do.
  }
  throw new VaultError(
    'conflict',
    vault,
    'the memory of an upload that was interrupted cannot be read; it may be from a newer perdure. Update, and put again: paying anew might be paying twice',
  )
}
