/** The one gate: every byte that enters or leaves the library is hashed here against its CID. */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { FormatError } from '../errors.ts'
import { AHEAD_BYTES, hashShared, isShared } from './bulk-thread.ts'

/** Multicodec codes of the formats perdure writes and reads. */
export const RAW = 0x55
export const DAG_PB = 0x70
export const DAG_CBOR = 0x71

const SHA2_256 = 0x12
const SHA2_512 = 0x13
const IDENTITY = 0x00
/** Digests of the hash functions that are checked: a shorter one is easily met by other bytes. */
const DIGEST_BYTES: Readonly<Record<number, number>> = { [SHA2_256]: 32, [SHA2_512]: 64 }

/** Largest identity CID that is read; such a block is never counted as stored. */
export const MAX_IDENTITY_BYTES = 128

/** Addresses bytes: CIDv1, sha2-256. */
export function addressOf(bytes: Uint8Array, codec: number): CID {
  return CID.createV1(codec, Digest.create(SHA2_256, createHash('sha256').update(bytes).digest()))
}

/** The same address, hashed on another thread while the caller goes on. The bytes must not change before it resolves. */
export async function addressAhead(bytes: Uint8Array, codec: number): Promise<CID> {
  return CID.createV1(codec, Digest.create(SHA2_256, await digestAhead(bytes)))
}

/** SHA-256, on another thread where that pays; shared memory is hashed where it lies, other bytes from a copy. They must not change before it resolves. */
export async function digestAhead(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength < AHEAD_BYTES) return createHash('sha256').update(bytes).digest()
  if (isShared(bytes)) return hashShared(bytes)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}

/** Do these bytes hash to that CID? Throws `unsupported` for hash functions other than sha2-256, sha2-512 and identity, and for digests that were shortened. */
export function matches(cid: CID, bytes: Uint8Array): boolean {
  const { code, digest } = cid.multihash
  assertWhole(cid)
  if (code === SHA2_256) return equal(createHash('sha256').update(bytes).digest(), digest)
  if (code === SHA2_512) return equal(createHash('sha512').update(bytes).digest(), digest)
  if (code === IDENTITY && digest.byteLength <= MAX_IDENTITY_BYTES) return equal(bytes, digest)
  throw new FormatError('unsupported', `${cid} uses hash function 0x${code.toString(16)}; perdure checks sha2-256 and sha2-512`)
}

/** The same question, answered by another thread while the caller goes on. The bytes must not change before it resolves. */
export async function matchesAhead(cid: CID, bytes: Uint8Array): Promise<boolean> {
  const { code, digest } = cid.multihash
  assertWhole(cid)
  return code === SHA2_256 ? equal(await digestAhead(bytes), digest) : matches(cid, bytes)
}

/** Throws `unsupported` for a digest of sha2-256 or sha2-512 that has another length than its function gives. */
function assertWhole(cid: CID): void {
  const { code, digest } = cid.multihash
  const whole = DIGEST_BYTES[code]
  if (whole === undefined || digest.byteLength === whole) return
  throw new FormatError(
    'unsupported',
    `the hash in ${cid} was shortened to ${digest.byteLength} bytes of ${whole}, which other bytes meet easily`,
  )
}

/** Reads a CID from text or takes one as it is. Throws `invalid-cid`. */
export function toCID(value: CID | string): CID {
  const known = typeof value === 'string' ? undefined : CID.asCID(value)
  if (known) return known
  try {
    return CID.parse(String(value).trim())
  } catch (cause) {
    throw new FormatError('invalid-cid', `${JSON.stringify(String(value).slice(0, 100))} is not a CID; pass the root that put printed`, {
      cause,
    })
  }
}

/** The bytes that an identity CID carries in itself. */
export function inlined(cid: CID): Uint8Array | undefined {
  return cid.multihash.code === IDENTITY && cid.multihash.digest.byteLength <= MAX_IDENTITY_BYTES ? cid.multihash.digest : undefined
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
