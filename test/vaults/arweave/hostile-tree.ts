/** A branch over two leaves, with notes that nobody checked. */
import { createHash } from 'node:crypto'

type Offset = number | bigint

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const note = (offset: Offset) => Buffer.from(BigInt(offset).toString(16).padStart(64, '0'), 'hex')
const id = (...parts: readonly Buffer[]) => sha256(Buffer.concat(parts.map(sha256)))

export function hostileTree(chunks: readonly Uint8Array[], ends: readonly Offset[], middle: Offset) {
  const leaves = chunks.map((chunk, index) => [sha256(chunk), note(ends[index] ?? 0)])
  const ids = leaves.map((leaf) => id(...leaf))
  const branch = [...ids, note(middle)]
  return { root: id(...branch), paths: leaves.map((leaf) => Buffer.concat([...branch, ...leaf])) }
}
