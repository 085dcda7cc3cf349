/** Other recipients for a sealed file whose payload stays as it is. */
import type { Random } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { parseHeader } from './age-header.ts'
import { LEAF_BYTES, PAYLOAD_NONCE_BYTES } from './age-layout.ts'
import { unwrapFileKey, wrapFileKey } from './file-key.ts'
import type { Identity, Recipient } from './recipients.ts'

export interface RewrapOptions {
  /** One of them must open the file. */
  readonly identities: readonly Identity[]
  /** All recipients from then on, not only the added ones. */
  readonly recipients: readonly Recipient[]
  readonly random: Random
}

/**
 * The leaves that take the place of leaf 0: the same file key and the same payload nonce under a new header, so all other leaves stay. One leaf;
 * two when a file of one leaf no longer fits into one, because its header grew.
 *
 * Whoever could open the file before may have kept its file key, and opens the payload still: leaving a recipient out keeps new readers away, it
 * takes nothing back. Throws what reading and sealing throw.
 */
export async function rewrap(leaf: Uint8Array, { identities, recipients, random }: RewrapOptions): Promise<readonly Uint8Array[]> {
  const header = parseHeader(leaf)
  if (!header || leaf.byteLength < header.byteLength + PAYLOAD_NONCE_BYTES) {
    throw new FormatError('malformed', 'this is not the first leaf of a sealed file: its header does not end in it')
  }
  const fileKey = await unwrapFileKey(header, identities)
  const fresh = await wrapFileKey(fileKey, recipients, random)
  fileKey.fill(0)
  const rest = leaf.subarray(header.byteLength)
  if (fresh.byteLength + rest.byteLength <= LEAF_BYTES) return [joined(fresh, rest)]
  return [joined(fresh, rest.subarray(0, PAYLOAD_NONCE_BYTES)), rest.slice(PAYLOAD_NONCE_BYTES)]
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.byteLength + b.byteLength)
  both.set(a)
  both.set(b, a.byteLength)
  return both
}
