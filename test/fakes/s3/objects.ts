/** GET, HEAD, PUT and DELETE of objects: conditions, ranges, versions, checksums. */
import type { Bucket } from './bucket.ts'
import { type Checksum, checkDigests, checksumHeaders, etagOf } from './checksums.ts'
import { coldHeaders, mustBeReadable, storageClassOf } from './cold.ts'
import { checkQuota } from './faults.ts'
import { type Lock, lockHeaders, lockOf, mustBeFree, mustHaveDigest } from './locks.ts'
import { add, addressed, current, deleteMarker, drop, newVersionId, type StoredVersion } from './versions.ts'
import { Refusal, type S3Request, type S3Response } from './wire.ts'

const RANGE = /^bytes=(\d*)-(\d*)$/
const META = 'x-amz-meta-'

/** What an object is made of besides its bytes; fixed when a PUT or an upload begins. */
export interface Making extends Lock {
  readonly contentType: string
  readonly storageClass: string
  readonly metadata: Readonly<Record<string, string>>
}

export function makingOf(bucket: Bucket, request: S3Request): Making {
  const { headers } = request
  const meta = Object.entries(headers).filter(([name]) => name.startsWith(META))
  return {
    ...lockOf(bucket, request),
    contentType: headers['content-type'] ?? 'binary/octet-stream',
    storageClass: storageClassOf(request),
    metadata: Object.fromEntries(meta.map(([name, value = '']) => [name.slice(META.length), value])),
  }
}

/** Checks the conditions and stores, in one step that nothing can come between. */
export function commit(
  bucket: Bucket,
  request: S3Request,
  object: { readonly making: Making; readonly body: Buffer; readonly etag: string; readonly checksum: Checksum | undefined },
): StoredVersion {
  const { key, headers } = request
  const existing = current(bucket.store, key)
  if (bucket.rules.conditionalPuts) mustMeet(existing, headers)
  const { making, ...bytes } = object
  const versioned = bucket.rules.versioning || bucket.rules.objectLock
  const version = { ...making, ...bytes, marker: false, modified: bucket.now(), versionId: versioned ? newVersionId() : 'null' }
  add(bucket.store, key, version)
  return version
}

function mustMeet(existing: StoredVersion | undefined, headers: S3Request['headers']): void {
  const { 'if-none-match': absent, 'if-match': same } = headers
  if (absent !== undefined && absent !== '*')
    throw new Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented')
  if (absent === '*' && existing) throw preconditionFailed('If-None-Match')
  if (same !== undefined && !existing) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
  if (same !== undefined && same !== existing?.etag) throw preconditionFailed('If-Match')
}

export function putObject(bucket: Bucket, request: S3Request): S3Response {
  const making = makingOf(bucket, request)
  if (making.retention || making.legalHold) mustHaveDigest(request)
  const checksum = checkDigests(bucket.rules, request)
  checkQuota(bucket.faults, request.body.byteLength)
  const etag = etagOf(bucket.rules, request.body, 'object')
  const version = commit(bucket, request, { making, body: request.body, etag, checksum })
  return { status: 200, headers: { etag, ...versionHeader(version), ...checksumHeaders(checksum) } }
}

/** GET and HEAD; the server leaves the body of a HEAD out. */
export function getObject(bucket: Bucket, request: S3Request): S3Response {
  const { key, query, headers, method } = request
  const version = found(bucket, key, query.get('versionId'))
  if (method === 'GET') mustBeReadable(bucket, version)
  if (headers['if-match'] !== undefined && headers['if-match'] !== version.etag) throw preconditionFailed('If-Match')
  if (headers['if-none-match'] === version.etag) return { status: 304, headers: { etag: version.etag } }
  const about = {
    ...versionHeader(version),
    ...lockHeaders(version),
    ...(headers['x-amz-checksum-mode'] === 'ENABLED' && headers.range === undefined && checksumHeaders(version.checksum)),
    ...coldHeaders(bucket, version),
    ...Object.fromEntries(Object.entries(version.metadata).map(([name, value]) => [`${META}${name}`, value])),
    'accept-ranges': 'bytes',
    'content-type': version.contentType,
    'last-modified': new Date(version.modified).toUTCString(),
    etag: version.etag,
  }
  const { byteLength } = version.body
  const range = rangeOf(headers.range, byteLength)
  if (!range) return { status: 200, headers: about, body: version.body }
  const [start, end] = range
  return {
    status: 206,
    headers: { ...about, 'content-range': `bytes ${start}-${end - 1}/${byteLength}` },
    body: version.body.subarray(start, end),
  }
}

/** Without a version: a marker where versions are kept, the end of the object elsewhere. With one: that version, unless a lock keeps it. */
export function deleteObject(bucket: Bucket, request: S3Request): S3Response {
  const { key, query } = request
  const { rules, store } = bucket
  const versionId = query.get('versionId')
  if (versionId === undefined) {
    if (!rules.versioning && !rules.objectLock) {
      drop(store, key, 'null')
      return { status: 204 }
    }
    const marker = deleteMarker(newVersionId(), bucket.now())
    add(store, key, marker)
    return { status: 204, headers: { 'x-amz-delete-marker': 'true', ...versionHeader(marker) } }
  }
  const version = store.get(key)?.find((each) => each.versionId === versionId)
  if (version) {
    mustBeFree(bucket, version, request)
    drop(store, key, versionId)
  }
  return { status: 204, headers: { 'x-amz-version-id': versionId, ...(version?.marker && { 'x-amz-delete-marker': 'true' }) } }
}

export const versionHeader = ({ versionId }: StoredVersion): Record<string, string> =>
  versionId === 'null' ? {} : { 'x-amz-version-id': versionId }

/** Without the right to list, S3 does not tell absent from forbidden. */
function found(bucket: Bucket, key: string, versionId: string | undefined): StoredVersion {
  try {
    return addressed(bucket.store, key, versionId)
  } catch (error) {
    if (bucket.rules.deniesAbsent && error instanceof Refusal && error.status === 404)
      throw new Refusal(403, 'AccessDenied', 'Access Denied')
    throw error
  }
}

/** First byte and the one after the last. A range that cannot be read is ignored, one past the end refused. */
function rangeOf(header: string | undefined, byteLength: number): readonly [number, number] | undefined {
  const [, first = '', last = ''] = RANGE.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, byteLength - Number(last)) : Number(first)
  const end = first === '' || last === '' ? byteLength : Math.min(byteLength, Number(last) + 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (start < byteLength && end > start) return [start, end]
  throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable', {
    headers: { 'content-range': `bytes */${byteLength}` },
    details: { RangeRequested: header ?? '', ActualObjectSize: String(byteLength) },
  })
}

function preconditionFailed(condition: string): Refusal {
  return new Refusal(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    details: { Condition: condition },
  })
}
