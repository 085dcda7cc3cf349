/** The UnixFS part of a node: that of inner file nodes is written here, that of any node looked through for its type. */
import { varint } from 'multiformats'

const TYPE_FILE = Uint8Array.of(0x08, 0x02)
const FILE_SIZE = 0x18
const BLOCK_SIZE = 0x20

/**
 * `Type: File`, the file's size, one block size per link, in the order of the UnixFS spec. Not left to ipfs-unixfs 13: with protons-runtime 7.1 it
 * writes every size from 2 GiB up to 4 GiB as garbage that no reader decodes.
 */
export function fileData(blockSizes: readonly number[]): Uint8Array {
  const total = blockSizes.reduce((sum, size) => sum + size, 0)
  const byteLength = blockSizes.reduce(
    (sum, size) => sum + 1 + varint.encodingLength(size),
    TYPE_FILE.byteLength + 1 + varint.encodingLength(total),
  )
  const bytes = new Uint8Array(byteLength)
  bytes.set(TYPE_FILE)
  let at = field(bytes, TYPE_FILE.byteLength, FILE_SIZE, total)
  for (const size of blockSizes) at = field(bytes, at, BLOCK_SIZE, size)
  return bytes
}

function field(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag
  varint.encodeTo(value, bytes, at + 1)
  return at + 1 + varint.encodingLength(value)
}

/** Protobuf wire types (https://protobuf.dev/programming-guides/encoding/). */
const VARINT = 0
const FIXED_64 = 1
const LENGTH = 2

/**
 * Is the type there, which UnixFS requires? To ipfs-unixfs a message without one is a file, so that any dag-pb with empty data would be one. For messages that
 * it has decoded: throws RangeError for varints without an end.
 */
export function hasType(message: Uint8Array): boolean {
  for (let at = 0; at < message.byteLength; ) {
    const [tag, tagBytes] = varint.decode(message, at)
    at += tagBytes
    const wire = tag & 7
    if (tag === TYPE_FILE[0]) return true
    if (wire === VARINT) at += lengthOfVarint(message, at)
    else if (wire === LENGTH) {
      const [byteLength, lengthBytes] = varint.decode(message, at)
      at += lengthBytes + byteLength
    } else at += wire === FIXED_64 ? 8 : 4
  }
  return false
}

/** Of one that may be larger than any number. */
function lengthOfVarint(message: Uint8Array, at: number): number {
  const last = message.subarray(at).findIndex((byte) => byte < 0x80)
  if (last < 0) throw new RangeError('a varint without an end')
  return last + 1
}
