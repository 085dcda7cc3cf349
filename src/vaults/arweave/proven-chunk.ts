/** Whether a gateway's answer is a chunk of the data we mean: the path, where it leads, and the bytes themselves. */
import { type ChunkTree, HASH_BYTES, NOTE_BYTES, nodeId, sha256 } from './merkle.ts'

const LEAF_BYTES = HASH_BYTES + NOTE_BYTES
const BRANCH_BYTES = 2 * HASH_BYTES + NOTE_BYTES

/**
 * Where the chunk lies, when the path leads from the root to a chunk that covers the byte `at`, and these are its very bytes; otherwise undefined.
 * Never throws for wrong input. The size of the whole is proven by the last chunk's path alone: those of others say nothing of what comes after.
 */
export function provenChunk(
  tree: Pick<ChunkTree, 'dataRoot' | 'byteLength'>,
  at: number,
  chunk: Uint8Array,
  path: Uint8Array,
): { readonly start: number; readonly length: number } | undefined {
  const { dataRoot, byteLength } = tree
  if (!Number.isSafeInteger(byteLength) || !Number.isSafeInteger(at) || at < 0 || at >= byteLength) return undefined
  if (!(dataRoot instanceof Uint8Array && chunk instanceof Uint8Array && path instanceof Uint8Array)) return undefined
  const leaf = leafAt(dataRoot, byteLength, at, path)
  if (!leaf || chunk.byteLength !== leaf.length || !same(sha256(chunk), leaf.dataHash)) return undefined
  return { start: leaf.start, length: leaf.length }
}

interface Leaf {
  readonly start: number
  readonly length: number
  readonly dataHash: Uint8Array
}

function leafAt(root: Uint8Array, byteLength: number, at: number, path: Uint8Array): Leaf | undefined {
  const branches = (path.byteLength - LEAF_BYTES) / BRANCH_BYTES
  if (!Number.isInteger(branches) || branches < 0) return undefined
  let id = root
  let start = 0
  let end = byteLength
  for (let branch = 0; branch < branches; branch++) {
    const from = branch * BRANCH_BYTES
    const left = path.subarray(from, from + HASH_BYTES)
    const right = path.subarray(from + HASH_BYTES, from + 2 * HASH_BYTES)
    const note = path.subarray(from + 2 * HASH_BYTES, from + BRANCH_BYTES)
    const middle = offsetOf(note)
    // An empty leaf begins where the data end, so that the right side may be empty; the left side never is.
    if (middle === undefined || middle <= start || middle > end || !same(id, nodeId(left, right, note))) return undefined
    if (at < middle) [id, end] = [left, middle]
    else [id, start] = [right, middle]
  }
  const dataHash = path.subarray(-LEAF_BYTES, -NOTE_BYTES)
  const note = path.subarray(-NOTE_BYTES)
  // The leaf says where it ends itself; the usual check asks the branches alone.
  if (!same(id, nodeId(dataHash, note)) || offsetOf(note) !== end) return undefined
  return { start, length: end - start, dataHash }
}

/** Undefined for offsets that no number holds exactly. */
function offsetOf(note: Uint8Array): number | undefined {
  const value = BigInt(`0x${Buffer.from(note).toString('hex')}`)
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
