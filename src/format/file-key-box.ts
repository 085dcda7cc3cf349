/** How every classic stanza carries the file key: ChaCha20-Poly1305 under a wrap key that is used once, so the nonce is zero. */
import { AEAD_NONCE_BYTES, chosenAead, TAG_BYTES } from './aead.ts'
import { FILE_KEY_BYTES } from './age-layout.ts'

/** A body of another length is refused before it is decrypted: longer ones may open under several keys at once. */
export const WRAPPED_BYTES = FILE_KEY_BYTES + TAG_BYTES

const NONCE = new Uint8Array(AEAD_NONCE_BYTES)

export async function sealFileKey(fileKey: Uint8Array, wrapKey: Uint8Array): Promise<Uint8Array> {
  const body = new Uint8Array(WRAPPED_BYTES)
  ;(await chosenAead()).keyed(wrapKey).seal(NONCE, fileKey, body)
  return body
}

/** Undefined when the wrap key is not the one. */
export async function openFileKey(body: Uint8Array, wrapKey: Uint8Array): Promise<Uint8Array | undefined> {
  if (body.byteLength !== WRAPPED_BYTES) return undefined
  const fileKey = new Uint8Array(FILE_KEY_BYTES)
  return (await chosenAead()).keyed(wrapKey).open(NONCE, body, fileKey) ? fileKey : undefined
}
