/**
 * Piece commitment (commP) of Filecoin, as a stream: a binary Merkle tree over Fr32-padded bytes, its nodes SHA-256 cut to 254 bits.
 * Piece CID v1: https://spec.filecoin.io/#section-systems.filecoin_files.piece; v2: FRC-0069.
 */
import { hash } from 'node:crypto'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { RAW } from './address.ts'
import { padFr32, QUAD_BYTES, QUAD_PADDED, STRIDE_BYTES, STRIDE_PADDED } from './fr32.ts'

const NODE_BYTES = 32
const PAIR_BYTES = 2 * NODE_BYTES
const KEPT_BITS = 0x3f
/** Small enough to stay in the processor's cache, large enough that a call into native code costs nothing beside its work. */
const BATCH_STRIDES = 512
const BATCH_BYTES = BATCH_STRIDES * STRIDE_BYTES
const BATCH_PADDED = BATCH_STRIDES * STRIDE_PADDED
const BATCH_HEIGHT = Math.log2(BATCH_PADDED / NODE_BYTES)

const FIL_COMMITMENT_UNSEALED = 0xf101
const SHA2_256_TRUNC254_PADDED = 0x1012
const FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE = 0x1011

export interface Piece {
  /** Of the payload. */
  readonly byteLength: number
  /** Of the piece: a power of two, at least 128. */
  readonly pieceByteLength: number
  /** Levels of the tree above its 32-byte leaves. */
  readonly height: number
  /** 32 bytes, also called commP. */
  readonly root: Uint8Array
  /** Piece CID v1, `baga6ea4seaq…`: says nothing of the length. */
  readonly v1: CID
  /** Piece CID v2, `bafkzcib…`: says how long payload and piece are. */
  readonly v2: CID
}

export interface PieceHasher {
  /** Takes the next bytes, which may be used again as soon as it returns. */
  update(bytes: Uint8Array): PieceHasher
  /** Of all that came, filled up with zeros to a piece. Once; nothing more can be taken then. */
  digest(): Piece
}

/** Hashes pairs of 32 bytes into single ones. */
export type HashPairs = (pairs: Uint8Array, nodes: Uint8Array) => void

/** For payloads of any length, also an empty one, in pieces of any length. */
export function pieceHasher(hashPairs: HashPairs = hashWithNode): PieceHasher {
  const filling = new Uint8Array(BATCH_BYTES)
  const words = new Int32Array(filling.buffer)
  const tree = treeOf(hashPairs)
  let filled = 0
  let byteLength = 0
  const hasher: PieceHasher = {
    update(bytes) {
      for (let at = 0; at < bytes.byteLength; ) {
        const part = bytes.subarray(at, at + BATCH_BYTES - filled)
        filling.set(part, filled)
        filled += part.byteLength
        at += part.byteLength
        if (filled < BATCH_BYTES) continue
        tree.add(tree.batch(words, BATCH_PADDED))
        filled = 0
      }
      byteLength += bytes.byteLength
      return hasher
    },
    digest() {
      if (filled > 0 || byteLength === 0) {
        filling.fill(0, filled)
        tree.addLast(words, paddedFor(filled))
      }
      const { root, height } = tree.root()
      return pieceOf(root, height, byteLength)
    },
  }
  return hasher
}

/** Of a piece with so many bytes of payload: the least power of two that holds them. */
export function paddedFor(byteLength: number): number {
  let padded = QUAD_PADDED
  while ((padded / QUAD_PADDED) * QUAD_BYTES < byteLength) padded *= 2
  return padded
}

function treeOf(hashPairs: HashPairs) {
  const padded = new Uint8Array(BATCH_PADDED)
  const paddedWords = new Int32Array(padded.buffer)
  const layers = [new Uint8Array(BATCH_PADDED / 2), new Uint8Array(BATCH_PADDED / 4)] as const
  const zeros = [new Uint8Array(NODE_BYTES)]
  /** By height above a batch: a node that waits for its right neighbour. */
  const waiting: (Uint8Array | undefined)[] = []
  let batches = 0
  let only: { readonly root: Uint8Array; readonly height: number } | undefined

  const layer = (from: Uint8Array, to: Uint8Array) => {
    hashPairs(from, to)
    for (let last = NODE_BYTES - 1; last < to.byteLength; last += NODE_BYTES) to[last] = (to[last] as number) & KEPT_BITS
  }
  const parent = (left: Uint8Array, right: Uint8Array) => {
    const pair = new Uint8Array(PAIR_BYTES)
    pair.set(left)
    pair.set(right, NODE_BYTES)
    const node = new Uint8Array(NODE_BYTES)
    layer(pair, node)
    return node
  }
  const zero = (height: number): Uint8Array => {
    for (let node = zeros.at(-1); zeros.length <= height && node; zeros.push(node)) node = parent(node, node)
    return zeros[height] as Uint8Array
  }
  const batch = (words: Int32Array, byteLength: number): Uint8Array => {
    padFr32(words, paddedWords)
    let nodes: Uint8Array = padded.subarray(0, byteLength)
    for (let turn = 0; nodes.byteLength > NODE_BYTES; turn ^= 1) {
      const next = (layers[turn] as Uint8Array).subarray(0, nodes.byteLength / 2)
      layer(nodes, next)
      nodes = next
    }
    return nodes.slice()
  }
  const add = (node: Uint8Array) => {
    batches++
    let level = 0
    let carried = node
    for (let left = waiting[level]; left; left = waiting[level]) {
      carried = parent(left, carried)
      waiting[level++] = undefined
    }
    waiting[level] = carried
  }
  return {
    batch,
    add,
    /** Less than a batch, which is raised to one where others came before it. */
    addLast(words: Int32Array, byteLength: number) {
      const height = Math.log2(byteLength / NODE_BYTES)
      let root = batch(words, byteLength)
      if (batches === 0) {
        only = { root, height }
        return
      }
      for (let at = height; at < BATCH_HEIGHT; at++) root = parent(root, zero(at))
      add(root)
    },
    root() {
      if (only) return only
      const top = Math.ceil(Math.log2(batches))
      let node: Uint8Array | undefined
      for (let level = 0; level < top; level++) {
        const left = waiting[level]
        if (left) node = parent(left, node ?? zero(BATCH_HEIGHT + level))
        else if (node) node = parent(node, zero(BATCH_HEIGHT + level))
      }
      return { root: (node ?? waiting[top]) as Uint8Array, height: BATCH_HEIGHT + top }
    },
  }
}

function pieceOf(root: Uint8Array, height: number, byteLength: number): Piece {
  const pieceByteLength = NODE_BYTES * 2 ** height
  const padding = (pieceByteLength / QUAD_PADDED) * QUAD_BYTES - byteLength
  const digest = new Uint8Array(varint.encodingLength(padding) + 1 + NODE_BYTES)
  varint.encodeTo(padding, digest)
  digest[digest.byteLength - NODE_BYTES - 1] = height
  digest.set(root, digest.byteLength - NODE_BYTES)
  return {
    byteLength,
    pieceByteLength,
    height,
    root,
    v1: CID.createV1(FIL_COMMITMENT_UNSEALED, Digest.create(SHA2_256_TRUNC254_PADDED, root)),
    v2: CID.createV1(RAW, Digest.create(FR32_SHA2_256_TRUNC254_PADDED_BINARY_TREE, digest)),
  }
}

/** Everywhere, and a tenth as fast as native code that takes a whole layer at once. */
export function hashWithNode(pairs: Uint8Array, nodes: Uint8Array): void {
  for (let at = 0; at < pairs.byteLength; at += PAIR_BYTES) nodes.set(hash('sha256', pairs.subarray(at, at + PAIR_BYTES), 'buffer'), at / 2)
}
