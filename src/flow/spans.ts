/** Where the blocks of a pack lie. A pack never changes, so the last few are kept at hand. */
import type { PackId, PackRow, Span } from '../contracts.ts'
import type { Context } from './context.ts'
import { readSpans } from './spool.ts'

const KEPT_PACKS = 4
/** More than this of a pack are read from its TOC at once. */
const FEW_BLOCKS = 512

interface Kept {
  readonly whole: Map<PackId, Promise<readonly Span[]>>
  /** Packs of which a few blocks were asked for: whoever asks again gets the whole TOC, since others will, too. */
  readonly asked: Map<PackId, true>
}

const kept = new WeakMap<Context, Kept>()

function keptOf(context: Context): Kept {
  const found = kept.get(context) ?? { whole: new Map(), asked: new Map() }
  kept.set(context, found)
  return found
}

/** Every span of a pack, in order. Throws `conflict` when the pack was pruned meanwhile. */
export function spansOf(context: Context, row: PackRow): Promise<readonly Span[]> {
  const { whole } = keptOf(context)
  const spans = whole.get(row.id) ?? readSpans(context.catalog, row)
  keep(whole, row.id, spans)
  spans.catch(() => whole.delete(row.id))
  return spans
}

/** The spans of some blocks, by their position. Positions that the pack does not have are left out. Throws as `spansOf` does. */
export async function spansAt(context: Context, row: PackRow, ordinals: readonly number[]): Promise<ReadonlyMap<number, Span>> {
  const { whole, asked } = keptOf(context)
  if (ordinals.length <= FEW_BLOCKS && !whole.has(row.id) && !asked.has(row.id) && row.kind === 'content') {
    keep(asked, row.id, true)
    const places = await context.catalog.blocksAt(row.id, ordinals)
    // None at all: pruned, which is for the TOC to say.
    if (places.length > 0) return new Map(places.map(({ ordinal, cid, offset, length }) => [ordinal, { cid, offset, length }]))
  }
  const spans = await spansOf(context, row)
  return new Map(ordinals.flatMap((ordinal) => (spans[ordinal] ? [[ordinal, spans[ordinal]] as const] : [])))
}

function keep<T>(cache: Map<PackId, T>, id: PackId, value: T): void {
  cache.delete(id)
  cache.set(id, value)
  for (const oldest of cache.keys()) {
    if (cache.size <= KEPT_PACKS) break
    cache.delete(oldest)
  }
}
