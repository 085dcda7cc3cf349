/** The chunks that a fake Arweave network keeps, by data root and size as nodes do: equal data is stored once. */
import type { Chunk } from './signing.ts'
import type { Header } from './types.ts'

export interface Piece {
  /** Within the data. */
  readonly start: number
  readonly bytes: Buffer
  readonly path: Buffer
}

type Root = Pick<Header, 'data_root' | 'data_size'>

export interface Weave {
  readonly put: (root: Root, piece: Piece) => void
  /** The piece that holds the byte at `offset` of the data. */
  readonly pieceAt: (root: Root, offset: number) => Piece | undefined
  /** Bytes of the data from `start` up to `end`; undefined when a piece is missing. */
  readonly slice: (root: Root, start: number, end: number) => Buffer | undefined
  readonly unseed: (root: Root, chunkIndex?: number) => void
  readonly tamper: (root: Root, chunkIndex: number, bit: number) => void
}

const keyOf = ({ data_root, data_size }: Root) => `${data_root}/${data_size}`

export function emptyWeave(): Weave {
  const kept = new Map<string, Map<number, Piece>>()
  // Where chunks lay, also those that are lost: an index means the same chunk for good.
  const laid = new Map<string, Set<number>>()

  const startOf = (root: Root, chunkIndex: number) => {
    const start = [...(laid.get(keyOf(root)) ?? [])].sort((a, b) => a - b)[chunkIndex]
    if (start === undefined) throw new RangeError(`no chunk ${chunkIndex} was ever seeded under ${keyOf(root)}`)
    return start
  }
  const pieceAt = (root: Root, offset: number) =>
    [...(kept.get(keyOf(root))?.values() ?? [])].find(({ start, bytes }) => start <= offset && offset < start + bytes.byteLength)

  return {
    pieceAt,
    put: (root, piece) => {
      const pieces = kept.get(keyOf(root)) ?? new Map<number, Piece>()
      kept.set(keyOf(root), pieces.set(piece.start, piece))
      laid.set(keyOf(root), (laid.get(keyOf(root)) ?? new Set()).add(piece.start))
    },
    slice: (root, start, end) => {
      const parts: Buffer[] = []
      for (let at = start; at < end; ) {
        const piece = pieceAt(root, at)
        if (!piece) return undefined
        parts.push(piece.bytes.subarray(at - piece.start, end - piece.start))
        at = piece.start + piece.bytes.byteLength
      }
      return Buffer.concat(parts)
    },
    unseed: (root, chunkIndex) => {
      if (chunkIndex === undefined) kept.delete(keyOf(root))
      else kept.get(keyOf(root))?.delete(startOf(root, chunkIndex))
    },
    tamper: (root, chunkIndex, bit) => {
      const piece = kept.get(keyOf(root))?.get(startOf(root, chunkIndex))
      if (!piece) throw new RangeError(`chunk ${chunkIndex} under ${keyOf(root)} is not seeded`)
      kept.get(keyOf(root))?.set(piece.start, { ...piece, bytes: flipped(piece.bytes, bit) })
    },
  }
}

/** Puts the data of a transaction there, from the bodies one would post. */
export function seed(weave: Weave, root: Root, chunks: readonly Chunk[]): void {
  let start = 0
  for (const { chunk, data_path } of chunks) {
    const bytes = Buffer.from(chunk, 'base64url')
    weave.put(root, { start, bytes, path: Buffer.from(data_path, 'base64url') })
    start += bytes.byteLength
  }
}

/** A copy with one bit changed; counting goes round. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = bit % (copy.byteLength * 8)
  if (copy.byteLength > 0) copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7))
  return copy
}
