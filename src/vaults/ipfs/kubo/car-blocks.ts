/** The blocks of a CARv1 of our own making, one at a time. */
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'

const MAX_VARINT_BYTES = 8

/** Throws RangeError where it breaks off; bytes are not hashed. */
export async function* carBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<{ readonly cid: CID; readonly bytes: Uint8Array }> {
  let held: Uint8Array = new Uint8Array(0)
  let first = true
  for await (const chunk of chunks) {
    held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk])
    for (let section = leading(held); section; section = leading(held)) {
      held = held.subarray(section.end)
      // The header has the form of a section.
      if (!first) yield blockIn(section.bytes)
      first = false
    }
  }
  if (held.byteLength > 0) throw new RangeError('the CAR ends in the middle of a section')
}

function leading(held: Uint8Array): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const size = held.subarray(0, MAX_VARINT_BYTES).findIndex((byte) => byte < 0x80) + 1
  if (size === 0) return undefined
  const [length] = varint.decode(held.subarray(0, size))
  const end = size + length
  return held.byteLength < end ? undefined : { bytes: held.subarray(size, end), end }
}

function blockIn(section: Uint8Array): { readonly cid: CID; readonly bytes: Uint8Array } {
  const [cid, bytes] = CID.decodeFirst(section)
  return { cid, bytes }
}
