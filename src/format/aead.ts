/** Bulk ChaCha20-Poly1305 into given memory: `node:crypto` where it has the cipher, libsodium elsewhere, the same bytes from both. */
import { createCipheriv, createDecipheriv, createSecretKey, getCiphers } from 'node:crypto'

export const TAG_BYTES = 16
export const AEAD_KEY_BYTES = 32
export const AEAD_NONCE_BYTES = 12

const CIPHER = 'chacha20-poly1305'
/** What Node's ciphers are fed at a time. Each call makes new memory: pieces of 64 KiB take a tenth more time and 80 MiB more before they are collected. */
const PIECE_BYTES = 16_384
const TAG = { authTagLength: TAG_BYTES }

/** One implementation. */
export interface Aead {
  readonly name: 'node' | 'libsodium'
  /** Makes a key of 32 bytes ready: importing it takes a quarter of the time that sealing a chunk does. */
  keyed(key: Uint8Array): KeyedAead
}

/** Nonces are 12 bytes; `out` may not overlap the input. */
export interface KeyedAead {
  /** Writes ciphertext and tag, `plaintext.byteLength + 16` bytes, to the start of `out`. */
  seal(nonce: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void
  /** Writes the plaintext, `sealed.byteLength - 16` bytes, to the start of `out`, once the tag held. False, and `out` untouched, when it did not. */
  open(nonce: Uint8Array, sealed: Uint8Array, out: Uint8Array): boolean
}

export const nodeAead: Aead = {
  name: 'node',
  keyed(bytes) {
    const key = createSecretKey(bytes)
    return {
      seal(nonce, plaintext, out) {
        const cipher = createCipheriv(CIPHER, key, nonce, TAG)
        for (let at = 0; at < plaintext.byteLength; at += PIECE_BYTES) out.set(cipher.update(plaintext.subarray(at, at + PIECE_BYTES)), at)
        cipher.final()
        out.set(cipher.getAuthTag(), plaintext.byteLength)
      },
      open(nonce, sealed, out) {
        const length = sealed.byteLength - TAG_BYTES
        if (length < 0) return false
        const decipher = createDecipheriv(CIPHER, key, nonce, TAG)
        decipher.setAuthTag(sealed.subarray(length))
        const pieces: Uint8Array[] = []
        for (let at = 0; at < length; at += PIECE_BYTES)
          pieces.push(decipher.update(sealed.subarray(at, Math.min(length, at + PIECE_BYTES))))
        try {
          decipher.final()
        } catch {
          return false
        }
        let at = 0
        for (const piece of pieces) {
          out.set(piece, at)
          at += piece.byteLength
        }
        return true
      },
    }
  },
}

/** The portable path; loads libsodium. */
export async function sodiumAead(): Promise<Aead> {
  const { default: sodium } = await import('libsodium-wrappers')
  await sodium.ready
  return {
    name: 'libsodium',
    keyed: (bytes) => {
      const key = bytes.slice()
      return {
        seal(nonce, plaintext, out) {
          out.set(sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, key))
        },
        open(nonce, sealed, out) {
          if (sealed.byteLength < TAG_BYTES) return false
          let plaintext: Uint8Array
          try {
            plaintext = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key)
          } catch {
            return false
          }
          out.set(plaintext)
          return true
        },
      }
    },
  }
}

let chosen: Promise<Aead> | undefined

/** What this runtime seals and opens with, chosen once. */
export function chosenAead(): Promise<Aead> {
  chosen ??= getCiphers().includes(CIPHER) ? Promise.resolve(nodeAead) : sodiumAead()
  return chosen
}
