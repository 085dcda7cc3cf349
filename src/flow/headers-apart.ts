/** Headers of erasable files on their way: told apart from other leaves when they are sealed, and led into packs of their own when they come to the sink. */
import { ArchiveError } from '../errors.ts'
import { addressOf, RAW } from '../format/address.ts'
import type { BlockSink } from '../format/unixfs-import.ts'
import type { HeaderSink } from './pack-builder.ts'

export interface HeadersApart {
  /** What blocks are put into. */
  readonly sink: Required<BlockSink>
  /** Passes the leaves of an erasable file on and remembers the first one, which is its header. */
  noted(leaves: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>
  /** Throws when a header did not come to a pack of its own: with other content it could not be deleted. */
  assertApart(): void
}

export function headersApart(sink: HeaderSink): HeadersApart {
  const coming = new Set<string>()
  return {
    sink: {
      put: (cid, bytes) => (coming.size > 0 && coming.delete(cid.toString()) ? sink.putHeader(cid, bytes) : sink.put(cid, bytes)),
      reuse: (content) => sink.reuse(content),
    },
    async *noted(leaves) {
      let first = true
      for await (const leaf of leaves) {
        if (first) coming.add(addressOf(leaf, RAW).toString())
        first = false
        yield leaf
      }
    },
    assertApart() {
      if (coming.size > 0) throw new ArchiveError('conflict', 'a header did not come to a pack of its own; nothing was stored')
    },
  }
}
