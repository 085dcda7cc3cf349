/** One block read as UnixFS: everything a hostile block may get wrong is found here. */
import { decode, type PBLink, type PBNode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import type { Mtime } from '../contracts/source.ts'
import { FormatError } from '../errors.ts'
import { DAG_PB, RAW } from './address.ts'
import { hasType } from './unixfs-data.ts'

/** Fetches one block; its bytes are checked against the CID by whoever gives this function, their meaning is not. */
export type GetBlock = (cid: CID, options?: AbortOptions) => Promise<Uint8Array>

export interface ExportLimits {
  /** Levels of inner nodes below one file or sharded directory, default 64. */
  readonly maxDepth?: number | undefined
  /** Directories within each other, default 4096. */
  readonly maxPathDepth?: number | undefined
  /** Links of one node, default 65,536: more do not fit into a block that is exchanged. */
  readonly maxLinksPerNode?: number | undefined
  /** Entries of one walk, default 2^32. */
  readonly maxEntries?: number | undefined
  /** Bytes of one read, or of all files of one walk as declared; default 2^53 - 1. */
  readonly maxBytes?: number | undefined
}

export type Limits = { readonly [Limit in keyof ExportLimits]-?: number }

export function limitsOf(limits: ExportLimits = {}): Limits {
  const { maxDepth = 64, maxPathDepth = 4096, maxLinksPerNode = 65_536, maxEntries = 2 ** 32, maxBytes = Number.MAX_SAFE_INTEGER } = limits
  return { maxDepth, maxPathDepth, maxLinksPerNode, maxEntries, maxBytes }
}

/** Metadata that other writers put into the DAG. */
interface Stored {
  readonly mode?: number
  readonly mtime?: Mtime
}

/** Part of a file: own bytes first, then the children's, `sizes` of them. */
export interface FileNode extends Stored {
  readonly kind: 'file'
  readonly bytes: Uint8Array
  readonly children: readonly { readonly cid: CID; readonly byteLength: number }[]
  readonly byteLength: number
}

export interface DirectoryNode extends Stored {
  readonly kind: 'directory'
  readonly children: readonly Child[]
}

/** One node of a HAMT. Link names start with the slot in hexadecimal; nothing more means another shard. */
export interface ShardNode extends Stored {
  readonly kind: 'shard'
  readonly fanout: number
  readonly slots: ReadonlyMap<number, Child>
}

export interface SymlinkNode extends Stored {
  readonly kind: 'symlink'
  readonly target: string
}

/** `name` is empty for a further shard. `dagBytes` is the parent's claim. */
export interface Child {
  readonly name: string
  readonly cid: CID
  readonly dagBytes: number | undefined
}

export type UnixFSNode = FileNode | DirectoryNode | ShardNode | SymlinkNode

/** Decodes a block. Throws FormatError `malformed`, `limit`, or `unsupported` for codecs and types that are not UnixFS files or directories. */
export function decodeUnixFS(cid: CID, bytes: Uint8Array, limits: Limits): UnixFSNode {
  if (cid.code === RAW) return { kind: 'file', bytes, children: [], byteLength: bytes.byteLength }
  assertCodec(cid)
  const { node, unixfs } = decoded(cid, bytes)
  if (node.Links.length > limits.maxLinksPerNode) {
    throw new FormatError(
      'limit',
      `${cid} has ${node.Links.length} links, ${limits.maxLinksPerNode} are allowed; raise maxLinksPerNode to read it`,
    )
  }
  const stored = storedOf(unixfs)
  if (unixfs.type === 'file' || unixfs.type === 'raw') return { ...fileNode(cid, node, unixfs), ...stored }
  if (unixfs.type === 'directory') return { kind: 'directory', children: directoryChildren(cid, node.Links), ...stored }
  if (unixfs.type === 'hamt-sharded-directory') return { ...shardNode(cid, node, unixfs), ...stored }
  if (unixfs.type === 'symlink') return { kind: 'symlink', target: targetOf(cid, unixfs), ...stored }
  throw new FormatError('unsupported', `${cid} is UnixFS of type ${unixfs.type}, which is neither file, directory nor symlink`)
}

export function assertCodec(cid: CID): void {
  if (cid.code === RAW || cid.code === DAG_PB) return
  throw new FormatError('unsupported', `${cid} has codec 0x${cid.code.toString(16)}; UnixFS is raw (0x55) and dag-pb (0x70)`)
}

export function malformed(cid: CID, problem: string, cause?: unknown): FormatError {
  return new FormatError('malformed', `${cid} is not well-formed UnixFS: ${problem}`, { cause })
}

function decoded(cid: CID, bytes: Uint8Array): { readonly node: PBNode; readonly unixfs: UnixFS } {
  try {
    const node = decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    if (!node.Data) throw new FormatError('unsupported', `${cid} is dag-pb without UnixFS data; it is neither file nor directory`)
    const unixfs = UnixFS.unmarshal(node.Data)
    if (!hasType(node.Data))
      throw new FormatError('unsupported', `${cid} is dag-pb whose data names no UnixFS type; it is neither file nor directory`)
    return { node, unixfs }
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw malformed(cid, cause instanceof Error ? cause.message : 'it does not decode', cause)
  }
}

function fileNode(cid: CID, { Links }: PBNode, { data, blockSizes }: UnixFS): FileNode {
  if (Links.length !== blockSizes.length) throw malformed(cid, `${Links.length} links and ${blockSizes.length} block sizes`)
  const bytes = data ?? new Uint8Array(0)
  let byteLength = bytes.byteLength
  const children = Links.map(({ Hash }, index) => {
    const size = Number(blockSizes[index])
    byteLength += size
    return { cid: Hash, byteLength: size }
  })
  if (!Number.isSafeInteger(byteLength)) throw malformed(cid, 'its block sizes add up to more than any file')
  return { kind: 'file', bytes, children, byteLength }
}

function directoryChildren(cid: CID, links: readonly PBLink[]): readonly Child[] {
  const names = new Set<string>()
  return links.map((link) => {
    const child = childOf(cid, link, link.Name ?? '')
    if (names.has(child.name)) throw malformed(cid, `the name ${JSON.stringify(child.name)} is there twice`)
    names.add(child.name)
    return child
  })
}

function shardNode(cid: CID, { Links }: PBNode, { fanout }: UnixFS): ShardNode {
  const width = Number(fanout ?? 0)
  if (!Number.isInteger(Math.log2(width)) || width < 8 || width > 1024) throw malformed(cid, `a HAMT of fanout ${width}`)
  const digits = (width - 1).toString(16).length
  const slots = new Map<number, Child>()
  for (const link of Links) {
    const label = link.Name ?? ''
    const prefix = label.slice(0, digits)
    const slot = /^[0-9A-F]+$/.test(prefix) && prefix.length === digits ? Number.parseInt(prefix, 16) : width
    if (slot >= width) throw malformed(cid, `the HAMT link ${JSON.stringify(label)} names no slot`)
    if (slots.has(slot)) throw malformed(cid, `the HAMT slot ${prefix} is there twice`)
    const name = label.slice(digits)
    slots.set(slot, name === '' ? { name, cid: link.Hash, dagBytes: link.Tsize } : childOf(cid, link, name))
  }
  return { kind: 'shard', fanout: width, slots }
}

function childOf(cid: CID, link: PBLink, name: string): Child {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw malformed(cid, `an entry is named ${JSON.stringify(name)}, which could lead out of its directory`)
  }
  return { name, cid: link.Hash, dagBytes: link.Tsize }
}

function targetOf(cid: CID, { data }: UnixFS): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch (cause) {
    throw malformed(cid, 'its link target is not UTF-8', cause)
  }
}

/** A mode left out reads as the default, so the default is told as left out. */
function storedOf(unixfs: UnixFS): Stored {
  const { mode, mtime } = unixfs
  const written = mode !== undefined && mode !== (unixfs.isDirectory() ? 0o755 : 0o644)
  return { ...(written ? { mode } : {}), ...(mtime ? { mtime: { secs: mtime.secs, nsecs: mtime.nsecs ?? 0 } } : {}) }
}
