/** Content-MD5 and the x-amz-checksum-* family: checked and kept, or ignored as some stores do. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { BucketRules } from './bucket.ts'
import { crc64nvme } from './crc64.ts'
import { Refusal, type S3Request } from './wire.ts'

const CRC64NVME = 'x-amz-checksum-crc64nvme'

export type ChecksumName = 'crc32' | 'crc64nvme' | 'sha1' | 'sha256'

const DIGESTS: Readonly<Record<ChecksumName, (bytes: Buffer) => Buffer>> = {
  crc32: (bytes) => {
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(bytes))
    return sum
  },
  crc64nvme,
  sha1: (bytes) => createHash('sha1').update(bytes).digest(),
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
}

/** A checksum in base64 by its name; `-<parts>` follows that of a multipart upload made of the parts' digests. */
export interface Checksum {
  readonly name: ChecksumName
  readonly value: string
}

export const checksumNames = Object.keys(DIGESTS) as readonly ChecksumName[]

export const checksumOf = (name: ChecksumName, bytes: Buffer): string => DIGESTS[name](bytes).toString('base64')

export const md5Of = (bytes: Buffer): Buffer => createHash('md5').update(bytes).digest()

/** The name of `x-amz-checksum-algorithm`; throws for one this fake does not compute. */
export function checksumName(algorithm: string): ChecksumName {
  const name = checksumNames.find((each) => each === algorithm.toLowerCase())
  if (!name) throw new Refusal(501, 'NotImplemented', `this fake does not compute ${algorithm}`)
  return name
}

/** Throws when Content-MD5 is not the body's. */
export function checkMd5({ headers, body }: Pick<S3Request, 'headers' | 'body'>): void {
  const given = headers['content-md5']
  if (given === undefined) return
  const expected = Buffer.from(given, 'base64')
  if (expected.byteLength !== 16) throw new Refusal(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.')
  if (!expected.equals(md5Of(body))) throw badDigest('Content-MD5')
}

/** The checksum that came with the body, as a header or trailer; throws when it is not the body's. */
export function checkedChecksum({ headers, body }: Pick<S3Request, 'headers' | 'body'>): Checksum | undefined {
  const given = checksumNames.filter((name) => headers[`x-amz-checksum-${name}`] !== undefined)
  const [name] = given
  if (name === undefined) return undefined
  if (given.length > 1)
    throw new Refusal(400, 'InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  const value = checksumOf(name, body)
  if (headers[`x-amz-checksum-${name}`] !== value) throw badDigest(name.toUpperCase())
  return { name, value }
}

/** What a store of these rules makes of the digests that came with a body: throws when one that it looks at is not the body's. */
export function checkDigests({ checksums }: BucketRules, request: Pick<S3Request, 'headers' | 'body'>): Checksum | undefined {
  const { headers, body } = request
  if (checksums === 'kept' || checksums === 'ignored') checkMd5(request)
  if (checksums === 'kept') return checkedChecksum(request)
  if (checksums === 'crc64nvme') return checkedChecksum({ body, headers: { [CRC64NVME]: headers[CRC64NVME] } })
  const told = headers['x-amz-checksum-sha256']
  return checksums === 'echoed' && told !== undefined ? { name: 'sha256', value: told } : undefined
}

/** Does a store of these rules compare a body with the hash that was signed? */
export const checksPayload = ({ checksums }: BucketRules): boolean => checksums === 'kept' || checksums === 'ignored'

/** The ETag of what came in one request. */
export function etagOf({ etags }: BucketRules, body: Buffer, of: 'object' | 'part'): string {
  const isMd5 = etags === 'md5' || (etags === 'opaque-parts' && of === 'object')
  return `"${(isMd5 ? md5Of(body) : createHash('sha256').update(body).digest().subarray(0, 16)).toString('hex')}"`
}

/** The digest over the digests of the parts, as multipart uploads have it. */
export function compositeChecksum(name: ChecksumName, parts: readonly string[]): string {
  const joined = Buffer.concat(parts.map((value) => Buffer.from(value, 'base64')))
  return `${checksumOf(name, joined)}-${parts.length}`
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {}
  const type = checksum.value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT'
  return { [`x-amz-checksum-${checksum.name}`]: checksum.value, 'x-amz-checksum-type': type }
}

export function badDigest(what: string): Refusal {
  return new Refusal(400, 'BadDigest', `The ${what} you specified did not match the calculated checksum.`)
}
