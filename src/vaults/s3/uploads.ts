/** Multipart uploads that are not complete: what is there of them, and their end. */
import type { AbortOptions } from '../../contracts.ts'
import { codeOf } from './errors.ts'
import { parseKey } from './keys.ts'
import { ask, type Place } from './place.ts'

export interface Part {
  readonly number: number
  readonly byteLength: number
  readonly etag: string
  /** In base64, where the store keeps it. */
  readonly sha256?: string | undefined
  readonly crc64?: string | undefined
  /** The store told its MD5, and it is that of what was sent. */
  readonly isCompared?: boolean
}

/** One upload of one key. */
export interface UploadName {
  readonly key: string
  readonly uploadId: string
}

const STALE_MS = 7 * 24 * 60 * 60 * 1000

/** The parts that the store says it has; undefined when it does not know the upload any more. */
export async function partsThere(
  place: Place,
  { key, uploadId }: UploadName,
  options: AbortOptions,
): Promise<Map<number, Part> | undefined> {
  const parts = new Map<number, Part>()
  const input = { Bucket: place.bucket, Key: key, UploadId: uploadId }
  try {
    for (let after: string | undefined; ; ) {
      const page = await ask(
        place,
        `asking for the parts of ${key}`,
        ({ sdk, client }, request) =>
          client.send(new sdk.ListPartsCommand({ ...input, ...(after !== undefined && { PartNumberMarker: after }) }), request),
        options,
      )
      for (const part of page.Parts ?? []) {
        const { PartNumber: number, Size: byteLength, ETag: etag, ChecksumSHA256: sha256, ChecksumCRC64NVME: crc64 } = part
        if (number !== undefined && byteLength !== undefined && etag) parts.set(number, { number, byteLength, etag, sha256, crc64 })
      }
      const next = page.IsTruncated ? page.NextPartNumberMarker : undefined
      if (next === undefined || next === after) return parts
      after = next
    }
  } catch (error) {
    if (codeOf(error) === 'NoSuchUpload') return undefined
    throw error
  }
}

/** Ends an upload; one that has ended already is fine. */
export async function abortUpload(place: Place, { key, uploadId }: UploadName, options: AbortOptions): Promise<void> {
  const input = { Bucket: place.bucket, Key: key, UploadId: uploadId }
  try {
    await ask(
      place,
      `aborting an upload of ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.AbortMultipartUploadCommand(input), request),
      options,
    )
  } catch (error) {
    if (codeOf(error) !== 'NoSuchUpload') throw error
  }
}

/** Aborts the uploads of packs of this vault under `under` that began before `before`; resolves to how many. */
export async function abortUploads(
  place: Place,
  { under, before, signal }: AbortOptions & { readonly under: string; readonly before: number },
): Promise<number> {
  let count = 0
  for (let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {}; ; ) {
    const input = { Bucket: place.bucket, Prefix: under, ...marker }
    const page = await ask(
      place,
      'asking for unfinished uploads',
      ({ sdk, client }, request) => client.send(new sdk.ListMultipartUploadsCommand(input), request),
      { signal },
    )
    for (const { Key: key = '', UploadId: uploadId = '', Initiated: since } of page.Uploads ?? []) {
      if (!parseKey(place.prefix, key) || uploadId === '' || !since || since.getTime() >= before) continue
      await abortUpload(place, { key, uploadId }, { signal })
      count++
    }
    if (!page.IsTruncated || !page.NextKeyMarker) return count
    marker = { KeyMarker: page.NextKeyMarker, ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }) }
  }
}

/** Uploads that began before this moment belong to nobody. */
export function staleBefore(place: Place): number {
  return place.settings.clock() - STALE_MS
}
