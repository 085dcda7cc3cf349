/** Which blocks of a pack others hang on: inner nodes, and the first leaves of sealed files. Told from the table of contents alone. */
import type { PackRow, Span } from '../contracts.ts'
import { DAG_PB, RAW } from './address.ts'
import { LEAF_BYTES } from './age-layout.ts'

/** A whole leaf of `unixfs-v0-2015`: 256 KiB in dag-pb, with its wrapping. */
const V0_LEAF_BYTES = 262_158

/**
 * Positions of blocks whose loss takes more than themselves, ascending.
 * dag-pb blocks, but whole leaves of the v0 profile. In sealed packs also headers: the first raw block of the pack or after a dag-pb block, and a short raw
 * block before a whole leaf. A sealed file of one leaf between others is not among them: it is read whenever its object is. All of a pack of headers, and
 * all of an index pack.
 */
export function structuralBlocks(
  spans: readonly Pick<Span, 'cid' | 'length'>[],
  { kind, visibility, erasable }: Pick<PackRow, 'kind' | 'visibility' | 'erasable'>,
): readonly number[] {
  if (kind === 'index' || erasable) return spans.map((_, ordinal) => ordinal)
  return spans.flatMap((span, ordinal) => {
    if (isNode(span)) return [ordinal]
    return visibility === 'sealed' && isHeader(spans, ordinal) ? [ordinal] : []
  })
}

type Block = Pick<Span, 'cid' | 'length'>

const isNode = ({ cid, length }: Block): boolean => cid.code === DAG_PB && length !== V0_LEAF_BYTES

function isHeader(spans: readonly Block[], ordinal: number): boolean {
  const [before, block, next] = [spans[ordinal - 1], spans[ordinal], spans[ordinal + 1]]
  if (!block || block.cid.code !== RAW) return false
  return (
    before === undefined ||
    before.cid.code === DAG_PB ||
    (block.length !== LEAF_BYTES && next?.cid.code === RAW && next.length === LEAF_BYTES)
  )
}
