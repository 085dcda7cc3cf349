/** The quickest way this machine has to hash a layer of a piece's tree. */
import type { AbortOptions } from '../contracts/options.ts'
import { type HashPairs, hashWithNode, type Piece, type PieceHasher, pieceHasher } from './commp.ts'

let found: Promise<HashPairs> | undefined

/** Native code where the optional peer `@chainsafe/hashtree` is installed and has it for this machine, else `node:crypto`, about a tenth as fast. */
function quickest(): Promise<HashPairs> {
  found ??= import('@chainsafe/hashtree').then(
    ({ hashInto }) => hashInto,
    () => hashWithNode,
  )
  return found
}

/** A hasher to feed by hand, e.g. beside a write. */
export async function createPieceHasher(): Promise<PieceHasher> {
  return pieceHasher(await quickest())
}

/** The piece that a stream of bytes becomes. Memory stays the same for any length. */
export async function pieceOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, { signal }: AbortOptions = {}): Promise<Piece> {
  signal?.throwIfAborted()
  const hasher = await createPieceHasher()
  for await (const bytes of source) {
    signal?.throwIfAborted()
    hasher.update(bytes)
  }
  return hasher.digest()
}
