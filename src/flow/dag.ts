/**
 * The whole DAG under a pack's root, for networks that keep DAGs and not packs. Blocks come from the spool where the pack still is, else from the best
 * replica, and each is hashed before it goes on.
 */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, BlockPlace, Dag, Pack, PackId, PackRow, Span } from '../contracts.ts'
import { inlined } from '../format/address.ts'
import { carHeader, sectionPrefix } from '../format/pack.ts'
import { type BlockReader, blockReader } from './block-reader.ts'
import { section } from './car-section.ts'
import { type Context, packRow } from './context.ts'
import { type DagPlan, planDag } from './dag-plan.ts'
import { readAhead } from './read-ahead.ts'
import { spansOf } from './spans.ts'

/** A pack as vaults take it. */
export function packFor(context: Context, row: PackRow): Pack {
  const pack = context.spool.pack(row)
  return row.kind === 'content' ? { ...pack, dag: (options) => dagOf(context, row, options) } : pack
}

/** Looks at the catalog and, for entries that were put together, at inner nodes; throws as `Dag` says before a byte is sent. */
export async function dagOf(context: Context, row: PackRow, options: AbortOptions = {}): Promise<Dag> {
  const plan = await planDag(context, row, options)
  const reader = blockReader(context, { visibility: row.visibility })
  const { root } = row
  const top = await placesOf(context, plan, root)
  return {
    root,
    ...(await sized(context, plan, top, options)),
    car: (abort = {}) => carOf(context, plan, reader, abort),
    has: async (cid) => inlined(cid) !== undefined || (await placesOf(context, plan, cid)).length > 0,
    async block(cid, abort = {}) {
      const inline = inlined(cid)
      if (inline) return inline
      const [place] = await placesOf(context, plan, cid)
      return place && reader.fromPack(await packRow(context, place.pack), place, abort)
    },
  }
}

/** A block is served when a pack of the DAG holds it: that one put brought it, or an object of the DAG borrows from there. */
async function placesOf(context: Context, { pack, own, borrowed }: DagPlan, cid: CID): Promise<readonly BlockPlace[]> {
  const places = (await context.catalog.findBlocks([cid], { visibility: pack.visibility })).get(cid.toString()) ?? []
  return places.filter((place) => own.has(place.pack) || borrowed.get(place.pack)?.has(place.ordinal))
}

async function sized(
  context: Context,
  plan: DagPlan,
  top: readonly BlockPlace[],
  { signal }: AbortOptions,
): Promise<Pick<Dag, 'blockCount' | 'byteLength'>> {
  const { root } = plan.pack
  const header = carHeader(root).byteLength
  let blockCount = 0
  let byteLength = header
  for (const id of plan.own) {
    signal?.throwIfAborted()
    const row = await packRow(context, id)
    blockCount += row.blockCount
    byteLength += row.byteLength - header
  }
  for (const [id, marks] of plan.borrowed) {
    signal?.throwIfAborted()
    for (const [ordinal, { cid, length }] of (await spansOf(context, await packRow(context, id))).entries()) {
      if (!marks.has(ordinal)) continue
      blockCount++
      byteLength += sectionLength(cid, length)
    }
  }
  // Wherever the root lies, it is sent once.
  for (const { length } of top.slice(1)) {
    blockCount--
    byteLength -= sectionLength(root, length)
  }
  return { blockCount, byteLength }
}

const sectionLength = (cid: CID, length: number) => sectionPrefix(cid, length).byteLength + length

async function* carOf(context: Context, plan: DagPlan, reader: BlockReader, options: AbortOptions): AsyncGenerator<Uint8Array> {
  const { root } = plan.pack
  yield carHeader(root)
  let top: { readonly row: PackRow; readonly span: Span } | undefined
  for (const id of idsOf(plan)) {
    const row = await packRow(context, id)
    const marks = plan.borrowed.get(id)
    const spans = (await spansOf(context, row)).filter((span, ordinal) => {
      if (marks && !marks.has(ordinal)) return false
      if (!span.cid.equals(root)) return true
      top ??= { row, span }
      return false
    })
    for await (const { span, bytes } of readAhead(reader, row, spans, options)) yield* section(span.cid, bytes)
  }
  if (top) yield* section(root, await reader.fromPack(top.row, top.span, options))
}

/** Oldest first: what is borrowed was there before. */
function idsOf({ own, borrowed }: DagPlan): readonly PackId[] {
  return [...own, ...borrowed.keys()].sort((a, b) => a - b)
}
