/**
 * The pack: a CARv1 (https://ipld.io/specs/transport/car/carv1/) whose name is the CID of its table of contents.
 * Whoever has the TOC and the blocks rebuilds the identical CAR.
 */
import * as cbor from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import type { Profile, Span } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { addressOf, DAG_CBOR } from './address.ts'

/** A pack is closed at this many blocks, so that its TOC stays a block of under 2 MiB. */
export const MAX_PACK_BLOCKS = 32_768

/** Default size at which a pack is closed, in bytes. */
export const DEFAULT_MAX_PACK_BYTES = 256 * 1024 * 1024

/** Largest TOC that is read, in bytes. */
export const MAX_TOC_BYTES = 4 * 1024 * 1024

/** Table of contents: what a pack holds, in order. */
export interface Toc {
  readonly root: CID
  readonly blocks: readonly (readonly [cid: CID, length: number])[]
}

/** The CAR header for one root: varint length, then DAG-CBOR `{ roots: [root], version: 1 }`. */
export function carHeader(root: CID): Uint8Array {
  return prefixed(cbor.encode({ roots: [root], version: 1 }))
}

/** Length of the header before its root is known; the roots of one profile all have the same length. */
export function headerLength(profile: Profile | 'index'): number {
  return profile === 'unixfs-v0-2015' ? 57 : 59
}

/** What stands before a block's bytes: varint of CID and data together, then the CID. */
export function sectionPrefix(cid: CID, byteLength: number): Uint8Array {
  const total = cid.bytes.byteLength + byteLength
  const size = varint.encodingLength(total)
  const prefix = Buffer.allocUnsafe(size + cid.bytes.byteLength)
  varint.encodeTo(total, prefix, 0)
  prefix.set(cid.bytes, size)
  return prefix
}

/** DAG-CBOR of the TOC and the name it gives the pack. */
export function encodeToc(toc: Toc): { readonly name: CID; readonly bytes: Uint8Array } {
  const bytes = cbor.encode({ version: 1, root: toc.root, blocks: toc.blocks })
  return { name: addressOf(bytes, DAG_CBOR), bytes }
}

/** Reads a TOC. Throws `malformed`, `limit`, or `unsupported` for a later version. */
export function decodeToc(bytes: Uint8Array): Toc {
  if (bytes.byteLength > MAX_TOC_BYTES) throw new FormatError('limit', `a TOC of ${bytes.byteLength} bytes is larger than ${MAX_TOC_BYTES}`)
  const value = decoded(bytes)
  if (typeof value !== 'object' || value === null) throw malformed('it is not a map')
  const { version, root, blocks } = value as Record<string, unknown>
  if (version !== 1) throw new FormatError('unsupported', `this TOC has version ${String(version)}; this perdure reads version 1`)
  const cid = CID.asCID(root)
  if (!cid || !Array.isArray(blocks)) throw malformed('root or blocks are missing')
  if (blocks.length > MAX_PACK_BLOCKS)
    throw new FormatError('limit', `a TOC of ${blocks.length} blocks; at most ${MAX_PACK_BLOCKS} are read`)
  return { root: cid, blocks: blocks.map(entry) }
}

/** Where each block of a pack lies, and how long the CAR is. */
export function layout(toc: Toc): { readonly spans: readonly Span[]; readonly byteLength: number } {
  let at = carHeader(toc.root).byteLength
  const spans = toc.blocks.map(([cid, length]) => {
    at += varint.encodingLength(cid.bytes.byteLength + length) + cid.bytes.byteLength
    const span = { cid, offset: at, length }
    at += length
    return span
  })
  return { spans, byteLength: at }
}

/** A whole small pack in memory; index packs are made this way. */
export function packOf(
  root: CID,
  blocks: readonly { readonly cid: CID; readonly bytes: Uint8Array }[],
): {
  readonly name: CID
  readonly toc: Uint8Array
  readonly bytes: Uint8Array
} {
  const { name, bytes: toc } = encodeToc({ root, blocks: blocks.map(({ cid, bytes }) => [cid, bytes.byteLength] as const) })
  const parts = [carHeader(root), ...blocks.flatMap(({ cid, bytes }) => [sectionPrefix(cid, bytes.byteLength), bytes])]
  return { name, toc, bytes: Buffer.concat(parts) }
}

function entry(pair: unknown): readonly [CID, number] {
  const [cid, length] = Array.isArray(pair) ? pair : []
  const known = CID.asCID(cid)
  if (!known || !Number.isSafeInteger(length) || length < 0) throw malformed('a block entry is not [cid, length]')
  return [known, length]
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return cbor.decode(bytes)
  } catch (cause) {
    throw new FormatError('malformed', 'this TOC is not DAG-CBOR', { cause })
  }
}

const malformed = (why: string) => new FormatError('malformed', `this is not a TOC: ${why}`)

function prefixed(bytes: Uint8Array): Uint8Array {
  const size = varint.encodingLength(bytes.byteLength)
  const out = Buffer.allocUnsafe(size + bytes.byteLength)
  varint.encodeTo(bytes.byteLength, out, 0)
  out.set(bytes, size)
  return out
}
