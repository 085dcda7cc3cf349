/**
 * Ed25519 (RFC 8032): keys and signatures on `node:crypto` where it has the curve, on libsodium elsewhere, the same bytes from both. Signatures are checked
 * by libsodium everywhere: it refuses keys of low order and encodings that are not canonical, which OpenSSL takes.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'

/** What RFC 8410 puts in front of a seed. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SEED_BYTES = 32

export interface KeyPair {
  readonly publicKey: Uint8Array
  /** The seed, then the public key: 64 bytes, as libsodium keeps it. */
  readonly privateKey: Uint8Array
}

export interface Signer {
  readonly name: 'node' | 'libsodium'
  /** From a seed of 32 bytes. */
  pair(seed: Uint8Array): KeyPair
  /** 64 bytes. The same every time: nothing random goes into it. */
  sign(bytes: Uint8Array, privateKey: Uint8Array): Uint8Array
}

const handleOf = (seed: Uint8Array) => createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })

export const nodeSigner: Signer = {
  name: 'node',
  pair(seed) {
    const { x = '' } = createPublicKey(handleOf(seed)).export({ format: 'jwk' })
    const publicKey = new Uint8Array(Buffer.from(x, 'base64url'))
    return { publicKey, privateKey: Uint8Array.of(...seed, ...publicKey) }
  },
  sign: (bytes, privateKey) => new Uint8Array(sign(null, bytes, handleOf(privateKey.subarray(0, SEED_BYTES)))),
}

/** The library, loaded at its first use. */
export async function sodium() {
  const { default: library } = await import('libsodium-wrappers')
  await library.ready
  return library
}

/** The portable path; loads libsodium. */
export async function sodiumSigner(): Promise<Signer> {
  const library = await sodium()
  return {
    name: 'libsodium',
    pair: (seed) => {
      const { publicKey, privateKey } = library.crypto_sign_seed_keypair(seed)
      return { publicKey, privateKey }
    },
    sign: (bytes, privateKey) => library.crypto_sign_detached(bytes, privateKey),
  }
}

let chosen: Promise<Signer> | undefined

/** Chosen once: the native one where it works. */
export function signer(): Promise<Signer> {
  chosen ??= works() ? Promise.resolve(nodeSigner) : sodiumSigner()
  return chosen
}

function works(): boolean {
  try {
    return nodeSigner.pair(new Uint8Array(SEED_BYTES)).publicKey.byteLength === 32
  } catch {
    return false
  }
}
