/** A data transaction of format 2: made and signed, or taken from a gateway and checked. */
import { VaultError } from '../../errors.ts'
import { base64url, bytesOf } from './base64url.ts'
import { deepHash } from './deep-hash.ts'
import type { Wallet } from './key.ts'
import { HASH_BYTES, sha256 } from './merkle.ts'
import { loadTransaction } from './packages.ts'
import { verifies } from './pss.ts'
import { encodedTags, type Tag, tagBytes } from './tags.ts'

/** RSA keys of 2048 to 4096 bits; wallets made by today's tools have 4096. */
const LEAST_KEY_BYTES = 256
const MOST_KEY_BYTES = 512
/** The id of a transaction has 32 bytes, the hash of a block 48. */
const MOST_ANCHOR_BYTES = 48
const AMOUNT = /^(0|[1-9][0-9]{0,29})$/

/** Exactly what `POST /tx` takes. */
export interface Transaction {
  readonly format: 2
  readonly id: string
  readonly last_tx: string
  readonly owner: string
  /** In base64url. */
  readonly tags: readonly Tag[]
  readonly target: ''
  readonly quantity: '0'
  readonly data: ''
  readonly data_size: string
  readonly data_root: string
  readonly reward: string
  readonly signature: string
}

export interface TransactionTerms {
  readonly dataRoot: Uint8Array
  readonly byteLength: number
  /** In winston. */
  readonly reward: bigint
  /** What `GET /tx_anchor` answered. */
  readonly anchor: string
  readonly tags: readonly Tag[]
}

/**
 * Signs. The salt is random, so that a second call gives another id, which is another transaction to pay: keep the result and post it again.
 * Throws VaultError `unsupported` without the arweave package, `invalid` for tags that are too long and an anchor that is none, RangeError for sizes
 * and rewards no transaction can have.
 */
export async function signTransaction(wallet: Wallet, terms: TransactionTerms): Promise<Transaction> {
  const { dataRoot, byteLength, reward, anchor } = terms
  if (dataRoot.byteLength !== HASH_BYTES) throw new RangeError(`a data root has ${HASH_BYTES} bytes, not ${dataRoot.byteLength}`)
  if (!Number.isSafeInteger(byteLength) || byteLength < 1) throw new RangeError(`${byteLength} is no size of a data transaction`)
  if (!AMOUNT.test(String(reward))) throw new RangeError(`${reward} is no reward`)
  if (!bytesOf(anchor, MOST_ANCHOR_BYTES))
    throw new VaultError('invalid', wallet.vault, 'the gateway gave no usable anchor for a transaction; ask another one')
  const unsigned = {
    format: 2,
    last_tx: anchor,
    owner: wallet.owner,
    tags: encodedTags(terms.tags, wallet.vault),
    target: '',
    quantity: '0',
    data: '',
    data_size: String(byteLength),
    data_root: base64url(dataRoot),
    reward: String(reward),
  } as const
  const Transaction = await loadTransaction(wallet.vault)
  // It makes tags of its own of these; only its types ask for them.
  const message = await new Transaction(unsigned as unknown as ConstructorParameters<typeof Transaction>[0]).getSignatureData()
  const signature = await wallet.sign(message)
  const transaction = { ...unsigned, id: base64url(sha256(signature)), signature: base64url(signature) }
  // What is paid for is what our own reading of the format says as well.
  if (await verifiedTransaction(transaction)) return transaction
  throw new VaultError('invalid', wallet.vault, 'the key is none that a transaction can be signed with; pass a wallet of 4096 bits')
}

export interface VerifiedTransaction {
  readonly id: string
  /** Of the wallet that signed. */
  readonly address: string
  readonly owner: string
  readonly dataRoot: Uint8Array
  readonly byteLength: number
  /** As text; bytes that are no UTF-8 come as replacement characters. */
  readonly tags: readonly Tag[]
  readonly reward: bigint
  readonly anchor: string
}

/**
 * What a header says, when it is what it claims to be: a data transaction of format 2 whose id is the hash of its signature, signed by its owner.
 * Otherwise undefined; never throws for wrong input. It says nothing of being mined. `data` and `data_tree` are not signed, and not looked at.
 */
export async function verifiedTransaction(header: unknown): Promise<VerifiedTransaction | undefined> {
  const parts = partsOf(header)
  if (!parts) return undefined
  const { id, signature: text } = header as { readonly id?: unknown; readonly signature?: unknown }
  const signature = bytesOf(text, MOST_KEY_BYTES)
  if (signature?.byteLength !== parts.owner.byteLength || id !== base64url(sha256(signature))) return undefined
  const owner = base64url(parts.owner)
  if (!(await verifies(owner, messageOf(parts), signature))) return undefined
  return {
    id,
    address: base64url(sha256(parts.owner)),
    owner,
    dataRoot: new Uint8Array(parts.dataRoot),
    byteLength: Number(parts.byteLength),
    tags: parts.tags.map(([name, value]) => ({ name: name.toString(), value: value.toString() })),
    reward: BigInt(parts.reward),
    anchor: base64url(parts.anchor),
  }
}

/** What is signed. */
interface Parts {
  readonly owner: Buffer
  readonly target: Buffer
  readonly quantity: string
  readonly reward: string
  readonly anchor: Buffer
  readonly tags: readonly (readonly [name: Buffer, value: Buffer])[]
  readonly byteLength: string
  readonly dataRoot: Buffer
}

/** Undefined for anything but a data transaction of format 2 with fields that such a one can have. */
function partsOf(header: unknown): Parts | undefined {
  if (typeof header !== 'object' || header === null) return undefined
  const fields = header as Readonly<Record<string, unknown>>
  const owner = bytesOf(fields.owner, MOST_KEY_BYTES)
  const target = bytesOf(fields.target, HASH_BYTES)
  const anchor = bytesOf(fields.last_tx, MOST_ANCHOR_BYTES)
  const dataRoot = bytesOf(fields.data_root, HASH_BYTES)
  const tags = tagBytes(fields.tags)
  const { format, quantity, reward, data_size: byteLength } = fields
  if (format !== 2 || !owner || !target || !anchor || !tags || !isAmount(quantity) || !isAmount(reward)) return undefined
  if (owner.byteLength < LEAST_KEY_BYTES || dataRoot?.byteLength !== HASH_BYTES) return undefined
  if (!isAmount(byteLength) || !Number.isSafeInteger(Number(byteLength))) return undefined
  return { owner, target, quantity, reward, anchor, tags, byteLength, dataRoot }
}

function isAmount(value: unknown): value is string {
  return typeof value === 'string' && AMOUNT.test(value)
}

function messageOf({ owner, target, quantity, reward, anchor, tags, byteLength, dataRoot }: Parts): Uint8Array {
  const text = (value: string) => Buffer.from(value)
  return deepHash([text('2'), owner, target, text(quantity), text(reward), anchor, tags, text(byteLength), dataRoot])
}
