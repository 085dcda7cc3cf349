/** What a Filecoin vault needs of a piece commitment. It is handed in: formats and vaults do not know each other. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../contracts.ts'

/** Pieces are no shorter: what is goes padded with zeros. */
export const LEAST_PIECE_BYTES = 127

export interface PieceCommitment {
  /** Of the payload. */
  readonly byteLength: number
  /** Piece CID v1. */
  readonly v1: CID
  /** Piece CID v2. */
  readonly v2: CID
}

/** Fed piece by piece; takes nothing more after its digest. */
export interface PieceHasher {
  update(bytes: Uint8Array): unknown
  digest(): PieceCommitment
}

/** The piece that a stream of bytes becomes, read once and not kept. */
export type PieceOf = (source: AsyncIterable<Uint8Array>, options?: AbortOptions) => Promise<PieceCommitment>

export const pieceWith =
  (newHasher: () => Promise<PieceHasher>): PieceOf =>
  async (source, { signal } = {}) => {
    const hasher = await newHasher()
    for await (const bytes of source) {
      signal?.throwIfAborted()
      hasher.update(bytes)
    }
    return hasher.digest()
  }
