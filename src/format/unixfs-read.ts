/** A file's bytes, whole or a range, from verified blocks. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import type { ByteRange } from '../contracts/putting.ts'
import { FormatError } from '../errors.ts'
import { inlined } from './address.ts'
import { READ_AHEAD, walk } from './unixfs-fetch.ts'
import {
  assertCodec,
  decodeUnixFS,
  type ExportLimits,
  type FileNode,
  type GetBlock,
  type Limits,
  limitsOf,
  malformed,
} from './unixfs-node.ts'

export interface ReadFileOptions extends AbortOptions {
  /** Bytes `[offset, offset + length)`; a length beyond the end is cut, an offset beyond it is `bad-range`. */
  readonly range?: ByteRange | undefined
  readonly limits?: ExportLimits | undefined
  /** Blocks requested at the same time, default 32: bounds the memory of a read. */
  readonly readAhead?: number | undefined
}

/** A node to read: where its bytes start in the file, and how many its parent says it has. */
interface Step {
  readonly start: number
  readonly declared: number | undefined
  readonly depth: number
}

/**
 * Yields a file's bytes in order; a range fetches only the nodes on its way. Throws FormatError `not-a-file`, `bad-range`, `malformed`, `limit`
 * or `unsupported`, and whatever `get` throws.
 */
export async function* readFile(root: CID, get: GetBlock, options: ReadFileOptions = {}): AsyncGenerator<Uint8Array> {
  const { range, signal, readAhead = READ_AHEAD } = options
  const limits = limitsOf(options.limits)
  if (range) assertRange(range)
  assertCodec(root)
  const blocks = walk<Step>(get, { readAhead: Math.max(1, readAhead), signal })
  try {
    blocks.push([{ cid: root, step: { start: 0, declared: undefined, depth: 0 } }])
    let from = range?.offset ?? 0
    let to = Number.POSITIVE_INFINITY
    for (let block = await blocks.next(); block; block = await blocks.next()) {
      const { cid, step } = block
      const node = fileOf(cid, block.bytes, limits)
      if (step.declared === undefined) {
        to = endOf(node.byteLength, range)
        from = Math.min(from, to)
        assertAmount(to - from, limits)
      } else if (node.byteLength !== step.declared) {
        throw malformed(cid, `it has ${node.byteLength} bytes where its parent says ${step.declared}`)
      }
      const own = node.bytes.subarray(Math.max(0, from - step.start), Math.max(0, to - step.start))
      blocks.push(within(node, step, from, to, limits))
      if (own.byteLength > 0) yield own
    }
  } finally {
    blocks.stop()
  }
}

/** The length of a file in bytes, as its root block says. Throws `not-a-file`. */
export async function fileByteLength(
  root: CID,
  get: GetBlock,
  options: AbortOptions & { readonly limits?: ExportLimits | undefined } = {},
): Promise<number> {
  assertCodec(root)
  return fileOf(root, inlined(root) ?? (await get(root, { signal: options.signal })), limitsOf(options.limits)).byteLength
}

/** Children that overlap the range. Those of no bytes never do, so a DAG that expands without yielding is never expanded. */
function within(node: FileNode, { start, depth }: Step, from: number, to: number, limits: Limits): { cid: CID; step: Step }[] {
  const steps: { cid: CID; step: Step }[] = []
  let at = start + node.bytes.byteLength
  for (const { cid, byteLength } of node.children) {
    if (Math.max(at, from) < Math.min(at + byteLength, to)) {
      assertCodec(cid)
      steps.push({ cid, step: { start: at, declared: byteLength, depth: depth + 1 } })
    }
    at += byteLength
  }
  if (steps.length > 0 && depth >= limits.maxDepth) {
    throw new FormatError('limit', `the file is more than ${limits.maxDepth} levels deep; raise maxDepth to read it`)
  }
  return steps
}

function fileOf(cid: CID, bytes: Uint8Array, limits: Limits): FileNode {
  const node = decodeUnixFS(cid, bytes, limits)
  if (node.kind === 'file') return node
  throw new FormatError('not-a-file', `${cid} is a ${node.kind === 'shard' ? 'directory' : node.kind}; name a file in it, or restore it`)
}

function assertRange({ offset, length = 0 }: ByteRange): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0) return
  throw new FormatError('bad-range', `offset ${offset} and length ${length} must be whole numbers from 0 on`)
}

function endOf(size: number, range: ByteRange | undefined): number {
  if (!range) return size
  if (range.offset > size) throw new FormatError('bad-range', `offset ${range.offset} lies past the end of a file of ${size} bytes`)
  return range.length === undefined ? size : Math.min(size, range.offset + range.length)
}

function assertAmount(wanted: number, { maxBytes }: Limits): void {
  if (wanted > maxBytes)
    throw new FormatError('limit', `${wanted} bytes were asked for, ${maxBytes} are allowed; raise maxBytes or read a range`)
}
