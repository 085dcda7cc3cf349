/** What a block is called, on the wire of bitswap and among wants. A want is for bytes: CIDs of either version and of any codec with one multihash are one want. */
import { createHash } from 'node:crypto'
import { varint } from 'multiformats'
import type { CID } from 'multiformats/cid'
import { FormatError } from '../../../errors.ts'
import { numbers } from './message.ts'

/** Larger blocks are not exchanged: other nodes refuse them. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024
/** Largest identity CID that is read. It needs no peer, and is never counted as stored. */
export const MAX_IDENTITY_BYTES = 128

const IDENTITY = 0x00
const HASHES: Readonly<Record<number, string>> = { 18: 'sha256', 19: 'sha512' }
/** Of whole digests; a shorter one is easily met by other bytes. */
const DIGEST_BYTES: Readonly<Record<number, number>> = { 18: 32, 19: 64 }

export const keyOf = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('latin1')

/** The bytes that an identity CID carries in itself; undefined for any other. Throws `limit` for one that carries too much. */
export function inlined({ multihash: { code, digest } }: CID): Uint8Array | undefined {
  if (code !== IDENTITY) return undefined
  if (digest.byteLength <= MAX_IDENTITY_BYTES) return digest
  throw new FormatError('limit', `an identity CID of ${digest.byteLength} bytes; at most ${MAX_IDENTITY_BYTES} are read`)
}

/** Throws `unsupported` for hash functions other than sha2-256, sha2-512 and identity, and for digests that were shortened. */
export function assertHash(cid: CID): void {
  const { code, digest } = cid.multihash
  const whole = DIGEST_BYTES[code]
  if (whole !== undefined && digest.byteLength !== whole)
    throw new FormatError('unsupported', `the hash in ${cid} was shortened to ${digest.byteLength} bytes of ${whole}`)
  if (code !== IDENTITY && HASHES[code] === undefined)
    throw new FormatError(
      'unsupported',
      `${cid} uses hash function 0x${code.toString(16)}; the embedded node exchanges sha2-256 and sha2-512`,
    )
}

/** Do the bytes hash to the CID? */
export function isBlockOf(cid: CID, bytes: Uint8Array): boolean {
  const name = HASHES[cid.multihash.code]
  return name !== undefined && Buffer.compare(createHash(name).update(bytes).digest(), cid.multihash.digest) === 0
}

export function prefixOf({ version, code, multihash }: CID): Uint8Array {
  return numbers(version, code, multihash.code, multihash.digest.byteLength)
}

/** The key of a block that came, by hashing it; undefined where its hash function is not known. */
export function keyOfSent(prefix: Uint8Array, bytes: Uint8Array): string | undefined {
  const [, , code = 0, length = 0] = varints(prefix)
  const name = HASHES[code]
  if (name === undefined) return undefined
  const digest = createHash(name).update(bytes).digest()
  return length === digest.byteLength ? Buffer.concat([numbers(code, length), digest]).toString('latin1') : undefined
}

function varints(bytes: Uint8Array): readonly number[] {
  const values: number[] = []
  for (let at = 0; at < bytes.byteLength && values.length < 4; ) {
    const [value, length] = varint.decode(bytes, at)
    values.push(value)
    at += length
  }
  return values
}
