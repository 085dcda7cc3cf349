/** Sizes of a sealed file: STREAM chunks of the age format, and how fifteen of them make one leaf of the DAG. */
import { FormatError } from '../errors.ts'
import { TAG_BYTES } from './aead.ts'

export const FILE_KEY_BYTES = 16
export const PAYLOAD_NONCE_BYTES = 16

/** Plaintext of one STREAM chunk; only the last one of a file may be shorter. */
export const CHUNK_BYTES = 65_536
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

export const CHUNKS_PER_LEAF = 15
/** Plaintext of one payload leaf: sources opened with this chunk size are sealed without a copy. */
export const LEAF_PLAINTEXT_BYTES = CHUNKS_PER_LEAF * CHUNK_BYTES
/** One payload leaf, and the most an age file may have to be one leaf, header included. */
export const LEAF_BYTES = CHUNKS_PER_LEAF * SEALED_CHUNK_BYTES

/** Largest header that is read. One that is written fits into a leaf, too. */
export const MAX_HEADER_BYTES = 1_048_576

/** Bytes of the STREAM that seals so much plaintext; an empty file has one chunk, which is empty. */
export function payloadLength(plaintextLength: number): number {
  return plaintextLength + Math.max(1, Math.ceil(plaintextLength / CHUNK_BYTES)) * TAG_BYTES
}

/** Bytes of the whole age file; `headerLength` is that of the textual header alone. */
export function ageFileLength(plaintextLength: number, headerLength: number): number {
  return headerLength + PAYLOAD_NONCE_BYTES + payloadLength(plaintextLength)
}

/** Bytes of plaintext in an age file: the inverse of `ageFileLength`. Throws `damaged` for a length that no whole age file has. */
export function plaintextLength(fileLength: number, headerLength: number): number {
  const payload = fileLength - headerLength - PAYLOAD_NONCE_BYTES
  const last = payload % SEALED_CHUNK_BYTES
  const chunks = Math.ceil(payload / SEALED_CHUNK_BYTES)
  if (!Number.isSafeInteger(payload) || payload < TAG_BYTES || (last > 0 && last <= TAG_BYTES && payload !== TAG_BYTES)) {
    throw new FormatError(
      'damaged',
      `no sealed file of ${headerLength} bytes of header has ${fileLength} bytes in all; it was cut or extended`,
    )
  }
  return payload - chunks * TAG_BYTES
}

/** Is an age file of that length one leaf? An erasable one never is: its header must be able to go alone. */
export function isSingleLeaf(fileLength: number, erasable: boolean): boolean {
  return !erasable && fileLength <= LEAF_BYTES
}
