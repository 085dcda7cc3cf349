/** Proofs from the nodes that the catalog keeps: a few look-ups each, and for many entries of one batch not many more. */
import type { Catalog, ConsistencyProof, InclusionProof, LogEntry } from '../contracts.ts'
import { FormatError } from '../errors.ts'
import { decodeEntry } from '../format/log-entry.ts'
import { consistencyRanges, inclusionRanges, type LeafRange, nodesOf, rangeHash } from '../format/merkle.ts'
import type { Context } from './context.ts'
import { checkpointOf } from './log-tree.ts'

/** Nodes that are not asked for but lie between two that are: reading them is cheaper than asking twice. */
const GAP = 64
const MOST_NODES = 4_096

/** Proofs that these entries, the first of which is number `first`, are in the log of that size, in order. */
export async function proveBatch(
  context: Pick<Context, 'catalog' | 'key'>,
  first: number,
  entries: readonly LogEntry[],
  size: number,
): Promise<readonly InclusionProof[]> {
  const { note } = await checkpointOf(context, size)
  const paths = entries.map((_, index) => inclusionRanges(first + index, size))
  const hashOf = await hashesOf(context.catalog, paths)
  return entries.map((entry, index) => ({ index: first + index, size, proof: (paths[index] ?? []).map(hashOf), checkpoint: note, entry }))
}

/** Throws `bad-range` when the log of that size has no such entry. */
export async function proveInclusion(context: Context, index: number, size?: number): Promise<InclusionProof> {
  const { whole } = await within(context, size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= whole)
    throw new FormatError('bad-range', `a log of ${whole} entries has no entry ${index}; the first one is 0`)
  const [row] = await context.catalog.logRows({ after: index - 1, limit: 1 })
  if (row?.index !== index) throw new FormatError('bad-range', `the catalog has lost entry ${index}; rebuild it with \`perdure recover\``)
  const [proof] = await proveBatch(context, index, [decodeEntry(row.bytes)], whole)
  return proof as InclusionProof
}

/** Throws `bad-range` for sizes that the log has not had. */
export async function proveConsistency(context: Context, size1: number, size2?: number): Promise<ConsistencyProof> {
  const { whole } = await within(context, size2)
  if (!Number.isSafeInteger(size1) || size1 < 1 || size1 > whole)
    throw new FormatError('bad-range', `a log of ${whole} entries never had ${size1}; nothing can be shown of the empty one`)
  const ranges = consistencyRanges(size1, whole)
  const hashOf = await hashesOf(context.catalog, [ranges])
  return { size1, size2: whole, proof: ranges.map(hashOf), checkpoint: (await checkpointOf(context, whole)).note }
}

async function within({ catalog }: Context, size: number | undefined): Promise<{ readonly whole: number }> {
  const now = await catalog.logSize()
  if (size === undefined) return { whole: now }
  if (Number.isSafeInteger(size) && size >= 0 && size <= now) return { whole: size }
  throw new FormatError('bad-range', `the log has ${now} entries and never had ${size}`)
}

/** Hashes of these ranges in base64; what they have in common is computed once. */
async function hashesOf(catalog: Catalog, paths: readonly (readonly LeafRange[])[]): Promise<(range: LeafRange) => string> {
  const unique = new Map<string, LeafRange>()
  for (const path of paths) for (const range of path) unique.set(keyOf(range), range)
  const nodes = await loadNodes(catalog, nodesOf([...unique.values()]))
  const lookup = (level: number, position: number): Uint8Array => {
    const hash = nodes.get(level)?.get(position)
    if (!hash)
      throw new FormatError('bad-range', `the log lacks node ${position} of level ${level}; rebuild the catalog with \`perdure recover\``)
    return hash
  }
  const texts = new Map([...unique].map(([key, range]) => [key, Buffer.from(rangeHash(range, lookup)).toString('base64')]))
  return (range) => texts.get(keyOf(range)) ?? ''
}

const keyOf = ([start, end]: LeafRange): string => `${start} ${end}`

type Nodes = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>

/** Neighbours are asked for together. */
async function loadNodes(catalog: Catalog, wanted: readonly (readonly [level: number, position: number])[]): Promise<Nodes> {
  const nodes = new Map<number, Map<number, Uint8Array>>()
  for (const [level, of] of Map.groupBy(wanted, ([level]) => level)) {
    const found = new Map<number, Uint8Array>()
    nodes.set(level, found)
    const positions = [...new Set(of.map(([, position]) => position))].sort((a, b) => a - b)
    for (let at = 0; at < positions.length; ) {
      const first = positions[at] ?? 0
      let last = first
      for (; at < positions.length; at++) {
        const next = positions[at] ?? 0
        if (next - last > GAP || next - first >= MOST_NODES) break
        last = next
      }
      for (const { position, hash } of await catalog.logNodes(level, first, last - first + 1)) found.set(position, hash)
    }
  }
  return nodes
}
