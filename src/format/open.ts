/** A sealed file becomes its plaintext, in order: nothing is yielded that was not authenticated, and a file that was cut or extended ends in an error. */
import { allocate, recycle } from '../bytes/pool.ts'
import type { AbortOptions } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import type { Aead } from './aead.ts'
import { CHUNKS_PER_LEAF, LEAF_BYTES } from './age-layout.ts'
import { dearmored } from './armor.ts'
import { openStart, readStart } from './opened-header.ts'
import type { Identity } from './recipients.ts'
import { type ChunkStream, groupsOf } from './stream.ts'

export interface OpenOptions extends AbortOptions {
  /** What to open with; default what this runtime has. */
  readonly aead?: Aead | undefined
}

/**
 * Opens an age v1 file, from whatever tool, given as its bytes in order and cut anywhere; armored ones are decoded. The chunks that come in
 * are the function's, which recycles them. Yields up to 15 chunks of 64 KiB at a time, as memory of the reader's own.
 *
 * Throws FormatError `no-identity`, `damaged` for what does not authenticate or was cut or extended, `malformed` for what is no age file, `limit`.
 * Everything that was yielded before is authentic, and a prefix of the content: only a clean end says that it is all.
 */
export async function* openSealed(
  file: AsyncIterable<Uint8Array>,
  identities: readonly Identity[],
  options: OpenOptions = {},
): AsyncGenerator<Uint8Array> {
  const { signal } = options
  const bytes = dearmored(file)
  try {
    signal?.throwIfAborted()
    const start = await readStart(bytes)
    const stream = await openStart(start, identities, options)
    let first = 0
    for await (const { bytes: sealed, last } of groupsOf(joined(start.rest, bytes), LEAF_BYTES, { signal })) {
      yield* openGroup(stream, sealed, first, last)
      recycle(sealed)
      first += CHUNKS_PER_LEAF
    }
  } finally {
    await bytes.return(undefined)
  }
}

/** What opened of a group, then the error if something did not. */
export function* openGroup(stream: ChunkStream, sealed: Uint8Array, first: number, final: boolean): Generator<Uint8Array> {
  const out = allocate(sealed.byteLength)
  const { byteLength, problem } = stream.open(sealed, first, final, out)
  if (byteLength > 0) yield out.subarray(0, byteLength)
  if (problem !== undefined) throw new FormatError('damaged', `the sealed file is not as it was sealed: ${problem}`)
}

async function* joined(rest: Uint8Array, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (rest.byteLength > 0) yield rest
  yield* bytes
}
