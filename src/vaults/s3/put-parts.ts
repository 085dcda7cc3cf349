/** Stores a large pack in parts, and goes on where a dead run stopped. */
import type { Locator, VaultPutOptions } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { checkStored } from './check-stored.ts'
import { joinedCrc64 } from './crc64.ts'
import { codeOf, garbled } from './errors.ts'
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
  const crc64 = place.behaviour.checksums === 'crc64nvme'
  const input = {
    ...objectMembers(place, target),
    ...(sha256 && { ChecksumAlgorithm: 'SHA256' as const }),
    ...(crc64 && { ChecksumAlgorithm: 'CRC64NVME' as const, ChecksumType: 'FULL_OBJECT' as const }),
  }
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
  const state = { uploadId, key, byteLength, partBytes: partSize(byteLength, place.settings.partBytes), sha256, crc64, replace }
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
  const check = { signal, crc64: state.crc64 ? crc64Of(parts) : undefined, areCompared: areCompared(place, target, parts) }
  const input = {
    Bucket: place.bucket,
    Key: key,
    UploadId: state.uploadId,
    MultipartUpload: { Parts: parts.map((part) => partMembers(part, state)) },
    ...(check.crc64 !== undefined && { ChecksumCRC64NVME: check.crc64, ChecksumType: 'FULL_OBJECT' as const }),
    ...conditionOf(place, target),
  }
  try {
    const answer = await ask(
      place,
      `completing the upload of ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.CompleteMultipartUploadCommand(input), request),
      { signal },
    )
    // A success may hold an error, a page of a proxy or nothing at all: what counts is what stands there.
    const at = await confirmed(place, target, options)
    await checkStored(place, target, at, check)
    return answer.VersionId === undefined ? at : await settled(place, target, answer.VersionId, { signal })
  } catch (error) {
    if (!isLostRace(error) && codeOf(error) !== 'NoSuchUpload') throw error
    // Somebody else was first, or our own earlier request was heard and its answer lost.
    const at = await confirmed(place, target, options, error)
    await checkStored(place, target, at, check)
    await letGo(place, state, options)
    return at
  }
}

function partMembers({ number, etag, sha256, crc64 }: Part, state: UploadState) {
  return {
    PartNumber: number,
    ETag: etag,
    ...(state.sha256 && sha256 !== undefined && { ChecksumSHA256: sha256 }),
    ...(state.crc64 && crc64 !== undefined && { ChecksumCRC64NVME: crc64 }),
  }
}

/**
 * Where nobody but us looks, garbled parts are found before they become an object: the next put sends them again. Where no ETag is the MD5 of its part,
 * ETags tell nothing.
 */
function areCompared({ id, behaviour }: Place, { key }: Target, parts: readonly Part[]): boolean {
  if (behaviour.checksums !== 'none') return false
  const others = parts.filter(({ isCompared }) => !isCompared)
  if (others.length > 0 && others.length < parts.length) throw garbled(id, `part ${others[0]?.number} of ${key}`)
  return others.length === 0
}

/** Of the whole; undefined when that of some part is not known. */
function crc64Of(parts: readonly Part[]): string | undefined {
  const pieces = parts.flatMap(({ crc64, byteLength }) => (crc64 === undefined ? [] : [{ crc64, byteLength }]))
  return pieces.length === parts.length ? joinedCrc64(pieces) : undefined
}

/** Aborts as well as it goes: whatever stays is cleared when the vault is opened next week. An aborted caller does not wait for it. */
async function letGo(place: Place, state: UploadState, { signal }: VaultPutOptions): Promise<void> {
  const gone = Promise.allSettled([abortUpload(place, state, { signal: AbortSignal.timeout(place.settings.requestTimeoutMs) })])
  if (!signal?.aborted) await gone
}
