/** Stores a large pack in parts, and goes on where a dead run stopped. */
import type { Locator, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf } from './errors.ts'
import { decodeUpload, encodeUpload, type UploadState } from './journal.ts'
import { isLocked, lockless } from './lock.ts'
import { conditionOf, confirmed, isLostRace, objectMembers, settled, type Target } from './object.ts'
import { partSize } from './parts.ts'
import { ask, type Place } from './place.ts'
import { sendParts } from './send-parts.ts'
import { abortUpload, type Part, partsThere } from './uploads.ts'

/** Refusals after which the parts that are there are of no use. */
const USELESS = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall', 'NoSuchUpload'])

/** What failed with a journal is left for the next try; without one nobody would ever find it again. */
export async function putParts(place: Place, target: Target, options: VaultPutOptions): Promise<Locator> {
  const { state, there } = (await resumed(place, target, options)) ?? (await begun(place, target, options))
  try {
    const parts = await sendParts(place, target, { ...options, state, there })
    return await completed(place, target, parts, { ...options, state })
  } catch (error) {
    if (options.journal === undefined || USELESS.has(codeOf(error) ?? '')) await letGo(place, state, options)
    throw error
  }
}

interface Upload {
  readonly state: UploadState
  /** By number. */
  readonly there: ReadonlyMap<number, Part>
}

async function resumed(place: Place, target: Target, options: VaultPutOptions): Promise<Upload | undefined> {
  const { signal, journal, replace = false } = options
  const state = decodeUpload(await journal?.load())
  if (state?.key !== target.key) return undefined
  if (state.byteLength !== target.pack.byteLength || state.replace !== replace) {
    await letGo(place, state, options)
    return undefined
  }
  const there = await partsThere(place, state, { signal })
  return there && { state, there }
}

async function begun(place: Place, target: Target, options: VaultPutOptions): Promise<Upload> {
  const { signal, journal, replace = false } = options
  const { key, pack } = target
  const sha256 = place.behaviour.checksums === 'sha256'
  const input = { ...objectMembers(place, target), ...(sha256 && { ChecksumAlgorithm: 'SHA256' as const }) }
  const { UploadId: uploadId } = await ask(
    place,
    `beginning the upload of ${key}`,
    ({ sdk, client }, request) => client.send(new sdk.CreateMultipartUploadCommand(input), request),
    { signal },
  ).catch((error: unknown) => {
    throw isLocked(place, target.retain) ? lockless(place, error) : error
  })
  if (!uploadId) throw new VaultError('unreachable', place.id, `the answer to beginning the upload of ${key} is not that of an S3 store`)
  const { byteLength } = pack
  const state = { uploadId, key, byteLength, partBytes: partSize(byteLength, place.settings.partBytes), sha256, replace }
  try {
    await journal?.save(encodeUpload(state))
  } catch (error) {
    await letGo(place, state, options)
    throw error
  }
  return { state, there: new Map() }
}

async function completed(
  place: Place,
  target: Target,
  parts: readonly Part[],
  options: VaultPutOptions & { readonly state: UploadState },
): Promise<Locator> {
  const { signal, state } = options
  const { key } = target
  const Parts = parts.map(({ number, etag, sha256 }) => ({
    PartNumber: number,
    ETag: etag,
    ...(sha256 !== undefined && { ChecksumSHA256: sha256 }),
  }))
  const input = { Bucket: place.bucket, Key: key, UploadId: state.uploadId, MultipartUpload: { Parts }, ...conditionOf(place, target) }
  try {
    const answer = await ask(
      place,
      `completing the upload of ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.CompleteMultipartUploadCommand(input), request),
      { signal },
    )
    // A success may hold an error, a page of a proxy or nothing at all: what counts is what stands there.
    const at = await confirmed(place, target, options)
    return answer.VersionId === undefined ? at : await settled(place, target, answer.VersionId, { signal })
  } catch (error) {
    if (!isLostRace(error) && codeOf(error) !== 'NoSuchUpload') throw error
    // Somebody else was first, or our own earlier request was heard and its answer lost.
    const at = await confirmed(place, target, options, error)
    await letGo(place, state, options)
    return at
  }
}

/** Aborts as well as it goes: whatever stays is cleared when the vault is opened next week. An aborted caller does not wait for it. */
async function letGo(place: Place, state: UploadState, { signal }: VaultPutOptions): Promise<void> {
  const gone = Promise.allSettled([abortUpload(place, state, { signal: AbortSignal.timeout(place.settings.requestTimeoutMs) })])
  if (!signal?.aborted) await gone
}
