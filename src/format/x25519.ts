/** X25519 on raw bytes: `node:crypto` where it has the curve, libsodium elsewhere. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'

export const POINT_BYTES = 32

/** What RFC 8410 puts in front of the raw bytes of a private and of a public key. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

/** A private key that was made ready for use. */
export interface Scalar {
  /** The public key that belongs to it. */
  readonly point: Uint8Array
  /** The shared secret; undefined when it is all zero, which every point of low order gives. */
  sharedWith(point: Point): Uint8Array | undefined
}

/** A public key that was made ready for use. */
export interface Point {
  readonly bytes: Uint8Array
  /** Native handle, made once: importing a key takes as long as using it. */
  readonly handle?: KeyObject
}

export interface Curve {
  readonly name: 'node' | 'libsodium'
  scalar(bytes: Uint8Array): Scalar
  point(bytes: Uint8Array): Point
}

export const nodeCurve: Curve = {
  name: 'node',
  scalar(bytes) {
    const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: 'der', type: 'pkcs8' })
    const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
    return {
      point: new Uint8Array(Buffer.from(x, 'base64url')),
      sharedWith({ bytes: point, handle = publicKey(point) }) {
        try {
          return nonZero(diffieHellman({ privateKey, publicKey: handle }))
        } catch {
          // OpenSSL refuses to derive from a point of low order.
          return undefined
        }
      },
    }
  },
  point: (bytes) => ({ bytes, handle: publicKey(bytes) }),
}

const publicKey = (point: Uint8Array) => createPublicKey({ key: Buffer.concat([SPKI, point]), format: 'der', type: 'spki' })

/** The portable path; loads libsodium. */
export async function sodiumCurve(): Promise<Curve> {
  const { default: sodium } = await import('libsodium-wrappers')
  await sodium.ready
  return {
    name: 'libsodium',
    scalar: (bytes) => ({
      point: sodium.crypto_scalarmult_base(bytes),
      sharedWith(point) {
        try {
          return nonZero(sodium.crypto_scalarmult(bytes, point.bytes))
        } catch {
          return undefined
        }
      },
    }),
    point: (bytes) => ({ bytes }),
  }
}

function nonZero(shared: Uint8Array): Uint8Array | undefined {
  return shared.some((byte) => byte !== 0) ? shared : undefined
}

let chosen: Promise<Curve> | undefined

/** What this runtime agrees on keys with, chosen once. */
export function chosenCurve(): Promise<Curve> {
  chosen ??= hasCurve() ? Promise.resolve(nodeCurve) : sodiumCurve()
  return chosen
}

function hasCurve(): boolean {
  try {
    return nodeCurve.scalar(new Uint8Array(POINT_BYTES).fill(9)).point.byteLength === POINT_BYTES
  } catch {
    return false
  }
}
