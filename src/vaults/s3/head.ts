/** Looks at one object. */
import type { Readable } from 'node:stream'
import type { AbortOptions } from '../../contracts.ts'
import { PerdureError, VaultError } from '../../errors.ts'
import { codeOf, statusOf } from './errors.ts'
import type { ObjectName } from './keys.ts'
import { ask, type Place } from './place.ts'

export interface Seen {
  readonly byteLength: number
  readonly versionId?: string | undefined
  /** The SHA-256 that the store keeps, in base64; of parts it is no hash of the whole. */
  readonly sha256?: string | undefined
  /** The CRC64NVME that the store keeps of the whole, in base64. */
  readonly crc64?: string | undefined
  readonly etag?: string | undefined
}

/** Undefined when the store says that there is no such object; everything else it may say is an error. */
export async function look(
  place: Place,
  object: ObjectName,
  options: AbortOptions & { readonly checksum?: boolean } = {},
): Promise<Seen | undefined> {
  const { signal, checksum = false } = options
  const { key, versionId } = object
  const input = { Bucket: place.bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }
  const mode = checksum ? ({ ChecksumMode: 'ENABLED' } as const) : {}
  try {
    const seen = await ask(
      place,
      `looking for ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.HeadObjectCommand({ ...input, ...mode }), request),
      { signal },
    )
    if (seen.DeleteMarker) return undefined
    if (seen.ContentLength === undefined || seen.ContentType?.startsWith('text/html')) throw foreign(place, key)
    const { ContentLength: byteLength, VersionId: versionId, ChecksumSHA256: sha256, ChecksumCRC64NVME: crc64, ETag: etag } = seen
    return { byteLength, versionId, sha256, crc64, etag }
  } catch (error) {
    const status = statusOf(error)
    if (!(error instanceof PerdureError) || status === undefined || status < 300 || status >= 500) throw error
    // The answer to a HEAD has no body and so no code: a bucket that is gone and a session that ended look like absence or like anything.
    return byReading(place, object, { signal })
  }
}

/** Asks for one byte: what is refused has a code now. */
async function byReading(place: Place, { key, versionId }: ObjectName, { signal }: AbortOptions): Promise<Seen | undefined> {
  const input = { Bucket: place.bucket, Key: key, Range: 'bytes=0-0', ...(versionId !== undefined && { VersionId: versionId }) }
  try {
    const seen = await ask(
      place,
      `looking for ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.GetObjectCommand(input), request),
      { signal },
    )
    discard(seen.Body)
    const total = /\/(\d+)$/.exec(seen.ContentRange ?? '')?.[1]
    const byteLength = total === undefined ? seen.ContentLength : Number(total)
    if (byteLength === undefined || seen.ContentType?.startsWith('text/html')) throw foreign(place, key)
    return { byteLength, versionId: seen.VersionId, etag: seen.ETag }
  } catch (error) {
    if (isAbsent(error, versionId)) return undefined
    if (codeOf(error) === 'InvalidRange') return { byteLength: 0 }
    throw error
  }
}

/** Does this error say that the object is not there? */
export function isAbsent(error: unknown, versionId?: string | undefined): boolean {
  const code = codeOf(error)
  // Asked for by version, a delete marker answers that it cannot be read.
  return code === 'NoSuchKey' || code === 'NoSuchVersion' || (code === 'MethodNotAllowed' && versionId !== undefined)
}

/** Lets a body go that nobody wants; its connection goes with it. */
export function discard(body: unknown): void {
  ;(body as Readable | undefined)?.destroy?.()
}

function foreign(place: Place, key: string): VaultError {
  return new VaultError(
    'unreachable',
    place.id,
    `looking for ${key} gave a page that no S3 store sends; check the endpoint, proxies and captive portals`,
  )
}
