/** The payload of an age file: 64 KiB chunks under one key, numbered, the last one marked (the STREAM construction). */
import { recycle } from '../bytes/pool.ts'
import { recut } from '../bytes/regroup.ts'
import type { AbortOptions } from '../contracts/options.ts'
import { AEAD_NONCE_BYTES, type Aead, TAG_BYTES } from './aead.ts'
import { CHUNK_BYTES, SEALED_CHUNK_BYTES } from './age-layout.ts'
import { AHEAD_BYTES, isShared, sealShared } from './bulk-thread.ts'

/** Where the 48 low bits of the 11-byte counter lie; files do not get longer than that. */
const COUNTER_OFFSET = 5
const COUNTER_BYTES = 6

/** Seals and opens runs of chunks by their number in the file. */
export interface ChunkStream {
  /**
   * Seals plaintext as the chunks number `first …` into `out`, which has exactly `payloadLength` bytes for it. All chunks but the last are whole;
   * `final` says that the last one ends the file, and only then may it be shorter, or the plaintext empty.
   */
  seal(plaintext: Uint8Array, first: number, final: boolean, out: Uint8Array): void
  /** The same, on another thread where that pays and both memories are shared. Neither may be touched before it resolves. */
  sealAhead(plaintext: Uint8Array, first: number, final: boolean, out: Uint8Array): Promise<void>
  /** Opens the sealed chunks number `first …` into `out`, up to the first one that does not open. An empty chunk opens only as the whole of a file. */
  open(sealed: Uint8Array, first: number, final: boolean, out: Uint8Array): Opened
}

export interface Opened {
  /** How much of `out`, from its start, is authentic plaintext. */
  readonly byteLength: number
  /** Why it is not all; undefined when it is. */
  readonly problem: string | undefined
}

export function chunkStream(aead: Aead, key: Uint8Array): ChunkStream {
  const keyed = aead.keyed(key)
  // Memory of its own: what goes to another thread is copied with all that lies around it.
  const own = Uint8Array.from(key)
  const nonce = Buffer.alloc(AEAD_NONCE_BYTES)
  const nonceOf = (number: number, last: boolean): Uint8Array => {
    nonce.writeUIntBE(number, COUNTER_OFFSET, COUNTER_BYTES)
    nonce[AEAD_NONCE_BYTES - 1] = last ? 1 : 0
    return nonce
  }
  const seal: ChunkStream['seal'] = (plaintext, first, final, out) => {
    let number = first
    let at = 0
    do {
      const chunk = plaintext.subarray(at, at + CHUNK_BYTES)
      const target = out.subarray((number - first) * SEALED_CHUNK_BYTES)
      at += chunk.byteLength
      keyed.seal(nonceOf(number, final && at === plaintext.byteLength), chunk, target)
      number++
    } while (at < plaintext.byteLength)
  }
  return {
    seal,
    async sealAhead(plaintext, first, final, out) {
      const elsewhere = aead.name === 'node' && plaintext.byteLength >= AHEAD_BYTES && isShared(plaintext) && isShared(out)
      const here = () => seal(plaintext, first, final, out)
      if (elsewhere) await sealShared({ key: own, plaintext, first, final, out }, here)
      else here()
    },
    open(sealed, first, final, out) {
      let number = first
      let byteLength = 0
      let at = 0
      do {
        const chunk = sealed.subarray(at, at + SEALED_CHUNK_BYTES)
        at += chunk.byteLength
        const last = final && at === sealed.byteLength
        if (chunk.byteLength <= TAG_BYTES && number > 0) return { byteLength, problem: `chunk ${number} is incomplete` }
        const target = out.subarray(byteLength)
        if (!keyed.open(nonceOf(number, last), chunk, target)) {
          // A whole chunk that opens the other way is authentic, and so is what it says of the end.
          const misplaced = chunk.byteLength === SEALED_CHUNK_BYTES && keyed.open(nonceOf(number, !last), chunk, target)
          if (!misplaced) return { byteLength, problem: `chunk ${number} does not authenticate` }
          byteLength += CHUNK_BYTES
          return { byteLength, problem: last ? `it was cut after chunk ${number}` : `there is more after its last chunk, number ${number}` }
        }
        byteLength += chunk.byteLength - TAG_BYTES
        number++
      } while (at < sealed.byteLength)
      return { byteLength, problem: undefined }
    },
  }
}

export interface Group {
  readonly bytes: Uint8Array
  readonly first: boolean
  readonly last: boolean
}

/**
 * Cuts a stream into groups of exactly `size` bytes, each given once it is known whether another follows; an empty stream is one empty group. The
 * chunks are the function's: a chunk that is a group already passes uncopied, others are copied and recycled.
 */
export async function* groupsOf(chunks: AsyncIterable<Uint8Array>, size: number, options: AbortOptions = {}): AsyncGenerator<Group> {
  let held: Uint8Array | undefined
  let first = true
  try {
    for await (const group of recut(chunks, size, options)) {
      const bytes = held
      held = group
      if (!bytes) continue
      yield { bytes, first, last: false }
      first = false
    }
    const bytes = held ?? new Uint8Array(0)
    held = undefined
    yield { bytes, first, last: true }
  } finally {
    if (held) recycle(held)
  }
}
