/**
 * Merkle trees of logs as RFC 6962 and RFC 9162 hash them: a leaf is SHA-256(00 ‖ bytes), a node SHA-256(01 ‖ left ‖ right). Pure. What is stored are
 * complete subtrees by `[level, position]`; everything else follows from them.
 */
import { hash as digest } from 'node:crypto'

/** A complete subtree of 2^level leaves, the `position`-th of its level. */
export interface MerkleNode {
  readonly level: number
  readonly position: number
  readonly hash: Uint8Array
}

/** Looks up the hash of a complete subtree; whoever calls has loaded those that `nodesOf` names. */
export type NodeLookup = (level: number, position: number) => Uint8Array

/** Leaves `[start, end)`. */
export type LeafRange = readonly [start: number, end: number]

export const HASH_BYTES = 32

/** Root of the empty tree: SHA-256 of nothing. */
export const EMPTY_ROOT: Uint8Array = new Uint8Array(digest('sha256', new Uint8Array(0), 'buffer'))

export const leafHash = (bytes: Uint8Array): Uint8Array => digest('sha256', Buffer.concat([LEAF, bytes]), 'buffer')

export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => digest('sha256', Buffer.concat([NODE, left, right]), 'buffer')

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The complete subtrees that leaves `[start, end)` fall into, from left to right; of `[0, size)` they are the right edge of that tree. */
export function complete(start: number, end: number): readonly (readonly [level: number, position: number])[] {
  const parts: (readonly [number, number])[] = []
  for (let at = start; at < end; ) {
    let level = 0
    for (let width = 2; at % width === 0 && at + width <= end; width *= 2) level++
    parts.push([level, at / 2 ** level])
    at += 2 ** level
  }
  return parts
}

/** Adds leaves to a tree of which only the right edge is known; resolves to the nodes that became complete, the leaves among them, children first. */
export function grow(size: number, edge: readonly Uint8Array[], leaves: readonly Uint8Array[]): Grown {
  const stack = [...edge]
  const nodes: MerkleNode[] = []
  let at = size
  for (const leaf of leaves) {
    let hash = leaf
    let position = at
    nodes.push({ level: 0, position, hash })
    for (let level = 1; position % 2 === 1; level++) {
      hash = nodeHash(stack.pop() ?? EMPTY_ROOT, hash)
      position = (position - 1) / 2
      nodes.push({ level, position, hash })
    }
    stack.push(hash)
    at++
  }
  return { size: at, edge: stack, nodes }
}

export interface Grown {
  readonly size: number
  /** Hashes of `complete(0, size)`. */
  readonly edge: readonly Uint8Array[]
  readonly nodes: readonly MerkleNode[]
}

/** The root of a tree, from its right edge. */
export function rootOf(edge: readonly Uint8Array[]): Uint8Array {
  const last = edge.at(-1)
  return last === undefined ? EMPTY_ROOT : edge.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last)
}

/** The root over these leaf hashes. */
export const rootOver = (leaves: readonly Uint8Array[]): Uint8Array => rootOf(grow(0, [], leaves).edge)

/** The hash of a subtree, complete or at the right edge, from complete ones. */
export const rangeHash = ([start, end]: LeafRange, lookup: NodeLookup): Uint8Array =>
  rootOf(complete(start, end).map(([level, position]) => lookup(level, position)))

/** The complete subtrees that have to be known for the hashes of these ranges. */
export const nodesOf = (ranges: readonly LeafRange[]): readonly (readonly [level: number, position: number])[] =>
  ranges.flatMap(([start, end]) => complete(start, end))

/** Whose hashes an inclusion proof consists of, in order (RFC 9162, 2.1.3.1). */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const path: LeafRange[] = []
  for (let start = 0, end = size; end - start > 1; ) {
    const middle = start + below(end - start)
    const isLeft = index < middle
    path.push(isLeft ? [middle, end] : [start, middle])
    if (isLeft) end = middle
    else start = middle
  }
  return path.reverse()
}

/** Whose hashes a proof consists of that the tree of `size1` is the beginning of that of `size2`, in order (RFC 9162, 2.1.4.1). */
export function consistencyRanges(size1: number, size2: number): readonly LeafRange[] {
  const path: LeafRange[] = []
  let whole = true
  let start = 0
  for (let end = size2; size1 !== end; ) {
    const middle = start + below(end - start)
    if (size1 <= middle) {
      path.push([middle, end])
      end = middle
    } else {
      path.push([start, middle])
      start = middle
      whole = false
    }
  }
  if (!whole) path.push([start, size1])
  return path.reverse()
}

/** The largest power of two that is smaller than the number. */
function below(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}
