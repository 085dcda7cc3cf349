/** Where the node takes the blocks it serves from: whoever asks, they are read then, and no copy is kept. */
import { collect } from '../../../bytes/collect.ts'
import type { Dag, Locator, Span, Vault } from '../../../contracts.ts'

/** A DAG is one. Blocks need not be hashed: the node does before it sends one. */
export type BlockSource = Pick<Dag, 'has' | 'block'>

/** The blocks that a replica of any vault holds, by the spans of its pack. */
export function replicaBlocks(vault: Vault, at: Locator, spans: readonly Span[]): BlockSource {
  const places = new Map(spans.map((span) => [span.cid.toString(), span]))
  return {
    has: async (cid) => places.has(cid.toString()),
    block: async (cid, options) => {
      const span = places.get(cid.toString())
      return span && collect(vault.read(at, span, options), span.length)
    },
  }
}
