/** Checking proofs of Merkle logs (RFC 9162, 2.1.3.2 and 2.1.4.2), and the same for subtrees that begin anywhere (draft-ietf-plants-merkle-tree-certs). */
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './merkle.ts'

export interface InclusionClaim {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/** Is that leaf the `index`-th of the tree? False for anything malformed. */
export const verifyInclusion = ({ size, ...claim }: InclusionClaim): boolean => verifySubtreeInclusion({ ...claim, start: 0, end: size })

export interface SubtreeInclusionClaim extends Omit<InclusionClaim, 'size'> {
  readonly start: number
  readonly end: number
}

/** Is that leaf the `index`-th of the log, in the subtree of `[start, end)`? */
export function verifySubtreeInclusion({ index, start, end, leaf, proof, root }: SubtreeInclusionClaim): boolean {
  if (!isSubtree(start, end) || !Number.isSafeInteger(index) || index < start || index >= end) return false
  if (![leaf, root, ...proof].every(isHash)) return false
  let at = index - start
  let last = end - start - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      hash = nodeHash(sibling, hash)
      while (!isOdd(at) && at > 0) [at, last] = [half(at), half(last)]
    } else hash = nodeHash(hash, sibling)
    at = half(at)
    last = half(last)
  }
  return last === 0 && equal(hash, root)
}

export interface ConsistencyClaim {
  readonly size1: number
  readonly size2: number
  readonly root1: Uint8Array
  readonly root2: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Is the first tree the beginning of the second? False for anything malformed, and for an empty first tree, of which nothing can be shown. */
export function verifyConsistency({ size1, size2, root1, root2, proof }: ConsistencyClaim): boolean {
  if (size1 === 0) return false
  return verifySubtreeConsistency({ start: 0, end: size1, size: size2, subtree: root1, root: root2, proof })
}

export interface SubtreeConsistencyClaim {
  readonly start: number
  readonly end: number
  readonly size: number
  readonly subtree: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Is the subtree of `[start, end)` one of the tree of that size? An empty one is, where its hash is that of nothing. */
export function verifySubtreeConsistency({ start, end, size, subtree, root, proof }: SubtreeConsistencyClaim): boolean {
  if (!Number.isSafeInteger(size) || size < end || !proof.every(isHash)) return false
  if (Number.isSafeInteger(start) && start === end) return proof.length === 0 && equal(subtree, EMPTY_ROOT)
  if (!isSubtree(start, end)) return false
  let [first, last, all] = [start, end - 1, size - 1]
  const shift = () => {
    ;[first, last, all] = [half(first), half(last), half(all)]
  }
  const isWholeTree = last === all
  while (first !== last && (isWholeTree || isOdd(last))) shift()
  const rest = [...proof]
  const seed = first === last ? subtree : rest.shift()
  if (seed === undefined) return false
  let [own, whole] = [seed, seed]
  for (const sibling of rest) {
    if (all === 0) return false
    if (isOdd(last) || last === all) {
      if (first < last) own = nodeHash(sibling, own)
      whole = nodeHash(sibling, whole)
      while (!isOdd(last) && last > 0) shift()
    } else whole = nodeHash(whole, sibling)
    shift()
  }
  return all === 0 && equal(own, subtree) && equal(whole, root)
}

/** Nonempty, and begins at a multiple of the power of two that it fits into. */
function isSubtree(start: number, end: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start >= end) return false
  let width = 1
  while (width < end - start) width *= 2
  return start % width === 0
}

const half = (number: number): number => Math.floor(number / 2)
const isOdd = (number: number): boolean => number % 2 === 1
const isHash = (bytes: Uint8Array): boolean => bytes.byteLength === HASH_BYTES
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
