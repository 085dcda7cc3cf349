/** The keys of an age file: HKDF-SHA256 and HMAC-SHA256 from `node:crypto`. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

const NO_SALT = new Uint8Array(0)
const HEADER = new TextEncoder().encode('header')
const PAYLOAD = new TextEncoder().encode('payload')

export const MAC_BYTES = 32

/** HKDF-SHA256, 32 bytes unless told otherwise. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, byteLength = 32): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, byteLength))
}

/** The MAC over a header up to and including its `---`. It also binds the file key, which ChaCha20-Poly1305 alone does not. */
export function headerMac(fileKey: Uint8Array, header: Uint8Array): Uint8Array {
  return createHmac('sha256', hkdf(fileKey, NO_SALT, HEADER))
    .update(header)
    .digest()
}

/** Do two MACs agree? Takes the same time wherever they differ. */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}

/** The key that the chunks of a payload are sealed with. */
export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return hkdf(fileKey, nonce, PAYLOAD)
}
