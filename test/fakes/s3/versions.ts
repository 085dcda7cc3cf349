/** What a bucket holds: every key with its versions, oldest first. */
import { randomBytes } from 'node:crypto'
import type { Checksum } from './checksums.ts'
import type { Restore } from './cold.ts'
import { Refusal } from './wire.ts'

export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE'
  /** Milliseconds since the epoch. */
  readonly until: number
}

/** One version of an object. Tests may change `body` in place or replace it: the ETag then tells of bytes that are no longer there, as with bit rot. */
export interface StoredVersion {
  /** `null` in a bucket without versioning. */
  readonly versionId: string
  /** A delete marker has no bytes. */
  readonly marker: boolean
  body: Buffer
  etag: string
  readonly modified: number
  readonly contentType: string
  storageClass: string
  /** The archive tier that an object of Intelligent-Tiering has come to. */
  archived?: 'ARCHIVE_ACCESS' | 'DEEP_ARCHIVE_ACCESS' | undefined
  restore?: Restore | undefined
  /** Without the `x-amz-meta-` in front. */
  readonly metadata: Readonly<Record<string, string>>
  readonly checksum: Checksum | undefined
  retention: Retention | undefined
  legalHold: boolean
}

/** Versions by key, oldest first; a key without versions is not in it. */
export type Store = Map<string, StoredVersion[]>

/** What `ListObjectsV2` and a plain GET see; undefined for a key that is absent or deleted. */
export function current(store: Store, key: string): StoredVersion | undefined {
  const latest = store.get(key)?.at(-1)
  return latest?.marker ? undefined : latest
}

/** Makes it the latest; without versioning it is the only one. */
export function add(store: Store, key: string, version: StoredVersion): void {
  const others = (store.get(key) ?? []).filter(({ versionId }) => versionId !== version.versionId)
  store.set(key, [...others, version])
}

/** Drops one version for good. */
export function drop(store: Store, key: string, versionId: string): void {
  const left = (store.get(key) ?? []).filter((version) => version.versionId !== versionId)
  if (left.length === 0) store.delete(key)
  else store.set(key, left)
}

/** Keys in the order S3 lists them: by their UTF-8 bytes. */
export function sortedKeys(keys: Iterable<string>): readonly string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Looks strange on purpose: a version id may hold characters that a query must escape. */
export const newVersionId = (): string => `${randomBytes(18).toString('base64')}/+=`

export function deleteMarker(versionId: string, modified: number): StoredVersion {
  return {
    versionId,
    marker: true,
    body: Buffer.alloc(0),
    etag: '',
    modified,
    contentType: '',
    storageClass: '',
    metadata: {},
    checksum: undefined,
    retention: undefined,
    legalHold: false,
  }
}

/** The version a request speaks of: the one it names, or the latest. Throws what S3 answers when there is none. */
export function addressed(store: Store, key: string, versionId: string | undefined): StoredVersion {
  const versions = store.get(key) ?? []
  if (versionId === undefined) {
    const latest = versions.at(-1)
    if (latest && !latest.marker) return latest
    throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.', {
      details: { Key: key },
      headers: latest ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': latest.versionId } : {},
    })
  }
  const named = versions.find((version) => version.versionId === versionId)
  if (!named)
    throw new Refusal(404, 'NoSuchVersion', 'The specified version does not exist.', { details: { Key: key, VersionId: versionId } })
  if (!named.marker) return named
  throw new Refusal(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.', {
    headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId },
  })
}
