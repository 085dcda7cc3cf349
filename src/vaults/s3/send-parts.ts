/** Cuts the body into parts and sends so many at a time; parts that are there already are only hashed. */
import type { VaultPutOptions } from '../../contracts.ts'
import { bodyOf, tell } from '../body.ts'
import { type Digests, digestsOf, etagOf, sameEtag } from './digests.ts'
import type { UploadState } from './journal.ts'
import { lanesOf } from './lanes.ts'
import type { Target } from './object.ts'
import { ask, type Place } from './place.ts'
import type { Part } from './uploads.ts'

export interface SendOptions extends Pick<VaultPutOptions, 'signal' | 'onProgress'> {
  readonly state: UploadState
  readonly there: ReadonlyMap<number, Part>
}

/** Resolves to all parts in order. Memory is one part more than are in flight. When it rejects, nothing is in flight any more. */
export async function sendParts(place: Place, target: Target, options: SendOptions): Promise<readonly Part[]> {
  const { partBytes } = options.state
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const lanes = lanesOf(place.settings.partsInFlight)
  const parts: Part[] = []
  const spare: Buffer<ArrayBuffer>[] = []
  let filling = Buffer.allocUnsafeSlow(Math.min(partBytes, target.pack.byteLength))
  let filled = 0
  let number = 0

  const dispatch = async () => {
    const buffer = filling
    const bytes = buffer.subarray(0, filled)
    number++
    const at = number
    await lanes.run(async () => {
      parts[at - 1] = await onePart(place, bytes, { ...options, signal, number: at, key: target.key })
      spare.push(buffer)
    })
    filling = spare.pop() ?? Buffer.allocUnsafeSlow(partBytes)
    filled = 0
  }

  try {
    for await (const chunk of bodyOf(target.pack, place.id, { signal })) {
      for (let from = 0; from < chunk.byteLength; ) {
        const count = Math.min(filling.byteLength - filled, chunk.byteLength - from)
        filling.set(chunk.subarray(from, from + count), filled)
        filled += count
        from += count
        // The last part waits for the end of the body: only then is its length known to be right.
        if (filled === partBytes && from < chunk.byteLength) await dispatch()
      }
    }
    await dispatch()
    await lanes.end()
    return parts
  } catch (error) {
    stop.abort(error)
    await Promise.allSettled([lanes.end()])
    // What stopped the others is the error, not that they were stopped.
    throw options.signal?.aborted ? options.signal.reason : (lanes.failure() ?? error)
  }
}

interface PartOptions extends SendOptions {
  readonly key: string
  readonly number: number
}

async function onePart(place: Place, bytes: Buffer, options: PartOptions): Promise<Part> {
  const { signal, onProgress, state, key, number } = options
  const digests = digestsOf(bytes, state.sha256 ? 'sha256' : 'md5')
  const there = options.there.get(number)
  if (there && isSame(there, bytes, digests)) return { ...there, sha256: digests.ChecksumSHA256 }
  const input = { Bucket: place.bucket, Key: key, UploadId: state.uploadId, PartNumber: number }
  const answer = await ask(
    place,
    `storing part ${number} of ${key}`,
    ({ sdk, client }, request) =>
      client.send(new sdk.UploadPartCommand({ ...input, ...digests, Body: bytes, ContentLength: bytes.byteLength }), request),
    { signal },
  )
  tell(onProgress, { type: 'bytes-sent', byteLength: bytes.byteLength })
  // Some stores give no ETag for a part and want it at the end all the same.
  return { number, byteLength: bytes.byteLength, etag: answer.ETag || etagOf(bytes, digests), sha256: digests.ChecksumSHA256 }
}

/** By the checksum that the store keeps, else by the ETag; a part of which neither is right is sent again. */
function isSame(there: Part, bytes: Uint8Array, digests: Digests): boolean {
  if (there.byteLength !== bytes.byteLength) return false
  if (there.sha256 !== undefined) return there.sha256 === digests.ChecksumSHA256
  return sameEtag(there.etag, etagOf(bytes, digests))
}
