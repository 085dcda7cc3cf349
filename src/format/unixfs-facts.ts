/** What a node of a DAG amounts to, given what its parts amount to. */
import type { CID } from 'multiformats/cid'
import { FormatError } from '../errors.ts'
import { RAW } from './address.ts'
import { type Limits, malformed, type UnixFSNode } from './unixfs-node.ts'

/** Of a node with all that lies below it. */
export interface Facts {
  readonly kind: UnixFSNode['kind']
  readonly byteLength: number
  /** Levels below it within its file or sharded directory. */
  readonly levels: number
  /** Directories within each other below it. */
  readonly depth: number
  /** Entries below it, counted once per link. */
  readonly entries: number
}

interface Place {
  /** Directories above it. */
  readonly depth: number
  /** Levels above it within its file or sharded directory. */
  readonly level: number
}

/** What a block is to the one that links to it. */
export type Role = Place &
  (
    | { readonly as: 'root' }
    /** Part of a file; so many bytes of it, its parent says. */
    | { readonly as: 'part'; readonly byteLength: number }
    | { readonly as: 'entry'; readonly name: string; readonly dagBytes: number | undefined }
    /** A further node of a sharded directory: its fanout, and the slots on the way. */
    | { readonly as: 'shard'; readonly fanout: number; readonly way: readonly number[] }
  )

/** Of the node alone, before any of its parts. Throws `malformed` where it cannot be what it is linked as. */
export function factsOf(cid: CID, node: UnixFSNode, role: Role, limits: Limits): Facts {
  if (role.as === 'shard') {
    if (node.kind !== 'shard' || node.fanout !== role.fanout)
      throw malformed(cid, 'a sharded directory goes on in a node that is no shard of the same fanout')
    if (node.slots.size === 0) throw malformed(cid, 'a sharded directory goes on in a node without entries')
  }
  const own = { kind: node.kind, levels: 0, depth: 0, entries: 0 }
  if (node.kind !== 'file') return { ...own, byteLength: 0 }
  if (node.byteLength > limits.maxBytes) throw tooMuch(cid, 'bytes')
  return { ...own, byteLength: node.byteLength }
}

/** With one more part. Throws `malformed` for a part that is not what its parent says, `limit` for more than is read. */
export function settled(
  facts: Facts,
  part: Facts,
  { cid, role }: { readonly cid: CID; readonly role: Role },
  parent: CID,
  limits: Limits,
): Facts {
  if (role.as === 'part') {
    if (part.kind !== 'file') throw malformed(parent, `${cid} is linked as a part of a file and is a ${part.kind}`)
    if (part.byteLength !== role.byteLength)
      throw malformed(cid, `it has ${part.byteLength} bytes where its parent ${parent} says ${role.byteLength}`)
    const levels = Math.max(facts.levels, part.levels + 1)
    if (levels > limits.maxDepth)
      throw new FormatError('limit', `the file at ${parent} is more than ${limits.maxDepth} levels deep; no more are read`)
    return { ...facts, levels }
  }
  if (role.as === 'entry' && cid.code === RAW && role.dagBytes !== undefined && role.dagBytes !== part.byteLength)
    throw malformed(parent, `the entry ${JSON.stringify(role.name)} has ${part.byteLength} bytes where the directory says ${role.dagBytes}`)
  const further = role.as === 'shard'
  const sum = {
    ...facts,
    byteLength: facts.byteLength + part.byteLength,
    entries: facts.entries + part.entries + (further ? 0 : 1),
    depth: Math.max(facts.depth, part.depth + (further ? 0 : 1)),
    levels: further ? Math.max(facts.levels, part.levels + 1) : facts.levels,
  }
  if (sum.byteLength > limits.maxBytes) throw tooMuch(parent, 'bytes')
  if (sum.entries > limits.maxEntries) throw tooMuch(parent, 'entries')
  if (sum.depth > limits.maxPathDepth || sum.levels > limits.maxDepth) throw tooMuch(parent, 'levels')
  return sum
}

const tooMuch = (cid: CID, what: string) => new FormatError('limit', `the tree at ${cid} has more ${what} than are read; take a part of it`)
