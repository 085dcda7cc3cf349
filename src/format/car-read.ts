/** Reading a CARv1 as it streams in: block by block, each hashed, with a limit on every length. A wrong block is told and passed over; a wrong length ends it. */
import * as cbor from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import { matches } from './address.ts'

const MAX_HEADER_BYTES = 1024
/** A varint of a length that is read at all. */
const MAX_VARINT_BYTES = 8
/** Longest CID that is looked for: an identity CID of 128 bytes and its prefix. */
export const MAX_CID_BYTES = 160

export interface CarBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
  /** Do the bytes hash to the CID? */
  readonly intact: boolean
}

export interface CarReading {
  readonly root: CID
  /** To be iterated once, to its end. Throws `malformed` or `limit` where the lengths make no sense any more. */
  readonly blocks: AsyncIterable<CarBlock>
}

/** Reads the header. Throws `malformed` for what is no CARv1 of one root. */
export async function readCar(chunks: AsyncIterable<Uint8Array>, limits: { readonly maxBlockBytes: number }): Promise<CarReading> {
  const source = bytesFrom(chunks)
  const length = await lengthFrom(source)
  if (length === undefined || length > MAX_HEADER_BYTES) throw malformed('it has no header')
  const root = carRoot(await source.take(length))
  return { root, blocks: blocksFrom(source, limits.maxBlockBytes) }
}

/** The one root of a CAR header, without its length in front. Throws `malformed`. */
export function carRoot(header: Uint8Array): CID {
  let value: unknown
  try {
    value = cbor.decode(header)
  } catch (cause) {
    throw malformed('its header is not DAG-CBOR', { cause })
  }
  const { version, roots } = (value ?? {}) as Record<string, unknown>
  const root = Array.isArray(roots) && roots.length === 1 ? CID.asCID(roots[0]) : undefined
  if (version !== 1 || !root) throw malformed('its header is not that of a CARv1 with one root')
  return root
}

/** The CID at the beginning of a section. Throws `malformed`. */
export function leadingCid(bytes: Uint8Array): CID {
  try {
    return CID.decodeFirst(bytes)[0]
  } catch (cause) {
    throw malformed('a section does not begin with a CID', { cause })
  }
}

/** The varint at the beginning and how many bytes it takes; undefined where it is not whole. Throws `malformed`. */
export function leadingVarint(bytes: Uint8Array): readonly [value: number, size: number] | undefined {
  const end = bytes.subarray(0, MAX_VARINT_BYTES).findIndex((byte) => byte < 0x80)
  if (end < 0 && bytes.byteLength < MAX_VARINT_BYTES) return undefined
  if (end < 0) throw malformed('a length has no end')
  return varint.decode(bytes.subarray(0, end + 1))
}

async function* blocksFrom(source: ByteSource, maxBlockBytes: number): AsyncGenerator<CarBlock> {
  for (let length = await lengthFrom(source); length !== undefined; length = await lengthFrom(source)) {
    if (length > maxBlockBytes + MAX_CID_BYTES)
      throw new FormatError('limit', `a section of ${length} bytes; blocks of ${maxBlockBytes} are read`)
    const section = await source.take(length)
    const cid = leadingCid(section)
    const bytes = section.subarray(cid.bytes.byteLength)
    yield { cid, bytes, intact: isIntact(cid, bytes) }
  }
}

/** A hash function that is not known cannot be checked, and what cannot be checked is not taken. */
function isIntact(cid: CID, bytes: Uint8Array): boolean {
  try {
    return matches(cid, bytes)
  } catch {
    return false
  }
}

interface ByteSource {
  /** At least so many bytes where there are as many; nothing is consumed. */
  peek(length: number): Promise<Uint8Array>
  /** Exactly so many, in memory that is not written again. Throws `malformed` when the source ends before. */
  take(length: number): Promise<Uint8Array>
}

function bytesFrom(chunks: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]()
  let held: Uint8Array = new Uint8Array(0)
  /** Copied on arrival: a sender of single bytes costs what it sends, not an object for each of them. */
  const fill = async (length: number) => {
    let gathered = held
    let used = held.byteLength
    while (used < length) {
      const { done, value } = await iterator.next()
      if (done) break
      const needed = used + value.byteLength
      if (needed > gathered.byteLength) {
        const larger = Buffer.allocUnsafe(Math.max(needed, length))
        larger.set(gathered.subarray(0, used))
        gathered = larger
      }
      gathered.set(value, used)
      used = needed
    }
    held = gathered.subarray(0, used)
  }
  return {
    async peek(length) {
      await fill(length)
      return held
    },
    async take(length) {
      await fill(length)
      if (held.byteLength < length) throw malformed('it ends in the middle of a section')
      const taken = held.subarray(0, length)
      held = held.subarray(length)
      return taken
    },
  }
}

/** The length of the next section; undefined at the end. */
async function lengthFrom(source: ByteSource): Promise<number | undefined> {
  const ahead = await source.peek(MAX_VARINT_BYTES)
  if (ahead.byteLength === 0) return undefined
  const found = leadingVarint(ahead)
  if (!found) throw malformed('it ends in the middle of a length')
  await source.take(found[1])
  if (found[0] === 0) throw malformed('a section is empty')
  return found[0]
}

const malformed = (why: string, options?: { readonly cause?: unknown }) =>
  new FormatError('malformed', `this is not a whole CAR: ${why}`, options)
