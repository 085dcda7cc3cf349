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

/** The piece that a stream of bytes becomes, read once and not kept. */
export type PieceOf = (source: AsyncIterable<Uint8Array>, options?: AbortOptions) => Promise<PieceCommitment>
