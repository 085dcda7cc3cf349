/** The TOC of a pack, read from the CAR itself: only what stands before each block is read. Whether it is the right one, its CID tells. */
import type { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import { carRoot, leadingCid, leadingVarint, MAX_CID_BYTES } from './car-read.ts'
import { MAX_PACK_BLOCKS, type Toc } from './pack.ts'

/** Enough for any length and CID. */
const PREFIX_BYTES = 8 + MAX_CID_BYTES
/** Where blocks are small, many prefixes come with one read. */
const WINDOW_BYTES = 256 * 1024
const SMALL_BLOCK_BYTES = 64 * 1024
const MAX_HEADER_BYTES = 1024

/** Reads so many bytes from there, fewer only at the end. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>

/** Throws `malformed` or `limit` for what is no pack of that length, and whatever `read` throws. */
export async function tocOfCar(byteLength: number, read: ReadRange): Promise<Toc> {
  const from = windowed(byteLength, read)
  const [headerLength, headerSize] = lengthOf(await from(0, MAX_HEADER_BYTES))
  if (headerLength > MAX_HEADER_BYTES) throw malformed('its header is too long')
  const root = carRoot((await from(0, headerSize + headerLength)).subarray(headerSize, headerSize + headerLength))
  const blocks: (readonly [CID, number])[] = []
  for (let at = headerSize + headerLength, last = 0; at < byteLength; ) {
    const prefix = await from(at, PREFIX_BYTES, last < SMALL_BLOCK_BYTES ? WINDOW_BYTES : PREFIX_BYTES)
    const [length, size] = lengthOf(prefix)
    const cid = leadingCid(prefix.subarray(size))
    last = length - cid.bytes.byteLength
    at += size + length
    if (last < 0 || at > byteLength) throw malformed('a section is longer than the file')
    if (blocks.length >= MAX_PACK_BLOCKS) throw new FormatError('limit', `more than ${MAX_PACK_BLOCKS} blocks`)
    blocks.push([cid, last])
  }
  return { root, blocks }
}

/** Reads through one window that moves on. */
function windowed(byteLength: number, read: ReadRange): (offset: number, length: number, window?: number) => Promise<Uint8Array> {
  let start = 0
  let held: Uint8Array = new Uint8Array(0)
  return async (offset, wanted, window = wanted) => {
    const length = Math.min(wanted, byteLength - offset)
    if (offset < start || offset + length > start + held.byteLength) {
      held = await read(offset, Math.min(Math.max(window, length), byteLength - offset))
      start = offset
    }
    const bytes = held.subarray(offset - start, offset - start + length)
    if (bytes.byteLength < length) throw malformed('it is shorter than it should be')
    return bytes
  }
}

function lengthOf(bytes: Uint8Array): readonly [number, number] {
  const found = leadingVarint(bytes)
  if (!found) throw malformed('it ends in the middle of a length')
  return found
}

const malformed = (why: string) => new FormatError('malformed', `this is not a whole pack: ${why}`)
