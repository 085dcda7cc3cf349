/** RSA-PSS with SHA-256, the signature of Arweave's wallets. */
import { constants, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

const padding = constants.RSA_PKCS1_PSS_PADDING
/** Nodes take any length; verifiers that are built on Web Crypto try 0, 32 and the longest only. */
const saltLength = 32

export function signed(key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', bytes, { key, padding, saltLength }, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}

/** Whatever the length of its salt. The exponent is 65537 for every wallet; false also for a modulus that makes no key. */
export async function verifies(modulus: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    const key = createPublicKey({ key: { kty: 'RSA', n: modulus, e: 'AQAB' }, format: 'jwk' })
    return await new Promise<boolean>((resolve, reject) => {
      verify('sha256', bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature, (error, right) =>
        error ? reject(error) : resolve(right),
      )
    })
  } catch {
    // What OpenSSL refuses to calculate with has signed nothing.
    return false
  }
}
