/** Packs shorter than the shortest piece travel with zeros behind them; reads go by the pack's own length. */
import { LEAST_PIECE_BYTES } from './piece.ts'

/** Of what is uploaded for a pack of that length. */
export const pieceBytes = (byteLength: number): number => Math.max(byteLength, LEAST_PIECE_BYTES)

export async function* padded(body: AsyncIterable<Uint8Array>, byteLength: number): AsyncGenerator<Uint8Array> {
  yield* body
  if (byteLength < LEAST_PIECE_BYTES) yield new Uint8Array(LEAST_PIECE_BYTES - byteLength)
}
