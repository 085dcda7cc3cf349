/** Reading a small CAR whole: every block is hashed before it is given out. */
import * as cbor from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import { matches } from './address.ts'
import { MAX_PACK_BLOCKS } from './pack.ts'

export interface Car {
  readonly root: CID
  /** By the text of their CID, in the order of the CAR. */
  readonly blocks: ReadonlyMap<string, Uint8Array>
}

/** Throws `malformed`, `limit` and `hash-mismatch`. */
export function readCar(bytes: Uint8Array): Car {
  try {
    return sections(bytes)
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw new FormatError('malformed', 'this is not a CAR', { cause })
  }
}

function sections(bytes: Uint8Array): Car {
  const [headerBytes, start] = prefixed(bytes, 0)
  const header = cbor.decode<{ version?: unknown; roots?: readonly unknown[] }>(headerBytes)
  const root = CID.asCID(header.roots?.[0])
  if (header.version !== 1 || !root || header.roots?.length !== 1) throw new FormatError('malformed', 'a CARv1 with one root is expected')
  const blocks = new Map<string, Uint8Array>()
  for (let at = start; at < bytes.byteLength; ) {
    const [section, next] = prefixed(bytes, at)
    const [cid, data] = CID.decodeFirst(section)
    if (!matches(cid, data)) throw new FormatError('hash-mismatch', `block ${cid} does not hash to its CID`)
    if (blocks.size >= MAX_PACK_BLOCKS) throw new FormatError('limit', `a pack of more than ${MAX_PACK_BLOCKS} blocks is not read`)
    blocks.set(cid.toString(), data)
    at = next
  }
  return { root, blocks }
}

function prefixed(bytes: Uint8Array, at: number): [section: Uint8Array, next: number] {
  const [length, size] = varint.decode(bytes.subarray(at, at + 10))
  const end = at + size + length
  if (end > bytes.byteLength) throw new FormatError('malformed', 'the CAR is cut short')
  return [bytes.subarray(at + size, end), end]
}
