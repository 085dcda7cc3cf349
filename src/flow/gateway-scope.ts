/** Which blocks below another belong to a CAR: `dag-scope` and `entity-bytes` of the trustless gateway specification. */
import type { CID } from 'multiformats/cid'
import type { DagScope, EntityBytes } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { everyLinkOf } from '../format/dag-links.ts'
import type { Coming } from '../format/unixfs-fetch.ts'
import { decodeUnixFS, type FileNode, limitsOf } from '../format/unixfs-node.ts'

/** What is wanted of a block and below it. */
export interface Scoped {
  readonly scope: DagScope
  /** Of a file, bytes `[from, to)`, and where in it the block begins; absent: all of it. */
  readonly range?: { readonly from: number; readonly to: number; readonly start: number } | undefined
}

const LIMITS = limitsOf()

/** The next blocks below, in the order of their links. Throws FormatError `malformed`, `limit` and `unsupported`. */
export function scopedBelow(cid: CID, bytes: Uint8Array, scoped: Scoped): readonly Coming<Scoped>[] {
  if (scoped.scope === 'block') return []
  if (scoped.scope === 'all') return everyLinkOf(cid, bytes).map((link) => ({ cid: link, step: scoped }))
  const node = decodeUnixFS(cid, bytes, LIMITS)
  if (node.kind === 'file') return withinFile(node, scoped)
  // Of a sharded directory, its further nodes; what the names lead to is another entity.
  if (node.kind === 'shard')
    return [...node.slots.values()].flatMap(({ name, cid }) => (name === '' ? [{ cid, step: { scope: 'entity' as const } }] : []))
  return []
}

function withinFile({ bytes, children }: FileNode, { range }: Scoped): readonly Coming<Scoped>[] {
  let at = (range?.start ?? 0) + bytes.byteLength
  return children.flatMap(({ cid, byteLength }) => {
    const start = at
    at += byteLength
    if (!range) return [{ cid, step: { scope: 'entity' as const } }]
    const meets = Math.max(start, range.from) < Math.min(start + byteLength, range.to)
    return meets ? [{ cid, step: { scope: 'entity' as const, range: { ...range, start } } }] : []
  })
}

/** What is wanted of a file of that length. Throws FormatError `bad-range` when its bytes all lie before `from`. */
export function scopedFile(byteLength: number, { from, to }: EntityBytes): Scoped {
  const first = from < 0 ? Math.max(0, byteLength + from) : from
  const last = to === '*' ? byteLength - 1 : Math.min(byteLength - 1, to < 0 ? byteLength + to : to)
  if (first > 0 && first >= byteLength)
    throw new FormatError('bad-range', `bytes from ${from} on were asked for, and the file has ${byteLength}; ask for bytes that it has`)
  return last < first ? { scope: 'block' } : { scope: 'entity', range: { from: first, to: last + 1, start: 0 } }
}
