/** Gathers a stream whose length is bounded beforehand. */
import type { AbortOptions } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { allocate } from './pool.ts'

const FIRST_BYTES = 4096

/**
 * At most `limit` bytes of a stream, as one array. A single chunk that fills the limit is returned as it came; everything else is copied on
 * arrival, because a producer may use its buffer again. Throws FormatError `limit` when more arrives, and reads no further.
 */
export async function collect(stream: AsyncIterable<Uint8Array>, limit: number, options: AbortOptions = {}): Promise<Uint8Array> {
  const { signal } = options
  let whole: Uint8Array | undefined
  let gathered = new Uint8Array(0)
  let length = 0
  signal?.throwIfAborted()
  for await (const chunk of stream) {
    signal?.throwIfAborted()
    if (chunk.byteLength === 0) continue
    if (length + chunk.byteLength > limit) {
      throw new FormatError('limit', `more than the ${limit} bytes that were expected arrived; the rest was not read`)
    }
    if (length === 0 && chunk.byteLength === limit) whole = chunk
    else {
      gathered = grown(gathered, length, length + chunk.byteLength, limit)
      gathered.set(chunk, length)
    }
    length += chunk.byteLength
  }
  return whole ?? gathered.subarray(0, length)
}

function grown(bytes: Uint8Array<ArrayBuffer>, used: number, needed: number, limit: number): Uint8Array<ArrayBuffer> {
  if (needed <= bytes.byteLength) return bytes
  const larger = allocate(Math.min(limit, Math.max(needed, used * 2, FIRST_BYTES)))
  larger.set(bytes.subarray(0, used))
  return larger
}
