/** A whole DAG in the order of packs, children before parents, and what its readers will make of it: what they would refuse is refused here. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import { FormatError } from '../errors.ts'
import { inlined, RAW } from './address.ts'
import { type Facts, factsOf, type Role, settled } from './unixfs-facts.ts'
import { slotsOf } from './unixfs-hamt.ts'
import { assertCodec, decodeUnixFS, type Limits, limitsOf, malformed, type UnixFSNode } from './unixfs-node.ts'

/** Nodes on the way down that stay decoded; those above are read again. */
const HELD = 64

export interface DagSource {
  /** The bytes of a dag-pb block, checked against its CID. */
  node(cid: CID): Promise<Uint8Array>
  /** How many bytes a raw block has. */
  leafBytes(cid: CID): Promise<number>
}

export interface WholeDag {
  readonly kind: 'file' | 'directory' | 'symlink'
  /** Content bytes of a file, of all files below a directory. */
  readonly byteLength: number
}

/** A block on the way down. */
interface Frame {
  readonly cid: CID
  readonly role: Role
  /** Its parts, as long as they are held. */
  parts: readonly Part[] | undefined
  next: number
  facts: Facts
}

interface Part {
  readonly cid: CID
  readonly role: Role
}

/**
 * Yields every block once, each after all that it links to, the root last; identity CIDs are read and not yielded. Keeps a stack of its own, and some two
 * hundred bytes for each block. Returns what the root is. Throws FormatError `malformed`, `limit` and `unsupported` for a DAG that could not be read back whole,
 * naming the CID, and whatever the source throws.
 */
export async function* inPackOrder(root: CID, source: DagSource, { signal }: AbortOptions = {}): AsyncGenerator<CID, WholeDag> {
  const limits = limitsOf()
  const known = new Map<string, Facts>()
  const given = new Set<string>()
  const stack: Frame[] = []
  const enter = async (cid: CID, role: Role) => {
    stack.push(await frameOf({ cid, role }, source, limits))
    const above = stack.at(-1 - HELD)
    if (above) above.parts = undefined
  }
  await enter(root, { as: 'root', depth: 0, level: 0 })
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    signal?.throwIfAborted()
    frame.parts ??= (await decoded(frame, source, limits)).parts
    const part = frame.parts[frame.next]
    if (part) {
      const facts = known.get(keyOf(part))
      if (!facts) await enter(part.cid, part.role)
      else {
        frame.next++
        frame.facts = settled(frame.facts, facts, part, frame.cid, limits)
      }
      continue
    }
    stack.pop()
    known.set(keyOf(frame), frame.facts)
    if (inlined(frame.cid)) continue
    // Only a shard may be there in two roles.
    if (frame.facts.kind === 'shard') {
      const key = frame.cid.toString()
      if (given.has(key)) continue
      given.add(key)
    }
    yield frame.cid
  }
  const { kind, byteLength } = known.get(root.toString()) as Facts
  return { kind: kind === 'shard' ? 'directory' : kind, byteLength }
}

/** A shard is looked at again for every place that it is said to have. */
const keyOf = ({ cid, role }: Part): string => (role.as === 'shard' ? `${cid}/${role.way.join('.')}` : cid.toString())

async function frameOf(part: Part, source: DagSource, limits: Limits): Promise<Frame> {
  const { cid, role } = part
  assertCodec(cid)
  if (cid.code === RAW) {
    const byteLength = inlined(cid)?.byteLength ?? (await source.leafBytes(cid))
    return { ...part, parts: [], next: 0, facts: { kind: 'file', byteLength, levels: 0, depth: 0, entries: 0 } }
  }
  const { node, parts } = await decoded(part, source, limits)
  return { ...part, parts, next: 0, facts: factsOf(cid, node, role, limits) }
}

async function decoded({ cid, role }: Part, source: DagSource, limits: Limits) {
  const node = decodeUnixFS(cid, inlined(cid) ?? (await source.node(cid)), limits)
  return { node, parts: await partsOf(cid, node, role, limits) }
}

async function partsOf(cid: CID, node: UnixFSNode, role: Role, limits: Limits): Promise<readonly Part[]> {
  const { depth, level } = role
  if (node.kind === 'symlink') return []
  if (node.kind === 'file') {
    if (node.children.length > 0 && level >= limits.maxDepth) throw tooManyLevels(cid, limits)
    return node.children.map(({ cid, byteLength }) => ({ cid, role: { as: 'part', byteLength, depth, level: level + 1 } }))
  }
  const entry = (name: string, dagBytes: number | undefined): Role => ({ as: 'entry', name, dagBytes, depth: depth + 1, level: 0 })
  if (node.kind === 'directory') {
    if (node.children.length > 0 && depth >= limits.maxPathDepth) throw tooDeep(cid, limits)
    return node.children.map(({ cid, name, dagBytes }) => ({ cid, role: entry(name, dagBytes) }))
  }
  if (level > limits.maxDepth) throw tooManyLevels(cid, limits)
  if (node.slots.size > 0 && depth >= limits.maxPathDepth) throw tooDeep(cid, limits)
  const { fanout } = node
  const way = role.as === 'shard' ? role.way : []
  const parts: Part[] = []
  for (const [slot, child] of node.slots) {
    const here = [...way, slot]
    if (child.name === '') parts.push({ cid: child.cid, role: { as: 'shard', fanout, way: here, depth, level: level + 1 } })
    else {
      const right = await slotsOf(child.name, here.length, fanout)
      if (right.some((each, at) => each !== here[at])) throw malformed(cid, `the entry ${JSON.stringify(child.name)} is in the wrong slot`)
      parts.push({ cid: child.cid, role: entry(child.name, child.dagBytes) })
    }
  }
  return parts
}

const tooManyLevels = (cid: CID, { maxDepth }: Limits) =>
  new FormatError('limit', `${cid} lies ${maxDepth} levels deep in one file or sharded directory and goes on; no more are read`)

const tooDeep = (cid: CID, { maxPathDepth }: Limits) =>
  new FormatError('limit', `${cid} lies ${maxPathDepth} directories deep and goes on; no more are read`)
