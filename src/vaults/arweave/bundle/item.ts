/**
 * Data items of ANS-104 with signature type 1, RSA-4096: signed by arbundles, read and verified without it.
 * Layout: type (2 bytes, little-endian), signature (512), owner (512), target and anchor (a byte that is 1 before 32 bytes, else 0),
 * number of tags (8), length of the tags (8), tags, data.
 */
import { constants, createHash, createPrivateKey, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { VaultError } from '../../../errors.ts'
import { deepHash } from '../deep-hash.ts'
import { decodeTags, MAX_ENCODED_BYTES, MAX_TAGS, type Tag } from './avro-tags.ts'
import { type Arbundles, loadArbundles } from './packages.ts'

export type { Tag } from './avro-tags.ts'

export interface SignedItem {
  readonly id: string
  /** The whole item, as it is posted. */
  readonly bytes: Uint8Array
}

export interface VerifiedItem {
  readonly id: string
  /** Of the wallet that signed it. */
  readonly address: string
  readonly tags: readonly Tag[]
  /** Where the data begins in the item; they go to its end. */
  readonly dataOffset: number
  /** A view of the bytes that were verified. */
  readonly data: Uint8Array
}

export interface UnsignedItem {
  readonly bytes: Uint8Array
  /** At most 128, with names and values within 2048 bytes in all, names within 1024, and none of them empty. */
  readonly tags: readonly Tag[]
  /** 32 bytes. */
  readonly anchor?: Uint8Array | undefined
}

const RSA = 1
const RSA_BYTES = 512
const OWNER_AT = 2 + RSA_BYTES
const TARGET_AT = OWNER_AT + RSA_BYTES
const ID_BYTES = 32
const MAX_TAG_TEXT_BYTES = 2048
const MAX_NAME_BYTES = 1024

/**
 * A signed data item, ready to be posted. It is held in memory, several times over: for small packs only, and the caller sets the limit.
 * Signed twice, the same item has two ids and is two items: keep these bytes, and post only them.
 * Throws VaultError `invalid` for a key, tags or an anchor that cannot be used, `unsupported` without arbundles.
 */
export async function signItem(jwk: unknown, item: UnsignedItem, options: { readonly id?: string } = {}): Promise<SignedItem> {
  const { id = 'arweave' } = options
  const key = checkedKey(id, jwk)
  checkTags(id, item.tags)
  if (item.anchor && item.anchor.byteLength !== ID_BYTES)
    throw new VaultError('invalid', id, `an anchor of ${item.anchor.byteLength} bytes; give ${ID_BYTES}, or none`)
  const raw = await signed(id, await loadArbundles(id), key, item)
  // A key whose numbers do not belong together signs as well; nobody would accept it, and it may have been paid by then.
  const verified = await verifiedItem(raw)
  if (!verified) throw badKey(id)
  return { id: verified.id, bytes: raw }
}

/** Reads and verifies a whole data item. `undefined` for anything else: another signature type, bytes changed, missing or too many. */
export async function verifiedItem(raw: Uint8Array): Promise<VerifiedItem | undefined> {
  const parts = partsOf(raw)
  if (!parts) return undefined
  const { signature, owner, target, anchor, tagBytes, tags, dataOffset } = parts
  const data = raw.subarray(dataOffset)
  const message = deepHash([Buffer.from('dataitem'), Buffer.from('1'), Buffer.from(String(RSA)), owner, target, anchor, tagBytes, data])
  if (!signs(owner, signature, message)) return undefined
  return { id: sha256(signature), address: sha256(owner), tags, dataOffset, data }
}

/** The id that an item of signature type 1 has if it is one; `undefined` where it is too short or of another type. */
export function itemIdOf(raw: Uint8Array): string | undefined {
  return raw.byteLength > TARGET_AT && raw[0] === RSA && raw[1] === 0 ? sha256(raw.subarray(2, OWNER_AT)) : undefined
}

interface Parts {
  readonly signature: Uint8Array
  readonly owner: Uint8Array
  readonly target: Uint8Array
  readonly anchor: Uint8Array
  readonly tagBytes: Uint8Array
  readonly tags: readonly Tag[]
  readonly dataOffset: number
}

function partsOf(raw: Uint8Array): Parts | undefined {
  if (itemIdOf(raw) === undefined) return undefined
  const target = optional(raw, TARGET_AT)
  const anchor = target && optional(raw, target.end)
  if (!target || !anchor || raw.byteLength < anchor.end + 16) return undefined
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const count = view.getBigUint64(anchor.end, true)
  const length = view.getBigUint64(anchor.end + 8, true)
  const tagsAt = anchor.end + 16
  if (length > MAX_ENCODED_BYTES || raw.byteLength < tagsAt + Number(length)) return undefined
  const dataOffset = tagsAt + Number(length)
  const tagBytes = raw.subarray(tagsAt, dataOffset)
  const tags = decodeTags(tagBytes)
  // No signature covers the number: whoever passes the item on could change it.
  if (!tags || BigInt(tags.length) !== count) return undefined
  const signature = raw.subarray(2, OWNER_AT)
  const owner = raw.subarray(OWNER_AT, TARGET_AT)
  return { signature, owner, target: target.bytes, anchor: anchor.bytes, tagBytes, tags, dataOffset }
}

/** Only 0 and 1 say whether it is there: no signature covers that byte either. */
function optional(raw: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const present = raw[at]
  if (present !== 0 && present !== 1) return undefined
  const end = at + 1 + present * ID_BYTES
  return end <= raw.byteLength ? { bytes: raw.subarray(at + 1, end), end } : undefined
}

function signs(owner: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'RSA', n: Buffer.from(owner).toString('base64url'), e: 'AQAB' }, format: 'jwk' })
    return verify('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING }, signature)
  } catch {
    return false
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

async function signed(id: string, { ArweaveSigner, createData }: Arbundles, key: Key, item: UnsignedItem): Promise<Uint8Array> {
  const { bytes, tags, anchor } = item
  try {
    const signer = new ArweaveSigner(key)
    // It takes the anchor as text or bytes and makes a Buffer of either; only its types know text alone.
    const data = createData(bytes, signer, { tags: [...tags], ...(anchor && { anchor: anchor as unknown as string }) })
    await data.sign(signer)
    return data.getRaw()
  } catch {
    throw badKey(id)
  }
}

type Key = JsonWebKey & { readonly kty: string; readonly e: string; readonly n: string }

function checkedKey(id: string, jwk: unknown): Key {
  const { kty, e, n } = typeof jwk === 'object' && jwk !== null ? (jwk as JsonWebKey) : {}
  if (kty !== 'RSA' || e !== 'AQAB' || n === undefined) throw badKey(id)
  const key = { ...(jwk as JsonWebKey), kty, e, n }
  if (modulusBitsOf(key) !== RSA_BYTES * 8) throw badKey(id)
  return key
}

function modulusBitsOf(key: Key): number | undefined {
  try {
    return createPrivateKey({ key, format: 'jwk' }).asymmetricKeyDetails?.modulusLength
  } catch {
    return undefined
  }
}

/** Without a cause: it might show the key. */
function badKey(id: string): VaultError {
  return new VaultError(
    'invalid',
    id,
    'the wallet cannot sign; give the whole key file of an Arweave wallet, an RSA key of 4096 bits as a JWK',
  )
}

function checkTags(id: string, tags: readonly Tag[]): void {
  const refuse = (why: string) => {
    throw new VaultError('invalid', id, `the tags of the item cannot be posted: ${why}`)
  }
  if (tags.length > MAX_TAGS) refuse(`there are ${tags.length}; give at most ${MAX_TAGS}`)
  const texts = tags.flatMap(({ name, value }) => [name, value])
  if (texts.some((text) => text === '' || !text.isWellFormed())) refuse('a name or a value is empty or no Unicode text; leave it out')
  if (tags.some(({ name }) => Buffer.byteLength(name) > MAX_NAME_BYTES)) refuse(`a name is longer than ${MAX_NAME_BYTES} bytes; shorten it`)
  const length = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (length > MAX_TAG_TEXT_BYTES) refuse(`names and values take ${length} bytes; make them fit into ${MAX_TAG_TEXT_BYTES}`)
}
