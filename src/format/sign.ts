/** Ed25519 signatures over DAG-CBOR, with a domain in front so that no signature of one kind passes for another. */
import * as cbor from '@ipld/dag-cbor'
import { base58btc } from 'multiformats/bases/base58'
import { base64url } from 'multiformats/bases/base64'
import { FormatError } from '../errors.ts'
import { type KeyPair, signer, sodium } from './ed25519.ts'

/** The archive's signing key: a 32-byte seed and what is derived from it. */
export type SigningKey = KeyPair

export type Domain = 'perdure-receipt-v1' | 'perdure-record-v1' | 'perdure-tombstone-v1' | 'perdure-shred-v1' | 'perdure-succession-v1'

const ED25519_PUB = Uint8Array.of(0xed, 0x01)

/** Derives the key pair from its 32-byte seed. */
export async function keyFromSeed(seed: Uint8Array): Promise<SigningKey> {
  return (await signer()).pair(seed)
}

/** Signs domain, NUL, then the DAG-CBOR of the statement; 64 bytes. Canonical: DAG-CBOR sorts keys, so equal statements have equal bytes. */
export async function sign(domain: Domain, statement: unknown, key: SigningKey): Promise<Uint8Array> {
  return signBytes(message(domain, statement), key)
}

/** Signs bytes as they are; whatever stands at their beginning must be the domain. */
export async function signBytes(bytes: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  return (await signer()).sign(bytes, key.privateKey)
}

/** Does that key's signature over that statement hold? False for anything malformed. */
export async function verifies(domain: Domain, statement: unknown, signature: Uint8Array, publicKey: Uint8Array): Promise<boolean> {
  return verifiesBytes(message(domain, statement), signature, publicKey)
}

/** Does that key's signature over these very bytes hold? False for anything malformed. */
export async function verifiesBytes(bytes: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): Promise<boolean> {
  const library = await sodium()
  if (signature.byteLength !== library.crypto_sign_BYTES || publicKey.byteLength !== library.crypto_sign_PUBLICKEYBYTES) return false
  return library.crypto_sign_verify_detached(signature, bytes, publicKey)
}

/** Public key as a multikey, the `z6Mk…` of did:key. */
export function toMultikey(publicKey: Uint8Array): string {
  return base58btc.encode(Uint8Array.of(...ED25519_PUB, ...publicKey))
}

/** Reads a `z6Mk…` multikey, with or without `did:key:` in front. Throws `malformed`. */
export function fromMultikey(text: string): Uint8Array {
  try {
    const bytes = base58btc.decode(text.trim().replace(/^did:key:/, ''))
    if (bytes.byteLength === 34 && bytes[0] === ED25519_PUB[0] && bytes[1] === ED25519_PUB[1]) return bytes.subarray(2)
  } catch (cause) {
    throw new FormatError('malformed', `${JSON.stringify(text.slice(0, 80))} is not an Ed25519 public key; it should look like z6Mk…`, {
      cause,
    })
  }
  throw new FormatError('malformed', `${JSON.stringify(text.slice(0, 80))} is a key of another kind; an Ed25519 key looks like z6Mk…`)
}

export const encodeSignature = (signature: Uint8Array): string => base64url.encode(signature)

/** Reads a multibase base64url signature. Throws `malformed`. */
export function decodeSignature(text: string): Uint8Array {
  try {
    return base64url.decode(text)
  } catch (cause) {
    throw new FormatError('malformed', 'the signature is not multibase base64url', { cause })
  }
}

function message(domain: Domain, statement: unknown): Uint8Array {
  return Buffer.concat([Buffer.from(`${domain}\0`), cbor.encode(statement)])
}
