/** Where an item lies in a root bundle of ANS-104: its header has the number of items (32 bytes), then size and id of each (32 bytes each). */
import { FormatError } from '../../../errors.ts'

const COUNT_BYTES = 32
const ENTRY_BYTES = 64
const PIECE_BYTES = 256 * 1024
/** A header of 16 MiB; no bundler comes near it. */
const MAX_ITEMS = 2 ** 18

/** Reads so many bytes from there, neither more nor fewer. */
export type ReadBundle = (offset: number, length: number) => Promise<Uint8Array>

/**
 * The place of an item whose id is in the header, `undefined` where the whole header does not name it. Bundles in bundles are not opened.
 * A header can lie about what lies there: verify the item. Of equal ids the first is taken.
 * Throws FormatError `malformed` for a header that is none, or does not fit into the bundle; `limit` for more than 262,144 items.
 */
export async function findInBundle(
  read: ReadBundle,
  byteLength: number,
  itemId: string,
): Promise<{ readonly offset: number; readonly length: number } | undefined> {
  const id = Buffer.from(itemId, 'base64url')
  if (id.byteLength !== 32)
    throw new FormatError('malformed', `${JSON.stringify(itemId)} is no id of an item; it has 43 letters of base64url`)
  if (byteLength < COUNT_BYTES) throw malformed(`${byteLength} bytes are too few for a header`)
  const headerBytes = await headerBytesOf(read, byteLength)
  let offset = headerBytes
  for (let at = COUNT_BYTES; at < headerBytes; at += PIECE_BYTES) {
    const piece = await exactly(read, at, Math.min(PIECE_BYTES, headerBytes - at))
    for (let entry = 0; entry < piece.byteLength; entry += ENTRY_BYTES) {
      const length = numberIn(piece.subarray(entry, entry + 32))
      if (length > byteLength - offset) throw malformed('its items are longer than the bundle')
      if (id.equals(piece.subarray(entry + 32, entry + ENTRY_BYTES))) return { offset, length }
      offset += length
    }
  }
  return undefined
}

async function headerBytesOf(read: ReadBundle, byteLength: number): Promise<number> {
  const count = numberIn(await exactly(read, 0, COUNT_BYTES))
  if (count > (byteLength - COUNT_BYTES) / ENTRY_BYTES) throw malformed(`it cannot have ${count} items`)
  if (count > MAX_ITEMS) throw new FormatError('limit', `a bundle of ${count} items; at most ${MAX_ITEMS} are searched`)
  return COUNT_BYTES + count * ENTRY_BYTES
}

async function exactly(read: ReadBundle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await read(offset, length)
  if (bytes.byteLength !== length) throw malformed(`${bytes.byteLength} bytes came where ${length} were asked for`)
  return bytes
}

/** 32 bytes, the lowest first. What is no safe integer is larger than any bundle, and stays so. */
function numberIn(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0)
}

function malformed(why: string): FormatError {
  return new FormatError('malformed', `this is no bundle: ${why}; read it again from another gateway`)
}
