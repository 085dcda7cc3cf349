/** A pack that is hashed before it is sent: what is small is read once and kept in memory in between, what is large is read again. */
import { collect } from '../bytes/collect.ts'
import type { AbortOptions, Pack } from '../contracts.ts'
import { bodyOf } from './body.ts'

const MOST_KEPT_BYTES = 8 * 1024 * 1024

/** The same pack; the bytes of a small one are those that it gave now. Throws `damaged` where they are not as many as it says. */
export async function readOnce(pack: Pack, vault: string, { signal }: AbortOptions = {}): Promise<Pack> {
  if (pack.byteLength > MOST_KEPT_BYTES) return pack
  const bytes = await collect(bodyOf(pack, vault, { signal }), pack.byteLength, { signal })
  return {
    ...pack,
    open: async function* ({ offset = 0, length = bytes.byteLength - offset } = {}) {
      yield bytes.subarray(offset, offset + length)
    },
  }
}
