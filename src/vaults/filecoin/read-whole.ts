/** A pack that is read from its first byte to its last is hashed on the way: it is the piece that was stored, or it is damaged. */
import { VaultError } from '../../errors.ts'
import type { At } from './locator.ts'
import { padded } from './padded.ts'
import type { PieceHasher } from './piece.ts'

interface Reading {
  /** Of the vault, for errors. */
  readonly id: string
  readonly newHasher: () => Promise<PieceHasher>
}

/** The same bytes. Throws `damaged` behind the last of them when they are another piece. */
export async function* hashedWhole(
  { id, newHasher }: Reading,
  { cid, byteLength, dataSetId, pieceId }: Pick<At, 'cid' | 'byteLength' | 'dataSetId' | 'pieceId'>,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hasher = await newHasher()
  for await (const part of bytes) {
    hasher.update(part)
    yield part
  }
  for await (const zeros of padded(nothing(), byteLength)) hasher.update(zeros)
  const { v2 } = hasher.digest()
  if (!v2.equals(cid))
    throw new VaultError(
      'damaged',
      id,
      `piece ${pieceId} of data set ${dataSetId} came as piece ${v2} instead of ${cid}; repair stores it again`,
    )
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
