/** A new wallet: an RSA key of 4096 bits as a JWK. It takes seconds to make, so there is one for each file of tests. */
import { createHash, generateKeyPairSync } from 'node:crypto'

export function newWallet() {
  const { n, ...rest } = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey.export({ format: 'jwk' })
  if (n === undefined) throw new Error('a key without a modulus')
  return {
    jwk: { ...rest, kty: 'RSA', e: 'AQAB', n },
    address: createHash('sha256').update(Buffer.from(n, 'base64url')).digest('base64url'),
  }
}
