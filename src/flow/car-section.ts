/** A block as a CAR holds it. */
import type { CID } from 'multiformats/cid'
import { sectionPrefix } from '../format/pack.ts'

/** Sections up to this many bytes travel as one piece with their prefix. */
const SMALL_BYTES = 64 * 1024

export function* section(cid: CID, bytes: Uint8Array): Generator<Uint8Array> {
  const prefix = sectionPrefix(cid, bytes.byteLength)
  if (bytes.byteLength <= SMALL_BYTES) yield Buffer.concat([prefix, bytes])
  else {
    yield prefix
    yield bytes
  }
}
