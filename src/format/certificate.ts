/** Certificates of shredding: signed statements in plain JSON, as receipts are, under a domain of their own. */
import type { ShredCertificate } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { decodeSignature, encodeSignature, fromMultikey, type SigningKey, sign, toMultikey, verifies } from './sign.ts'

const DOMAIN = 'perdure-shred-v1'

/** What deleting a header cannot undo, and what nobody can see from here. In every certificate. */
export const NOT_EXCLUDED: readonly string[] = [
  'Whoever opened the object before may have kept its content or the keys of its files; nothing takes them back.',
  'Whoever read a header before may have kept a copy of it, and opens the ciphertext with a recipient’s identity.',
  'Snapshots, backups and replication below a vault, and of the disk of the archive itself, are out of sight here.',
  'That a pack is absent is the word of its vault; only that it gave no bytes was tried.',
]

/** Signs what is known at this moment. */
export async function signCertificate(
  statement: Omit<ShredCertificate, 'archive' | 'signature'>,
  key: SigningKey,
): Promise<ShredCertificate> {
  // DAG-CBOR knows no undefined and JSON leaves it out: left out before signing, both read the same.
  const signed = JSON.parse(JSON.stringify({ ...statement, archive: toMultikey(key.publicKey) })) as Omit<ShredCertificate, 'signature'>
  return { ...signed, signature: encodeSignature(await sign(DOMAIN, signed, key)) }
}

/**
 * Checks a certificate offline: resolves to true when the signature holds under that key, false when it does not or names another key. Without
 * `publicKey` it proves only that the certificate is whole and signed by the key it names. Throws `malformed` for what is no certificate.
 */
export async function verifyCertificate(certificate: ShredCertificate, publicKey?: string): Promise<boolean> {
  if (!isCertificate(certificate))
    throw new FormatError('malformed', 'this is not a certificate of shredding: kind, key or signature is missing')
  const { signature, ...statement } = certificate
  const key = fromMultikey(certificate.archive)
  if (publicKey !== undefined && Buffer.compare(fromMultikey(publicKey), key) !== 0) return false
  return verifies(DOMAIN, statement, decodeSignature(signature), key)
}

/** Does it say that it is a certificate? */
export function isCertificate(value: unknown): value is ShredCertificate {
  const { kind, archive, signature } = (typeof value === 'object' && value !== null ? value : {}) as Partial<ShredCertificate>
  return kind === 'shred' && typeof archive === 'string' && typeof signature === 'string'
}
