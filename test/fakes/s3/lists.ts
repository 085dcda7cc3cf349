/** Listings in pages: objects, versions, unfinished uploads. */
import type { Bucket } from './bucket.ts'
import { current, type StoredVersion, sortedKeys } from './versions.ts'
import { Refusal, type S3Request, type S3Response } from './wire.ts'
import { document, element, group } from './xml.ts'

const OWNER = group('Owner', [element('ID', 'fake'), element('DisplayName', 'fake')])

export function listObjects(bucket: Bucket, { query }: S3Request): S3Response {
  mayList(bucket, query)
  const shown = shownAs(query)
  const token = query.get('continuation-token')
  const after = token === undefined ? (query.get('start-after') ?? '') : keyOfToken(token)
  const limit = limitOf(bucket, query.get('max-keys'))
  const live = [...bucket.store.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '') && current(bucket.store, key))
  const rest = sortedKeys(live).filter((key) => isAfter(key, after))
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const contents = page.map((key) => contentsOf(shown(key), current(bucket.store, key)))
  const body = document('ListBucketResult', [
    element('Name', bucket.name),
    element('Prefix', shown(query.get('prefix') ?? '')),
    element('KeyCount', page.length),
    element('MaxKeys', limit),
    element('IsTruncated', rest.length > page.length),
    ...(query.has('encoding-type') ? [element('EncodingType', 'url')] : []),
    ...(rest.length > page.length && last !== undefined ? [element('NextContinuationToken', tokenOf(last))] : []),
    ...contents,
  ])
  return { status: 200, body }
}

export function listVersions(bucket: Bucket, { query }: S3Request): S3Response {
  mayList(bucket, query)
  const shown = shownAs(query)
  const limit = limitOf(bucket, query.get('max-keys'))
  const keyMarker = query.get('key-marker') ?? ''
  const versionMarker = query.get('version-id-marker')
  const keys = sortedKeys([...bucket.store.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '')))
  const all = keys.flatMap((key) =>
    (bucket.store.get(key) ?? []).toReversed().map((version, index) => ({ key, version, isLatest: index === 0 })),
  )
  const marked = all.findIndex(({ key, version }) => key === keyMarker && version.versionId === versionMarker)
  const rest = versionMarker === undefined ? all.filter(({ key }) => isAfter(key, keyMarker)) : all.slice(marked + 1)
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const body = document('ListVersionsResult', [
    element('Name', bucket.name),
    element('Prefix', shown(query.get('prefix') ?? '')),
    element('MaxKeys', limit),
    element('IsTruncated', rest.length > page.length),
    ...(query.has('encoding-type') ? [element('EncodingType', 'url')] : []),
    ...(rest.length > page.length && last
      ? [element('NextKeyMarker', shown(last.key)), element('NextVersionIdMarker', last.version.versionId)]
      : []),
    ...page.map(({ key, version, isLatest }) => versionElement(shown(key), version, isLatest)),
  ])
  return { status: 200, body }
}

export function listUploads(bucket: Bucket, { query }: S3Request): S3Response {
  mayList(bucket, query)
  const shown = shownAs(query)
  const limit = limitOf(bucket, query.get('max-uploads'))
  const keyMarker = query.get('key-marker') ?? ''
  const uploadMarker = query.get('upload-id-marker') ?? ''
  const all = [...bucket.uploads]
    .map(([uploadId, upload]) => ({ uploadId, ...upload }))
    .filter(({ key }) => key.startsWith(query.get('prefix') ?? ''))
    .sort((a, b) => Buffer.compare(Buffer.from(`${a.key}\n${a.uploadId}`), Buffer.from(`${b.key}\n${b.uploadId}`)))
  const rest = all.filter(
    ({ key, uploadId }) => isAfter(key, keyMarker) || (key === keyMarker && uploadMarker !== '' && uploadId > uploadMarker),
  )
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const body = document('ListMultipartUploadsResult', [
    element('Bucket', bucket.name),
    element('MaxUploads', limit),
    element('IsTruncated', rest.length > page.length),
    ...(query.has('encoding-type') ? [element('EncodingType', 'url')] : []),
    ...(rest.length > page.length && last ? [element('NextKeyMarker', shown(last.key)), element('NextUploadIdMarker', last.uploadId)] : []),
    ...page.map(({ key, uploadId, initiated }) =>
      group('Upload', [
        element('Key', shown(key)),
        element('UploadId', uploadId),
        element('Initiated', new Date(initiated).toISOString()),
        OWNER,
      ]),
    ),
  ])
  return { status: 200, body }
}

function mayList({ rules }: Bucket, query: S3Request['query']): void {
  if (rules.deniesAbsent) throw new Refusal(403, 'AccessDenied', 'Access Denied')
  const prefix = query.get('prefix') ?? ''
  if (rules.listsFoldersOnly && prefix !== '' && !prefix.endsWith('/'))
    throw new Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented')
}

function limitOf({ rules }: Bucket, asked: string | undefined): number {
  return Math.min(rules.pageLimit, Number(asked ?? 1000))
}

/** With `encoding-type=url` keys are escaped, so that any key fits into XML. */
function shownAs(query: ReadonlyMap<string, string>): (key: string) => string {
  if (query.get('encoding-type') !== 'url') return (key) => key
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/')
}

const isAfter = (key: string, marker: string): boolean => marker === '' || Buffer.compare(Buffer.from(key), Buffer.from(marker)) > 0
const tokenOf = (key: string): string => Buffer.from(`fake ${key}`).toString('base64')
const keyOfToken = (token: string): string => Buffer.from(token, 'base64').toString().slice('fake '.length)

function contentsOf(key: string, version: StoredVersion | undefined): string {
  return version ? group('Contents', [element('Key', key), ...described(version)]) : ''
}

function versionElement(key: string, version: StoredVersion, isLatest: boolean): string {
  const named = [element('Key', key), element('VersionId', version.versionId), element('IsLatest', isLatest)]
  const modified = element('LastModified', new Date(version.modified).toISOString())
  return version.marker ? group('DeleteMarker', [...named, modified, OWNER]) : group('Version', [...named, ...described(version), OWNER])
}

function described({ modified, etag, body, storageClass }: StoredVersion): readonly string[] {
  return [
    element('LastModified', new Date(modified).toISOString()),
    element('ETag', etag),
    element('Size', body.byteLength),
    element('StorageClass', storageClass),
  ]
}
