/** Which operation a request asks for, by method and query, and the function that carries it out. */
import type { Bucket } from './bucket.ts'
import { restoreObject } from './cold.ts'
import { listObjects, listUploads, listVersions } from './lists.ts'
import { getLegalHold, getRetention, putLegalHold, putRetention } from './locks.ts'
import { abortUpload, completeUpload, createUpload, listParts, uploadPart } from './multipart.ts'
import { deleteObject, getObject, putObject } from './objects.ts'
import { getLifecycle, getLocation, getObjectLock, getVersioning, headBucket } from './settings.ts'
import type { S3Request, S3Response } from './wire.ts'

export type Handler = (bucket: Bucket, request: S3Request) => S3Response

/** Method, what it speaks of, the query parameter that selects it (the first match wins), its name, and its handler. */
const ROUTES: readonly (readonly [method: string, of: 'bucket' | 'object', parameter: string, op: string, handler: Handler])[] = [
  ['HEAD', 'bucket', '', 'HeadBucket', headBucket],
  ['GET', 'bucket', 'versioning', 'GetBucketVersioning', getVersioning],
  ['GET', 'bucket', 'object-lock', 'GetObjectLockConfiguration', getObjectLock],
  ['GET', 'bucket', 'lifecycle', 'GetBucketLifecycleConfiguration', getLifecycle],
  ['GET', 'bucket', 'location', 'GetBucketLocation', getLocation],
  ['GET', 'bucket', 'versions', 'ListObjectVersions', listVersions],
  ['GET', 'bucket', 'uploads', 'ListMultipartUploads', listUploads],
  ['GET', 'bucket', 'list-type', 'ListObjectsV2', listObjects],
  ['GET', 'object', 'uploadId', 'ListParts', listParts],
  ['GET', 'object', 'retention', 'GetObjectRetention', getRetention],
  ['GET', 'object', 'legal-hold', 'GetObjectLegalHold', getLegalHold],
  ['GET', 'object', '', 'GetObject', getObject],
  ['HEAD', 'object', '', 'HeadObject', getObject],
  ['PUT', 'object', 'uploadId', 'UploadPart', uploadPart],
  ['PUT', 'object', 'retention', 'PutObjectRetention', putRetention],
  ['PUT', 'object', 'legal-hold', 'PutObjectLegalHold', putLegalHold],
  ['PUT', 'object', '', 'PutObject', putObject],
  ['POST', 'object', 'restore', 'RestoreObject', restoreObject],
  ['POST', 'object', 'uploads', 'CreateMultipartUpload', createUpload],
  ['POST', 'object', 'uploadId', 'CompleteMultipartUpload', completeUpload],
  ['DELETE', 'object', 'uploadId', 'AbortMultipartUpload', abortUpload],
  ['DELETE', 'object', '', 'DeleteObject', deleteObject],
]

/** Sub-resources that this fake does not know must not be taken for the plain operation. */
const OTHERS = ['acl', 'attributes', 'tagging', 'torrent', 'select', 'policy', 'cors', 'encryption']

export function routeOf(
  method: string,
  key: string,
  query: ReadonlyMap<string, string>,
): { readonly op: string; readonly handler?: Handler } {
  const of = key === '' ? 'bucket' : 'object'
  const strange = OTHERS.find((name) => query.has(name))
  const route = ROUTES.find(([each, what, parameter]) => each === method && what === of && (parameter === '' || query.has(parameter)))
  if (strange !== undefined || !route) return { op: `${method} ${of} ${strange ?? ''}`.trim() }
  const [, , , op, handler] = route
  return { op, handler }
}
