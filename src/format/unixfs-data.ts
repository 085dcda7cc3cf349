/** The UnixFS part of an inner file node, written here. */
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
