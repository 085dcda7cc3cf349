/**
 * The Merkle tree that Arweave builds over the data of a transaction, made from a stream. Chunks have 256 KiB; where less than 32 KiB would be left
 * for the last one, the last two share what they have. Data that fill their chunks exactly are followed by an empty leaf, which belongs to the tree
 * and is never uploaded: without it the root would be another than the network's tools compute.
 */
import { createHash, type Hash, hash } from 'node:crypto'
import type { AbortOptions } from '../../contracts.ts'

export const CHUNK_BYTES = 256 * 1024
export const HASH_BYTES = 32
/** A note is an offset, big-endian. */
export const NOTE_BYTES = 32
const LEAST_LAST_BYTES = 32 * 1024

export interface ChunkTree {
  /** 32 bytes. */
  readonly dataRoot: Uint8Array
  readonly byteLength: number
  /** Chunks that are uploaded: none of them is empty, and of no data there are none. */
  readonly chunkCount: number
  /** Throws RangeError for an index that is not below `chunkCount`. The path is put together when asked for. */
  chunk(index: number): TreeChunk
}

export interface TreeChunk {
  /** Where it begins within the data. */
  readonly start: number
  readonly length: number
  /** Its last byte within the data: the `offset` of `POST /chunk`. */
  readonly offset: number
  /** The `data_path`: what leads from the root to this chunk. */
  readonly path: Uint8Array
}

/**
 * Reads the stream once, in pieces of any size, and keeps 100 bytes for each chunk. Throws RangeError when more or fewer bytes come than
 * `byteLength` says, and for a `byteLength` that is none. Errors of the stream pass through as they are; an abort is the signal's reason, noticed
 * between pieces.
 */
export async function treeOf(pieces: AsyncIterable<Uint8Array>, byteLength: number, options: AbortOptions = {}): Promise<ChunkTree> {
  if (!Number.isSafeInteger(byteLength) || byteLength < 0) throw new RangeError(`${byteLength} is no number of bytes`)
  const hashes = await chunkHashes(pieces, byteLength, options)
  const levels = levelsOf(hashes, byteLength)
  const chunkCount = Math.ceil(byteLength / CHUNK_BYTES)
  return {
    dataRoot: new Uint8Array(levels.at(-1) ?? []),
    byteLength,
    chunkCount,
    chunk(index) {
      if (!Number.isInteger(index) || index < 0 || index >= chunkCount)
        throw new RangeError(`there is no chunk ${index}: the data have ${chunkCount}`)
      const start = startOf(index, byteLength)
      const end = startOf(index + 1, byteLength)
      const path = Buffer.concat([...branchesTo(index, levels, byteLength), slot(hashes, index), noteOf(end)])
      return { start, length: end - start, offset: end - 1, path: new Uint8Array(path) }
    },
  }
}

/** The id of a node is the hash over the hashes of its parts. */
export function nodeId(...parts: readonly Uint8Array[]): Buffer {
  return sha256(Buffer.concat(parts.map(sha256)))
}

export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer')
}

/** One more than there are full chunks: the last leaf has what is left, which may be nothing. */
function leafCountOf(byteLength: number): number {
  return Math.floor(byteLength / CHUNK_BYTES) + 1
}

/** Where a leaf begins; beyond the last leaf, the end of the data. */
function startOf(leaf: number, byteLength: number): number {
  const last = leafCountOf(byteLength) - 1
  if (leaf > last) return byteLength
  const rest = byteLength % CHUNK_BYTES
  const shared = leaf === last && last > 0 && rest > 0 && rest < LEAST_LAST_BYTES
  return shared ? byteLength - Math.floor((CHUNK_BYTES + rest) / 2) : leaf * CHUNK_BYTES
}

async function chunkHashes(pieces: AsyncIterable<Uint8Array>, byteLength: number, { signal }: AbortOptions): Promise<Buffer> {
  const hashing = hashingOf(byteLength)
  signal?.throwIfAborted()
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted()
      hashing.add(piece)
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  }
  signal?.throwIfAborted()
  return hashing.end()
}

function hashingOf(byteLength: number): { add(piece: Uint8Array): void; end(): Buffer } {
  const hashes = Buffer.alloc(leafCountOf(byteLength) * HASH_BYTES)
  let leaf = 0
  let at = 0
  let end = startOf(1, byteLength)
  let open: Hash | undefined
  const close = (digest: Buffer) => {
    digest.copy(hashes, leaf * HASH_BYTES)
    leaf++
    open = undefined
    end = startOf(leaf + 1, byteLength)
  }
  return {
    add(piece) {
      if (piece.byteLength > byteLength - at) throw new RangeError(`more than the ${byteLength} bytes that were expected came`)
      for (let from = 0; from < piece.byteLength; ) {
        const part = piece.subarray(from, from + end - at)
        from += part.byteLength
        at += part.byteLength
        // A chunk that lies in one piece is hashed where it lies, in one call.
        if (at === end) close(open ? open.update(part).digest() : sha256(part))
        else open = (open ?? createHash('sha256')).update(part)
      }
    },
    end() {
      if (at !== byteLength) throw new RangeError(`only ${at} of the ${byteLength} bytes that were expected came`)
      if (byteLength % CHUNK_BYTES === 0) close(sha256(new Uint8Array(0)))
      return hashes
    },
  }
}

/** The ids of all nodes, leaves first and the root last. A node without a sibling moves up as it is. */
function levelsOf(hashes: Buffer, byteLength: number): readonly Buffer[] {
  let below = Buffer.alloc(hashes.byteLength)
  for (let leaf = 0; leaf < countOf(hashes); leaf++)
    nodeId(slot(hashes, leaf), noteOf(startOf(leaf + 1, byteLength))).copy(below, leaf * HASH_BYTES)
  const levels = [below]
  for (let width = 1; countOf(below) > 1; width *= 2) {
    const level = Buffer.alloc(Math.ceil(countOf(below) / 2) * HASH_BYTES)
    for (let left = 0; left < countOf(below); left += 2) {
      const id =
        left + 1 === countOf(below)
          ? slot(below, left)
          : nodeId(slot(below, left), slot(below, left + 1), noteOf(startOf((left + 1) * width, byteLength)))
      id.copy(level, (left / 2) * HASH_BYTES)
    }
    levels.push(level)
    below = level
  }
  return levels
}

/** Of every branch above a leaf, from the root down: the ids of both children, and where the right one begins. */
function* branchesTo(leaf: number, levels: readonly Buffer[], byteLength: number): Generator<Uint8Array> {
  for (let depth = levels.length - 1; depth > 0; depth--) {
    const below = levels[depth - 1] as Buffer
    const width = 2 ** (depth - 1)
    const left = 2 * Math.floor(leaf / (2 * width))
    if (left + 1 === countOf(below)) continue
    yield below.subarray(left * HASH_BYTES, (left + 2) * HASH_BYTES)
    yield noteOf(startOf((left + 1) * width, byteLength))
  }
}

function noteOf(offset: number): Buffer {
  const note = Buffer.alloc(NOTE_BYTES)
  note.writeBigUInt64BE(BigInt(offset), NOTE_BYTES - 8)
  return note
}

function slot(ids: Buffer, index: number): Buffer {
  return ids.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}

function countOf(ids: Buffer): number {
  return ids.byteLength / HASH_BYTES
}
