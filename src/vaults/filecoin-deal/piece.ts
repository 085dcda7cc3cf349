/** Piece CIDs of both kinds, as far as a comparison needs them. v2: FRC-0069. */
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'

const RAW = 0x55
const FIL_COMMITMENT_UNSEALED = 0xf101
const SHA2_256_TRUNC254_PADDED = 0x1012
const FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE = 0x1011
const ROOT_BYTES = 32
const MOST_HEIGHT = 50

export interface PieceId {
  /** 32 bytes in hexadecimal, also called commP. */
  readonly root: string
  /** Of the padded piece; only v2 tells. */
  readonly pieceByteLength?: number
  /** Of the payload; only v2 tells. */
  readonly byteLength?: number
}

/** Undefined for what is no piece CID. */
export function pieceIdOf(text: unknown): PieceId | undefined {
  try {
    const { code, multihash, version } = CID.parse(String(text))
    if (version !== 1) return undefined
    if (code === FIL_COMMITMENT_UNSEALED && multihash.code === SHA2_256_TRUNC254_PADDED && multihash.digest.byteLength === ROOT_BYTES)
      return { root: hex(multihash.digest) }
    return code === RAW && multihash.code === FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE ? secondOf(multihash.digest) : undefined
  } catch {
    return undefined
  }
}

function secondOf(digest: Uint8Array): PieceId | undefined {
  const [padding, used] = varint.decode(digest)
  const height = digest[used] ?? MOST_HEIGHT
  if (digest.byteLength !== used + 1 + ROOT_BYTES || height >= MOST_HEIGHT) return undefined
  const pieceByteLength = 2 ** (height + 5)
  const byteLength = payloadOf(pieceByteLength) - padding
  return byteLength < 0 ? undefined : { root: hex(digest.subarray(used + 1)), pieceByteLength, byteLength }
}

/** Most bytes that a piece of that length can carry. */
export const payloadOf = (pieceByteLength: number): number => (pieceByteLength / 128) * 127

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
