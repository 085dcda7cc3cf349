/** Receipts: signed statements in plain JSON. The signature covers the DAG-CBOR of everything but `signature` itself. */
import type { Receipt } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { verifyLogged } from './log-proof.ts'
import { decodeSignature, encodeSignature, fromMultikey, type SigningKey, sign, toMultikey, verifies } from './sign.ts'

export type ReceiptStatement = Omit<Receipt, 'archive' | 'signature'>

/** Signs what is known of an object at this moment. */
export async function signReceipt(statement: ReceiptStatement, key: SigningKey): Promise<Receipt> {
  const signed = plain({ ...statement, archive: toMultikey(key.publicKey) })
  const signature = await sign('perdure-receipt-v1', signed, key)
  return { ...signed, signature: encodeSignature(signature) }
}

/**
 * Checks a receipt offline: resolves to true when the signature holds under that key, and the write is in the log where the receipt says so; false when
 * not, or when it names another key.
 * Without `publicKey` it proves only that the receipt is whole and signed by the key it names. Throws `malformed` for what is no receipt.
 */
export async function verifyReceipt(receipt: Receipt, publicKey?: string): Promise<boolean> {
  if (typeof receipt !== 'object' || receipt === null || typeof receipt.signature !== 'string' || typeof receipt.archive !== 'string') {
    throw new FormatError('malformed', 'this is not a receipt: it has no archive key or no signature')
  }
  const { signature, ...statement } = receipt
  const key = fromMultikey(receipt.archive)
  if (publicKey !== undefined && Buffer.compare(fromMultikey(publicKey), key) !== 0) return false
  if (!(await verifies('perdure-receipt-v1', statement, decodeSignature(signature), key))) return false
  return receipt.log === undefined || ((await verifyLogged(receipt.log, key)) && speaksOf(receipt))
}

/** An entry that is in the log, of another object, shows nothing of this one. */
const speaksOf = ({ root, log }: Receipt): boolean => log?.entry.kind === 'write' && log.entry.root === root

/** DAG-CBOR knows no undefined, JSON leaves it out: leave it out before signing, so that both read the same. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
