/** The blocks of a closed pack, as small as they go until its root is known. */
import { CID } from 'multiformats/cid'
import type { StagedBlock } from '../contracts.ts'

const LENGTH_BYTES = 4

/** CIDs and lengths in order, as bytes. */
export function packedEntries(blocks: readonly StagedBlock[]): Uint8Array {
  const packed = Buffer.allocUnsafeSlow(blocks.reduce((sum, { cid }) => sum + cid.bytes.byteLength + LENGTH_BYTES, 0))
  let at = 0
  for (const { cid, length } of blocks) {
    packed.set(cid.bytes, at)
    at = packed.writeUInt32BE(length, at + cid.bytes.byteLength)
  }
  return packed
}

/** The way back, as a TOC lists them. */
export function unpackedEntries(packed: Uint8Array): readonly (readonly [CID, number])[] {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const entries: (readonly [CID, number])[] = []
  for (let at = 0; at < view.byteLength; at += LENGTH_BYTES) {
    const [cid, rest] = CID.decodeFirst(view.subarray(at))
    at = view.byteLength - rest.byteLength
    entries.push([cid, view.readUInt32BE(at)])
  }
  return entries
}
