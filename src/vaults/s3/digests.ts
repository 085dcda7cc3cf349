/** What a store is told of the bytes it is sent, so that it refuses any others. */
import { createHash } from 'node:crypto'
import type { Behaviour } from './place.ts'

/** Members of PutObject and UploadPart. */
export interface Digests {
  readonly ChecksumSHA256?: string
  readonly ContentMD5?: string
}

/** SHA-256 where the store keeps it, MD5 elsewhere; both in base64. */
export function digestsOf(bytes: Uint8Array, checksums: Behaviour['checksums']): Digests {
  if (checksums === 'sha256') return { ChecksumSHA256: createHash('sha256').update(bytes).digest('base64') }
  return { ContentMD5: createHash('md5').update(bytes).digest('base64') }
}

/** The ETag of bytes that came in one piece, unless the store encrypts with a key of the customer's. */
export function etagOf(bytes: Uint8Array, digests: Digests): string {
  const md5 = digests.ContentMD5 === undefined ? createHash('md5').update(bytes).digest() : Buffer.from(digests.ContentMD5, 'base64')
  return `"${md5.toString('hex')}"`
}

/** Without quotes, which not every store sends. */
export function sameEtag(one: string, other: string): boolean {
  return bare(one) === bare(other)
}

function bare(etag: string): string {
  return etag.replaceAll('"', '').toLowerCase()
}
