/** Reads a span of a file. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Span, VaultReadOptions } from '../../contracts.ts'
import { guarded, known, type Place } from './guard.ts'

/** A block fits into one chunk; longer reads (whole packs) come in chunks of this size. */
const CHUNK_BYTES = 4 * 1024 * 1024

/** Yields the bytes of the span, fewer when the file ends before it. Each chunk has a buffer of its own, or lies in the caller's. */
export async function* readSpan(
  place: Place,
  at: Locator,
  span: Span,
  options: VaultReadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted()
  const opening = open(join(place.at, known(place, at)), 'r')
  // What close says of a file that was only read does not matter.
  const close = () => Promise.allSettled([opening.then((handle) => handle.close())])
  let closing: Promise<unknown> | undefined
  try {
    const handle = await guarded(place, `opening ${at}`, () => opening, options)
    for (let done = 0; done < span.length; ) {
      const buffer = placeFor(span.length, done, options.into)
      let filled = 0
      while (filled < buffer.byteLength) {
        const step = () => handle.read(buffer, filled, buffer.byteLength - filled, span.offset + done + filled)
        const { bytesRead } = await guarded(place, `reading ${at}`, step, options)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      done += filled
      // Closes while the reader hashes the last chunk.
      if (filled < buffer.byteLength || done === span.length) closing = close()
      if (filled > 0) yield filled === buffer.byteLength ? buffer : buffer.subarray(0, filled)
      if (filled < buffer.byteLength) return
    }
  } finally {
    closing ??= close()
    // On a dead mount, close waits for the read that hangs; who aborted does not.
    if (!options.signal?.aborted) await closing
  }
}

function placeFor(length: number, done: number, into: Uint8Array | undefined): Uint8Array {
  if (into && into.byteLength >= length) return into.subarray(done, length)
  return Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length - done))
}
