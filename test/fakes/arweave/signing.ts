/** Transactions signed and checked by the rules of format 2: RSA-PSS over the deep hash, and an id that is the hash of the signature. */
import { constants, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import type { TestKey } from './key.ts'
import { b64url, sha256, Transaction } from './library.ts'
import type { Header, Tag } from './types.ts'

export interface Draft {
  readonly data: Uint8Array
  readonly tags?: readonly Tag[]
  /** A block hash, or the id of the wallet's last transaction. */
  readonly anchor?: string
  readonly reward?: bigint
  readonly target?: string
  readonly quantity?: bigint
}

export interface Chunk {
  readonly data_root: string
  readonly data_size: string
  readonly data_path: string
  readonly offset: string
  readonly chunk: string
}

export interface Signed {
  readonly header: Header
  /** The bodies to post to `/chunk`, in order. */
  readonly chunks: readonly Chunk[]
}

const { RSA_PKCS1_PSS_PADDING: padding } = constants

/** A real transaction without its data. */
export async function signed({ jwk }: TestKey, draft: Draft): Promise<Signed> {
  const transaction = await drafted(jwk.n, draft)
  const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  return finished(transaction, draft, sign('sha256', await transaction.getSignatureData(), { key, padding, saltLength: 32 }))
}

/** The same with owner and signature made up: whoever checks them sees it. */
export async function madeUp(draft: Draft): Promise<Signed> {
  return finished(await drafted(b64url(randomBytes(512)), draft), draft, randomBytes(512))
}

async function drafted(owner: string, draft: Draft) {
  const { data, tags = [], anchor = '', reward = 0n, target = '', quantity = 0n } = draft
  const [last_tx, data_size] = [anchor, `${data.byteLength}`]
  const transaction = new Transaction({ owner, last_tx, reward: `${reward}`, target, quantity: `${quantity}`, data_size })
  for (const { name, value } of tags) transaction.addTag(name, value)
  await transaction.prepareChunks(data)
  return transaction
}

function finished(transaction: InstanceType<typeof Transaction>, { data }: Draft, signature: Uint8Array): Signed {
  transaction.setSignature({ id: b64url(sha256(signature)), owner: transaction.owner, signature: b64url(signature) })
  const { data: _, data_tree: __, tags, ...header } = transaction.toJSON()
  return {
    header: { ...header, format: 2, tags: tags.map(({ name, value }) => ({ name, value })) },
    chunks: (transaction.chunks?.chunks ?? []).map((_, at) => transaction.getChunk(at, data)),
  }
}

/** Its id is the hash of its signature, and the signature is its owner's. */
export async function isSigned(header: Header): Promise<boolean> {
  const signature = Buffer.from(header.signature, 'base64url')
  if (b64url(sha256(signature)) !== header.id) return false
  try {
    const transaction = new Transaction({ ...header, tags: header.tags as unknown as InstanceType<typeof Transaction>['tags'] })
    const key = createPublicKey({ key: { kty: 'RSA', n: header.owner, e: 'AQAB' }, format: 'jwk' })
    return verify('sha256', await transaction.getSignatureData(), { key, padding }, signature)
  } catch {
    return false
  }
}
