/** What a store is told of the bytes it is sent, so that it refuses any others. */
import { createHash } from 'node:crypto'
import type { Checksums } from './place.ts'

/** Members of PutObject and UploadPart. */
export interface Digests {
  readonly ChecksumSHA256?: string
  readonly ContentMD5?: string
  /** Computed by the SDK as it sends. */
  readonly ChecksumAlgorithm?: 'CRC64NVME'
}

/** SHA-256 where the store looks at it, CRC64NVME where it looks at nothing else, MD5 elsewhere and where `md5` asks for it besides; in base64. */
export function digestsOf(bytes: Uint8Array, checksums: Checksums, { md5 = false }: { readonly md5?: boolean } = {}): Digests {
  const looksAtSha256 = checksums === 'sha256' || checksums === 'signed'
  return {
    ...(looksAtSha256 && { ChecksumSHA256: createHash('sha256').update(bytes).digest('base64') }),
    ...(checksums === 'crc64nvme' && { ChecksumAlgorithm: 'CRC64NVME' as const }),
    ...((md5 || (!looksAtSha256 && checksums !== 'crc64nvme')) && { ContentMD5: createHash('md5').update(bytes).digest('base64') }),
  }
}

/** Requests that set a lock must carry a digest that the store knows, so MD5 where it does not keep SHA-256. */
export function needsMd5(checksums: Checksums, locked: boolean): boolean {
  return locked && checksums !== 'sha256'
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
