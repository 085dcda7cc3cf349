/** The tree of the log as the catalog keeps it, and what a signed checkpoint says of it. */
import type { Catalog, CheckedCheckpoint } from '../contracts.ts'
import { CatalogError, FormatError } from '../errors.ts'
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../format/checkpoint.ts'
import { complete, rootOf } from '../format/merkle.ts'
import type { Context } from './context.ts'

/** The right edge of the tree of that size, which must not be larger than the log. */
export async function edgeOf(catalog: Catalog, size: number): Promise<readonly Uint8Array[]> {
  const edge: Uint8Array[] = []
  for (const [level, position] of complete(0, size)) {
    const [node] = await catalog.logNodes(level, position, 1)
    if (!node)
      throw new CatalogError(
        'corrupt',
        `the catalog has lost nodes of its log (level ${level}, ${position}); rebuild it with \`perdure recover\``,
      )
    edge.push(node.hash)
  }
  return edge
}

/** The signed state of the log at that size; default now. */
export async function checkpointOf(
  context: Pick<Context, 'catalog' | 'key'>,
  size?: number,
): Promise<{ readonly size: number; readonly root: Uint8Array; readonly note: string }> {
  const own = size ?? (await context.catalog.logSize())
  const root = rootOf(await edgeOf(context.catalog, own))
  return { size: own, root, note: await signCheckpoint({ size: own, root }, context.key) }
}

type Judge = Pick<Context, 'catalog'> & { readonly publicKey: Uint8Array }

/** What a checkpoint says of the log in the catalog. Writes nothing, and throws only for the catalog. */
export async function judgeCheckpoint({ catalog, publicKey }: Judge, note: string): Promise<CheckedCheckpoint> {
  let theirs: Checkpoint
  try {
    theirs = await openCheckpoint(note, publicKey)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { verdict: 'foreign', detail: error.message, checkpoint: note }
  }
  const { size, root } = theirs
  const ours = await catalog.logSize()
  if (size > ours) {
    const detail = `the archive has signed a log of ${size} entries, and the catalog holds ${ours}: it is an older one`
    return { verdict: 'rolled-back', size, detail, checkpoint: note }
  }
  if (Buffer.compare(rootOf(await edgeOf(catalog, size)), root) === 0) return { verdict: 'consistent', size, checkpoint: note }
  const detail = `the archive has signed another log of ${size} entries than the one that the catalog holds`
  return { verdict: 'forked', size, detail, checkpoint: note }
}
