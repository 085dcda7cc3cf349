/** A file becomes a sealed file: an age v1 file, cut where leaves of the DAG begin, in one pass and constant memory. */
import { allocate, type BufferPool, createPool, recycle } from '../bytes/pool.ts'
import type { AbortOptions, Random } from '../contracts/options.ts'
import { type Aead, chosenAead } from './aead.ts'
import {
  ageFileLength,
  CHUNKS_PER_LEAF,
  FILE_KEY_BYTES,
  isSingleLeaf,
  LEAF_BYTES,
  LEAF_PLAINTEXT_BYTES,
  PAYLOAD_NONCE_BYTES,
  payloadLength,
} from './age-layout.ts'
import { wrapFileKey } from './file-key.ts'
import { payloadKey } from './kdf.ts'
import { type Padding, padded } from './padding.ts'
import type { Recipient } from './recipients.ts'
import { type ChunkStream, chunkStream, type Group, groupsOf } from './stream.ts'

export interface SealOptions extends AbortOptions {
  readonly recipients: readonly Recipient[]
  /** File key, nonce and ephemeral keys come from it: it must be the system's, except in golden vectors. */
  readonly random: Random
  /** The header is always a leaf of its own, so that forgetting it makes the rest unreadable. */
  readonly erasable?: boolean | undefined
  /** Default `none`. Padded files hold zeros after the content: keep `contentLength` where the reader finds it. */
  readonly padding?: Padding | undefined
  /** Memory of whole leaves, from `sealPool`; the leaves' reader recycles. Without one every leaf is fresh memory. */
  readonly pool?: BufferPool | undefined
  /** Told once, after the last leaf. */
  readonly onSealed?: ((sealed: Sealed) => void) | undefined
  /** What to seal with; default what this runtime has. Every choice gives the same bytes. */
  readonly aead?: Aead | undefined
}

/** What became of a file. */
export interface Sealed {
  /** Bytes of the content, padding left out. */
  readonly contentLength: number
  /** Bytes of the age file, all leaves together. */
  readonly byteLength: number
  /** Bytes of its textual header, without the nonce. */
  readonly headerLength: number
  readonly leaves: number
}

/** Leaves that are sealed on another thread while the one before them is addressed and stored. */
const SEALED_AHEAD = 2

/** Leaves that are under way at once: hashed ahead, and what the sink has not written yet. */
const LEAVES_UNDER_WAY = 16

/** Memory of leaves for everything that one put seals. */
export function sealPool(count: number = LEAVES_UNDER_WAY): BufferPool {
  return createPool({ byteLength: LEAF_BYTES, count, shared: true })
}

/**
 * Yields the leaves of the sealed file in order: header and nonce, then 15 chunks each; or everything as one leaf where it fits. The chunks that
 * come in are the function's: it recycles them. Those of `LEAF_PLAINTEXT_BYTES` are not copied.
 *
 * File key and nonce are drawn here, for each call: sealing again after a crash or a failed read draws new ones, so that no key and nonce ever
 * meet two different contents, and so the same content sealed twice has nothing in common.
 */
export async function* sealFile(plaintext: AsyncIterable<Uint8Array>, options: SealOptions): AsyncGenerator<Uint8Array> {
  const { recipients, random, erasable = false, padding = 'none', signal } = options
  const fileKey = random(FILE_KEY_BYTES)
  const nonce = random(PAYLOAD_NONCE_BYTES)
  const header = Buffer.concat([await wrapFileKey(fileKey, recipients, random), nonce])
  const stream = chunkStream(options.aead ?? (await chosenAead()), payloadKey(fileKey, nonce))
  fileKey.fill(0)

  let contentLength = 0
  const content = padded(plaintext, padding, (length) => {
    contentLength = length
  })
  const headerLength = header.byteLength - PAYLOAD_NONCE_BYTES
  let leaves = 0
  let byteLength = 0
  const ahead: Promise<Uint8Array>[] = []
  const groups = groupsOf(content, LEAF_PLAINTEXT_BYTES, { signal })
  try {
    for (let group = await nextOf(groups); group; group = await nextOf(groups)) {
      if ('error' in group) {
        while (ahead.length > 0) yield await oldestOf(ahead)
        throw group.error
      }
      const { bytes, first, last } = group
      const only = first && last && isSingleLeaf(ageFileLength(bytes.byteLength, headerLength), erasable)
      if (first && !only) {
        byteLength += header.byteLength
        yield new Uint8Array(header)
        leaves++
      }
      ahead.push(sealLeaf(bytes, { stream, number: leaves, last, header: only ? header : undefined, pool: options.pool, signal }))
      // Its error is met when its turn comes.
      ahead.at(-1)?.catch(() => undefined)
      byteLength += payloadLength(bytes.byteLength) + (only ? header.byteLength : 0)
      leaves++
      if (ahead.length > SEALED_AHEAD) yield await oldestOf(ahead)
    }
    while (ahead.length > 0) yield await oldestOf(ahead)
  } finally {
    await groups.return(undefined)
    // Left early: memory may be used again only when nobody works on it.
    for (const leaf of await Promise.allSettled(ahead)) if (leaf.status === 'fulfilled') recycle(leaf.value)
  }
  options.onSealed?.({ contentLength, byteLength, headerLength, leaves })
}

/** The next group, or what the source failed with: the leaves before it are whole, and come first. */
async function nextOf(groups: AsyncGenerator<Group>): Promise<Group | { readonly error: unknown } | undefined> {
  try {
    const step = await groups.next()
    return step.done ? undefined : step.value
  } catch (error) {
    return { error }
  }
}

const oldestOf = (ahead: Promise<Uint8Array>[]): Promise<Uint8Array> => ahead.shift() ?? Promise.resolve(new Uint8Array(0))

interface LeafOptions extends AbortOptions {
  readonly stream: ChunkStream
  /** Of the leaf in the file; leaf 0 is the header. */
  readonly number: number
  readonly last: boolean
  /** In front of the chunks, where all is one leaf. */
  readonly header: Uint8Array | undefined
  readonly pool: BufferPool | undefined
}

/** Only whole leaves take a pooled buffer: a short one would keep a large one busy. */
async function sealLeaf(group: Uint8Array, options: LeafOptions): Promise<Uint8Array> {
  const { stream, number, last, header, pool, signal } = options
  const start = header?.byteLength ?? 0
  const byteLength = start + payloadLength(group.byteLength)
  const leaf = pool && byteLength === pool.byteLength ? await pool.take(signal) : allocate(byteLength)
  if (header) leaf.set(header)
  const first = header ? 0 : (number - 1) * CHUNKS_PER_LEAF
  try {
    await stream.sealAhead(group, first, last, leaf.subarray(start))
    return leaf
  } catch (error) {
    recycle(leaf)
    throw error
  } finally {
    recycle(group)
  }
}
