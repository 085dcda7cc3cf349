/** Where the blocks of a pack lie. A pack never changes, so the last few are kept at hand. */
import type { PackId, PackRow, Span } from '../contracts.ts'
import type { Context } from './context.ts'
import { readSpans } from './spool.ts'

const KEPT_PACKS = 4

const kept = new WeakMap<Context, Map<PackId, Promise<readonly Span[]>>>()

/** Every span of a pack, in order. Throws `conflict` when the pack was pruned meanwhile. */
export function spansOf(context: Context, row: PackRow): Promise<readonly Span[]> {
  const cache = kept.get(context) ?? new Map<PackId, Promise<readonly Span[]>>()
  kept.set(context, cache)
  const spans = cache.get(row.id) ?? readSpans(context.catalog, row)
  cache.delete(row.id)
  cache.set(row.id, spans)
  spans.catch(() => cache.delete(row.id))
  for (const oldest of cache.keys()) {
    if (cache.size <= KEPT_PACKS) break
    cache.delete(oldest)
  }
  return spans
}
