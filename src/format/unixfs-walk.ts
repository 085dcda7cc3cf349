/** Stored trees, listed and looked up. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../contracts/options.ts'
import type { TreeEntry } from '../contracts/putting.ts'
import { FormatError } from '../errors.ts'
import { inlined, RAW } from './address.ts'
import { type Coming, READ_AHEAD, walk } from './unixfs-fetch.ts'
import { slotsOf } from './unixfs-hamt.ts'
import {
  assertCodec,
  type Child,
  decodeUnixFS,
  type ExportLimits,
  type GetBlock,
  type Limits,
  limitsOf,
  malformed,
  type ShardNode,
  type UnixFSNode,
} from './unixfs-node.ts'

export interface WalkTreeOptions extends AbortOptions {
  /** Starts there; entries keep their path relative to the root. */
  readonly path?: string | undefined
  readonly limits?: ExportLimits | undefined
  /** Blocks requested at the same time, default 32. */
  readonly readAhead?: number | undefined
}

export type ResolveOptions = AbortOptions & { readonly limits?: ExportLimits | undefined }

/** What is at the end of a link. */
interface Step {
  readonly path: string
  /** Directories above it. */
  readonly depth: number
  /** It is a further node of the sharded directory `path`: that one's fanout, and the slots on the way. */
  readonly shard?: { readonly fanout: number; readonly way: readonly number[] }
  /** A raw leaf whose length the directory tells: listed without being fetched. */
  readonly leafBytes?: number | undefined
}

/**
 * Lists a tree: the object itself first (its path is empty), parents before children, entries of a flat directory as they are stored, of a sharded
 * one by hash. A file that is one raw block is not fetched: its length is what the directory says. Throws FormatError `malformed`, `limit`,
 * `unsupported`, `no-such-path` or `not-a-directory`, and whatever `get` throws.
 */
export async function* walkTree(root: CID, get: GetBlock, options: WalkTreeOptions = {}): AsyncGenerator<TreeEntry> {
  const { path = '', signal, readAhead = READ_AHEAD } = options
  const limits = limitsOf(options.limits)
  const top = await locate(root, path, get, { signal, limits })
  const blocks = walk<Step>(get, { readAhead: Math.max(1, readAhead), signal })
  const counted = countedBy(limits)
  try {
    assertCodec(top.cid)
    blocks.push([{ cid: top.cid, step: { path: top.path, depth: top.depth } }])
    for (let block = await blocks.next(); block; block = await blocks.next()) {
      const { cid, step } = block
      if (step.leafBytes !== undefined) {
        yield counted({ path: step.path, kind: 'file', cid, byteLength: step.leafBytes })
        continue
      }
      const node = decodeUnixFS(cid, block.bytes, limits)
      if (step.shard) assertShard(cid, node, step.shard.fanout)
      else yield counted(entryOf(step.path, cid, node))
      if (node.kind === 'directory') blocks.push(node.children.map((child) => below(cid, child, step, limits)))
      if (node.kind === 'shard') blocks.push(await shardSteps(cid, node, step, limits))
    }
  } finally {
    blocks.stop()
  }
}

/** What lies at a path inside an object; of a sharded directory only the nodes on the way are fetched. Symlinks on the way are not followed. */
export async function resolvePath(root: CID, path: string, get: GetBlock, options: ResolveOptions = {}): Promise<TreeEntry> {
  const { signal } = options
  const limits = limitsOf(options.limits)
  const found = await locate(root, path, get, { signal, limits })
  return entryOf(found.path, found.cid, await load(found.cid, get, { signal, limits }))
}

interface LookupOptions extends AbortOptions {
  readonly limits: Limits
}

interface Located {
  readonly cid: CID
  readonly path: string
  readonly depth: number
}

async function locate(root: CID, path: string, get: GetBlock, options: LookupOptions): Promise<Located> {
  const segments = path.split('/').filter((segment) => segment !== '')
  assertPathDepth(segments.length, options.limits)
  let cid = root
  for (const [index, name] of segments.entries()) {
    const node = await load(cid, get, options)
    const at = segments.slice(0, index).join('/')
    if (node.kind === 'file' || node.kind === 'symlink') {
      throw new FormatError('not-a-directory', `${at === '' ? root : JSON.stringify(at)} is a ${node.kind}; nothing lies below it`)
    }
    const child =
      node.kind === 'directory' ? node.children.find((each) => each.name === name) : await inShards(cid, node, name, get, options)
    if (!child)
      throw new FormatError(
        'no-such-path',
        `${root} has no ${JSON.stringify(segments.slice(0, index + 1).join('/'))}; list it to see what it has`,
      )
    cid = child.cid
  }
  return { cid, path: segments.join('/'), depth: segments.length }
}

async function inShards(cid: CID, top: ShardNode, name: string, get: GetBlock, options: LookupOptions): Promise<Child | undefined> {
  const { fanout } = top
  const way = await slotsOf(name, options.limits.maxDepth + 1, fanout)
  let node = top
  for (const slot of way) {
    const child = node.slots.get(slot)
    if (child?.name !== '') return child?.name === name ? child : undefined
    node = assertShard(child.cid, await load(child.cid, get, options), fanout)
  }
  throw tooDeep(cid, options.limits)
}

async function load(cid: CID, get: GetBlock, { signal, limits }: LookupOptions): Promise<UnixFSNode> {
  assertCodec(cid)
  return decodeUnixFS(cid, inlined(cid) ?? (await get(cid, { signal })), limits)
}

/** Where a name may lie is fixed by its hash. Holding every entry to it makes a name that appears twice impossible, however large the directory. */
async function shardSteps(cid: CID, node: ShardNode, step: Step, limits: Limits): Promise<Coming<Step>[]> {
  const way = step.shard?.way ?? []
  if (way.length > limits.maxDepth) throw tooDeep(cid, limits)
  const steps: Coming<Step>[] = []
  for (const [slot, child] of node.slots) {
    const here = [...way, slot]
    if (child.name === '') {
      assertCodec(child.cid)
      steps.push({ cid: child.cid, step: { path: step.path, depth: step.depth, shard: { fanout: node.fanout, way: here } } })
      continue
    }
    const right = await slotsOf(child.name, here.length, node.fanout)
    if (right.some((each, level) => each !== here[level]))
      throw malformed(cid, `the entry ${JSON.stringify(child.name)} lies in a slot that is not its own`)
    steps.push(below(cid, child, step, limits))
  }
  return steps
}

function below(parent: CID, { name, cid, dagBytes }: Child, step: Step, limits: Limits): Coming<Step> {
  const depth = step.depth + 1
  assertPathDepth(depth, limits)
  assertCodec(cid)
  const leafBytes = cid.code === RAW ? (inlined(cid)?.byteLength ?? dagBytes) : undefined
  if (leafBytes !== undefined && !Number.isSafeInteger(leafBytes))
    throw malformed(parent, `the entry ${JSON.stringify(name)} has no possible size`)
  return { cid, step: { path: step.path === '' ? name : `${step.path}/${name}`, depth, leafBytes }, bytes: leafBytes === undefined }
}

function entryOf(path: string, cid: CID, node: UnixFSNode): TreeEntry {
  const { mode, mtime } = node
  const stored = { ...(mode === undefined ? {} : { mode }), ...(mtime === undefined ? {} : { mtime }) }
  if (node.kind === 'file') return { path, kind: 'file', cid, byteLength: node.byteLength, ...stored }
  if (node.kind === 'symlink') return { path, kind: 'symlink', cid, byteLength: 0, target: node.target, ...stored }
  return { path, kind: 'directory', cid, byteLength: 0, ...stored }
}

function assertShard(cid: CID, node: UnixFSNode, fanout: number): ShardNode {
  if (node.kind === 'shard' && node.fanout === fanout) return node
  throw malformed(cid, 'a sharded directory goes on in a node that is no shard of the same fanout')
}

function assertPathDepth(depth: number, { maxPathDepth }: Limits): void {
  if (depth > maxPathDepth)
    throw new FormatError('limit', `directories lie more than ${maxPathDepth} deep; raise maxPathDepth to walk them`)
}

const tooDeep = (cid: CID, { maxDepth }: Limits) =>
  new FormatError('limit', `the sharded directory around ${cid} is more than ${maxDepth} levels deep; raise maxDepth to read it`)

function countedBy({ maxEntries, maxBytes }: Limits): (entry: TreeEntry) => TreeEntry {
  let entries = 0
  let bytes = 0
  return (entry) => {
    entries++
    bytes += entry.byteLength
    if (entries > maxEntries)
      throw new FormatError('limit', `the tree has more than ${maxEntries} entries; raise maxEntries or walk a part of it`)
    if (bytes > maxBytes)
      throw new FormatError('limit', `the tree's files have more than ${maxBytes} bytes; raise maxBytes or walk a part of it`)
    return entry
  }
}
