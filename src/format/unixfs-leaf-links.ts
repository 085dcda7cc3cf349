/** The leaves of a file by name, without fetching them: its inner nodes say which they are. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { RAW } from './address.ts'
import { decodeUnixFS, type GetBlock, limitsOf, malformed } from './unixfs-node.ts'

export interface LeafLink {
  readonly cid: CID
  /** As its parent says; undefined for a file that is one leaf. */
  readonly byteLength: number | undefined
}

/** In order. Throws FormatError `malformed` for nodes that are none of a file of raw leaves, `limit` for one that is too deep. */
export async function* leafLinks(cid: CID, get: GetBlock, options: AbortOptions = {}): AsyncGenerator<LeafLink> {
  yield* below({ cid, byteLength: undefined }, get, options, 0)
}

async function* below(link: LeafLink, get: GetBlock, options: AbortOptions, depth: number): AsyncGenerator<LeafLink> {
  const { cid } = link
  const limits = limitsOf()
  if (cid.code === RAW) {
    yield link
    return
  }
  if (depth > limits.maxDepth)
    throw new FormatError('limit', `${cid} lies more than ${limits.maxDepth} levels deep in its file; it is not read`)
  const node = decodeUnixFS(cid, await get(cid, options), limits)
  if (node.kind !== 'file' || node.bytes.byteLength > 0 || node.children.length === 0)
    throw malformed(cid, 'it is no inner node of a sealed file')
  for (const child of node.children) yield* below(child, get, options, depth + 1)
}
