/** A piece is hashed before it is uploaded: what is small is kept in memory in between, and what is large read a second time. */
import type { AbortOptions, Pack, VaultPutOptions } from '../../contracts.ts'
import { bodyOf } from '../body.ts'

const MOST_KEPT_BYTES = 8 * 1024 * 1024

/** The same pack; its bytes are those that it gave now. Throws `damaged` where they are not as many as it says. */
export async function readOnce(pack: Pack, vault: string, { signal }: AbortOptions | VaultPutOptions = {}): Promise<Pack> {
  if (pack.byteLength > MOST_KEPT_BYTES) return pack
  const bytes = Buffer.allocUnsafeSlow(pack.byteLength)
  let filled = 0
  for await (const chunk of bodyOf(pack, vault, { signal })) {
    bytes.set(chunk, filled)
    filled += chunk.byteLength
  }
  return {
    ...pack,
    open: async function* ({ offset = 0, length = bytes.byteLength - offset } = {}) {
      yield bytes.subarray(offset, offset + length)
    },
  }
}
