/** Multipart uploads: parts by number, listed in pages, put together in order, or thrown away. */
import { randomBytes } from 'node:crypto'
import type { Bucket } from './bucket.ts'
import {
  badDigest,
  type Checksum,
  type ChecksumName,
  checkDigests,
  checksumName,
  checksumOf,
  compositeChecksum,
  etagOf,
  md5Of,
} from './checksums.ts'
import { checkQuota, takes } from './faults.ts'
import { lockHeaders, mustHaveDigest } from './locks.ts'
import { commit, type Making, makingOf, versionHeader } from './objects.ts'
import { Refusal, type S3Request, type S3Response } from './wire.ts'
import { document, element, errorDocument, everyOf, group, textOf } from './xml.ts'

const MAX_PARTS = 10_000

export interface StoredPart {
  readonly body: Buffer
  readonly etag: string
  readonly checksum: Checksum | undefined
  readonly modified: number
}

export interface Upload {
  readonly key: string
  readonly initiated: number
  readonly making: Making
  readonly algorithm: ChecksumName | undefined
  readonly parts: Map<number, StoredPart>
}

export function createUpload(bucket: Bucket, request: S3Request): S3Response {
  const algorithm = request.headers['x-amz-checksum-algorithm']
  const { checksums } = bucket.rules
  const keeps = checksums === 'kept' || (checksums === 'crc64nvme' && algorithm === 'CRC64NVME')
  const kept = keeps && algorithm !== undefined ? checksumName(algorithm) : undefined
  const type = request.headers['x-amz-checksum-type']
  if (kept && type !== undefined && (type === 'FULL_OBJECT') !== (kept === 'crc64nvme'))
    throw new Refusal(400, 'InvalidRequest', `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`)
  const uploadId = randomBytes(24).toString('base64url')
  const making = makingOf(bucket, request)
  bucket.uploads.set(uploadId, { key: request.key, initiated: bucket.now(), making, algorithm: kept, parts: new Map() })
  const body = [element('Bucket', bucket.name), element('Key', request.key), element('UploadId', uploadId)]
  return { status: 200, headers: lockHeaders(making), body: document('InitiateMultipartUploadResult', body) }
}

export function uploadPart(bucket: Bucket, request: S3Request): S3Response {
  const upload = uploadOf(bucket, request)
  const number = Number(request.query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS)
    throw new Refusal(400, 'InvalidArgument', `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`)
  if (upload.making.retention || upload.making.legalHold) mustHaveDigest(request)
  const checksum = checkDigests(bucket.rules, request)
  if (checksum && upload.algorithm && checksum.name !== upload.algorithm)
    throw new Refusal(400, 'InvalidRequest', `Checksum Type mismatch occurred, expected ${upload.algorithm}, actual ${checksum.name}`)
  checkQuota(bucket.faults, request.body.byteLength)
  const etag = etagOf(bucket.rules, request.body, 'part')
  upload.parts.set(number, { body: request.body, etag, checksum, modified: bucket.now() })
  return { status: 200, headers: { etag, ...(checksum && { [`x-amz-checksum-${checksum.name}`]: checksum.value }) } }
}

export function listParts(bucket: Bucket, request: S3Request): S3Response {
  const upload = uploadOf(bucket, request)
  const after = Number(request.query.get('part-number-marker') ?? 0)
  const limit = Math.min(bucket.rules.pageLimit, Number(request.query.get('max-parts') ?? 1000))
  const rest = [...upload.parts].filter(([number]) => number > after).sort(([a], [b]) => a - b)
  const page = rest.slice(0, limit)
  const parts = page.map(([number, part]) =>
    group('Part', [
      element('PartNumber', number),
      element('LastModified', new Date(part.modified).toISOString()),
      element('ETag', part.etag),
      element('Size', part.body.byteLength),
      ...checksumElements(part.checksum),
    ]),
  )
  const body = document('ListPartsResult', [
    element('Bucket', bucket.name),
    element('Key', request.key),
    element('UploadId', request.query.get('uploadId') ?? ''),
    element('PartNumberMarker', after),
    element('NextPartNumberMarker', page.at(-1)?.[0] ?? 0),
    element('MaxParts', limit),
    element('IsTruncated', rest.length > page.length),
    ...parts,
  ])
  return { status: 200, body }
}

export function completeUpload(bucket: Bucket, request: S3Request): S3Response {
  const upload = uploadOf(bucket, request)
  if (takes(bucket.faults, 'errorIn200'))
    return { status: 200, body: errorDocument({ Code: 'InternalError', Message: 'We encountered an internal error. Please try again.' }) }
  const parts = namedParts(bucket, upload, request.body.toString())
  const body = Buffer.concat(parts.map((part) => part.body))
  const etag = `"${md5Of(Buffer.concat(parts.map((part) => Buffer.from(part.etag.slice(1, -1), 'hex')))).toString('hex')}-${parts.length}"`
  const checksum = checksumOfParts(upload.algorithm, parts, body)
  const told = checksum && request.headers[`x-amz-checksum-${checksum.name}`]
  if (told !== undefined && told !== checksum?.value) throw badDigest(checksum?.name.toUpperCase() ?? '')
  const version = commit(bucket, request, { making: upload.making, body, etag, checksum })
  bucket.uploads.delete(request.query.get('uploadId') ?? '')
  const children = [
    element('Location', `/${bucket.name}/${request.key}`),
    element('Bucket', bucket.name),
    element('Key', request.key),
    element('ETag', takes(bucket.faults, 'emptyEtag') ? '' : etag),
    ...checksumElements(checksum),
  ]
  return {
    status: 200,
    headers: { ...versionHeader(version) },
    body: document('CompleteMultipartUploadResult', children),
  }
}

export function abortUpload(bucket: Bucket, request: S3Request): S3Response {
  uploadOf(bucket, request)
  bucket.uploads.delete(request.query.get('uploadId') ?? '')
  return { status: 204 }
}

function uploadOf(bucket: Bucket, { key, query }: S3Request): Upload {
  const upload = bucket.uploads.get(query.get('uploadId') ?? '')
  if (upload?.key === key) return upload
  throw new Refusal(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  )
}

/** The parts that the request names; their order, ETags and sizes must be right. */
function namedParts(bucket: Bucket, upload: Upload, xml: string): readonly StoredPart[] {
  const named = everyOf(xml, 'Part').map((part) => ({ number: Number(textOf(part, 'PartNumber')), etag: textOf(part, 'ETag'), xml: part }))
  if (named.length === 0)
    throw new Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
  if (named.some(({ number }, index) => index > 0 && number <= (named[index - 1]?.number ?? 0)))
    throw new Refusal(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.')
  return named.map(({ number, etag, xml }, index) => {
    const part = upload.parts.get(number)
    const checksum = part?.checksum && textOf(xml, `Checksum${part.checksum.name.toUpperCase()}`)
    if (!part || bare(etag) !== bare(part.etag) || (checksum !== undefined && checksum !== part.checksum?.value))
      throw new Refusal(400, 'InvalidPart', 'One or more of the specified parts could not be found.', {
        details: { PartNumber: String(number) },
      })
    if (index < named.length - 1 && part.body.byteLength < bucket.rules.minPartBytes)
      throw new Refusal(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed object size.', {
        details: {
          PartNumber: String(number),
          ProposedSize: String(part.body.byteLength),
          MinSizeAllowed: String(bucket.rules.minPartBytes),
        },
      })
    return part
  })
}

/** CRC64NVME is of the whole object, the others of the parts' digests, as S3 does by default. */
function checksumOfParts(algorithm: ChecksumName | undefined, parts: readonly StoredPart[], body: Buffer): Checksum | undefined {
  if (algorithm === undefined) return undefined
  if (algorithm === 'crc64nvme') return { name: algorithm, value: checksumOf(algorithm, body) }
  const values = parts.map((part) => part.checksum?.value ?? checksumOf(algorithm, part.body))
  return { name: algorithm, value: compositeChecksum(algorithm, values) }
}

const bare = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '')

function checksumElements(checksum: Checksum | undefined): readonly string[] {
  return checksum ? [element(`Checksum${checksum.name.toUpperCase()}`, checksum.value)] : []
}
