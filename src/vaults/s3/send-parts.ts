/** Cuts the body into parts and sends so many at a time; parts that are there already are only hashed. */

import { allocate, recycle } from '../../bytes/pool.ts'
import type { VaultPutOptions } from '../../contracts.ts'
import { bodyOf, tell } from '../body.ts'
import { sentCrc64Of } from './client.ts'
import { type Digests, digestsOf, etagOf, sameEtag } from './digests.ts'
import type { UploadState } from './journal.ts'
import { lanesOf } from './lanes.ts'
import type { Target } from './object.ts'
import { ask, type Checksums, type Place } from './place.ts'
import type { Part } from './uploads.ts'

export interface SendOptions extends Pick<VaultPutOptions, 'signal' | 'onProgress'> {
  readonly state: UploadState
  readonly there: ReadonlyMap<number, Part>
}

/** Resolves to all parts in order. When it rejects, nothing is in flight any more. */
export async function sendParts(place: Place, target: Target, options: SendOptions): Promise<readonly Part[]> {
  const { partBytes } = options.state
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const lanes = lanesOf(place.settings.partsInFlight)
  const parts: Part[] = []
  const take = async () => {
    await place.slots.take(signal)
    return partBytes === place.buffers.byteLength ? await place.buffers.take() : allocate(partBytes)
  }
  let filling: Uint8Array | undefined = await take()
  let filled = 0
  let number = 0

  const dispatch = async () => {
    const buffer = filling
    const bytes = (buffer ?? new Uint8Array(0)).subarray(0, filled)
    number++
    const at = number
    await lanes.run(async () => {
      filling = undefined
      try {
        parts[at - 1] = await onePart(place, bytes, { ...options, signal, number: at, key: target.key })
        // What failed may still be read by a socket that is on its way out: such a buffer is not used again.
        if (buffer) recycle(buffer)
      } finally {
        place.slots.giveBack()
      }
    })
    filled = 0
  }

  try {
    for await (const chunk of bodyOf(target.pack, place.id, { signal })) {
      for (let from = 0; from < chunk.byteLength; ) {
        filling ??= await take()
        const count = Math.min(filling.byteLength - filled, chunk.byteLength - from)
        filling.set(chunk.subarray(from, from + count), filled)
        filled += count
        from += count
        // The last part waits for the end of the body: only then is its length known to be right.
        if (filled === partBytes && from < chunk.byteLength) await dispatch()
      }
      recycle(chunk)
    }
    await dispatch()
    await lanes.end()
    return parts
  } catch (error) {
    stop.abort(error)
    await Promise.allSettled([lanes.end()])
    // What stopped the others is the error, not that they were stopped.
    throw options.signal?.aborted ? options.signal.reason : (lanes.failure() ?? error)
  } finally {
    if (filling) place.slots.giveBack()
  }
}

interface PartOptions extends SendOptions {
  readonly key: string
  readonly number: number
}

async function onePart(place: Place, bytes: Uint8Array, options: PartOptions): Promise<Part> {
  const { signal, onProgress, state, key, number } = options
  const digests = digestsOf(bytes, checksumsOf(place, state))
  const there = options.there.get(number)
  if (there && isSame(there, bytes, digests))
    return { ...there, sha256: kept(state, digests), isCompared: place.behaviour.checksums === 'none' }
  const input = { Bucket: place.bucket, Key: key, UploadId: state.uploadId, PartNumber: number }
  const answer = await ask(
    place,
    `storing part ${number} of ${key}`,
    ({ sdk, client }, request) =>
      client.send(new sdk.UploadPartCommand({ ...input, ...digests, Body: bytes, ContentLength: bytes.byteLength }), request),
    { signal },
  )
  tell(onProgress, { type: 'bytes-sent', byteLength: bytes.byteLength })
  const isCompared = place.behaviour.checksums === 'none' && sameEtag(answer.ETag ?? '', etagOf(bytes, digests))
  const crc64 = state.crc64 ? sentCrc64Of(answer) : undefined
  const about = { number, byteLength: bytes.byteLength, sha256: kept(state, digests), crc64, isCompared }
  // Some stores give no ETag for a part and want it at the end all the same.
  return { ...about, etag: answer.ETag || etagOf(bytes, digests) }
}

/** What was agreed when the upload began holds to its end; only what is kept for nobody may change with what `open` found. */
function checksumsOf({ behaviour: { checksums } }: Place, { sha256, crc64 }: UploadState): Checksums {
  if (sha256) return 'sha256'
  if (crc64) return 'crc64nvme'
  return checksums === 'sha256' || checksums === 'crc64nvme' ? 'md5' : checksums
}

/** What is said of a part at the end of an upload. */
function kept({ sha256 }: UploadState, digests: Digests): string | undefined {
  return sha256 ? digests.ChecksumSHA256 : undefined
}

/** By the checksum that the store keeps, else by the ETag; a part of which neither is right is sent again. */
function isSame(there: Part, bytes: Uint8Array, digests: Digests): boolean {
  if (there.byteLength !== bytes.byteLength) return false
  if (there.sha256 !== undefined) return there.sha256 === digests.ChecksumSHA256
  return sameEtag(there.etag, etagOf(bytes, digests))
}
