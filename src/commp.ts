/** The door of `perdure/commp`: piece commitments of Filecoin. */

export { type Piece, type PieceHasher, paddedFor } from './format/commp.ts'
export { createPieceHasher, pieceOf } from './format/commp-native.ts'
