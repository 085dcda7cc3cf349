/** Reads a span of an object. */
import type { Readable } from 'node:stream'
import type { AbortOptions, Locator, Span } from '../../contracts.ts'
import { VaultError } from '../../errors.ts'
import { codeOf, s3Error } from './errors.ts'
import { discard, isAbsent } from './head.ts'
import { ask, known, type Place } from './place.ts'

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/

/**
 * Yields the bytes of the span as they arrive, fewer when the object ends before it. Only an answer that names the range that was asked for, or
 * the whole object, is believed. A connection that breaks off is `unreachable`: the object may be whole.
 */
export async function* readSpan(
  place: Place,
  at: Locator,
  span: Span,
  options: AbortOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  const { key, versionId } = known(place, at)
  signal?.throwIfAborted()
  if (span.length === 0) return
  const body = await opened(place, { key, versionId }, span, options)
  if (!body) return
  let skip = body.skip
  let left = span.length
  const stop = () => discard(body.stream)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    // Leaving the loop must not destroy the stream: that would cost the connection, and the next read a new one.
    for await (const chunk of body.stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted()
      const from = Math.min(skip, chunk.byteLength)
      skip -= from
      const piece = chunk.subarray(from, from + left)
      left -= piece.byteLength
      if (piece.byteLength > 0) yield piece
      signal?.throwIfAborted()
      if (left === 0) return
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : s3Error(place.id, `reading ${key} in bucket ${place.bucket}`, error)
  } finally {
    signal?.removeEventListener('abort', stop)
    // The last byte has come, but not yet the end of the message: reading that keeps the connection for the next request.
    if (left === 0 && body.exact) body.stream.resume()
    else discard(body.stream)
  }
}

interface Opened {
  readonly stream: Readable
  /** Bytes that come before the span. */
  readonly skip: number
  /** Nothing comes after it. */
  readonly exact: boolean
}

async function opened(
  place: Place,
  { key, versionId }: { readonly key: string; readonly versionId: string | undefined },
  { offset, length }: Span,
  options: AbortOptions,
): Promise<Opened | undefined> {
  const last = offset + length - 1
  const version = versionId === undefined ? {} : { VersionId: versionId }
  const input = { Bucket: place.bucket, Key: key, Range: `bytes=${offset}-${last}`, ...version }
  try {
    const answer = await ask(
      place,
      `reading ${key}`,
      ({ sdk, client }, request) => client.send(new sdk.GetObjectCommand(input), request),
      options,
    )
    const stream = answer.Body as Readable | undefined
    if (!stream) throw notWhatWasAsked(place, key, 'it had no body')
    if (answer.$metadata.httpStatusCode !== 206) {
      if (!answer.ContentType?.startsWith('text/html') && answer.ContentRange === undefined) return { stream, skip: offset, exact: false }
      discard(stream)
      throw notWhatWasAsked(place, key, 'it was a page')
    }
    const [, first, end, total] = CONTENT_RANGE.exec(answer.ContentRange ?? '') ?? []
    const endsThere = Number(end) === last || (Number(end) < last && Number(end) + 1 === Number(total))
    if (Number(first) === offset && endsThere) return { stream, skip: 0, exact: true }
    discard(stream)
    throw notWhatWasAsked(place, key, `it was ${answer.ContentRange ?? 'a part of unknown place'} instead of bytes ${offset}-${last}`)
  } catch (error) {
    if (codeOf(error) === 'InvalidRange') return undefined
    if (isAbsent(error, versionId))
      throw new VaultError('absent', place.id, `${key} is not in bucket ${place.bucket}; repair the object`, { cause: error })
    throw error
  }
}

function notWhatWasAsked(place: Place, key: string, what: string): VaultError {
  return new VaultError('unreachable', place.id, `the answer to reading ${key} cannot be believed: ${what}; check the endpoint and proxies`)
}
