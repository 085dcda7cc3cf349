/**
 * What a vault has read of its data sets before: pieces are numbered as they are added, so that only those that came since are read again. It says where
 * to look, and the chain whether it is there.
 */
import type { AbortOptions } from '../../contracts.ts'
import { type PackThere, packIn } from './metadata.ts'
import type { ChainReader, Placed } from './port.ts'

export interface KnownPack extends PackThere, Placed {}

interface KnownSet {
  /** The highest piece that was read. */
  last: Placed | undefined
  /** The newest of each name. */
  readonly packs: Map<string, KnownPack>
}

/** By data set. */
export type KnownPacks = Map<bigint, KnownSet>

type Reader = Pick<ChainReader, 'pieces' | 'metadataOf'>

/** Pieces whose metadata are asked for at once. */
const AT_ONCE = 100

/** Of one data set, by name; what was removed since may be among them. */
export async function packsNow(
  reader: Reader,
  dataSetId: bigint,
  known: KnownPacks,
  { signal }: AbortOptions = {},
): Promise<ReadonlyMap<string, KnownPack>> {
  const before = known.get(dataSetId)
  const set: KnownSet = before ?? { last: undefined, packs: new Map() }
  let isFirst = true
  for await (const pieces of groupsOf(reader.pieces(dataSetId, { from: before?.last?.pieceId, signal }))) {
    const [first] = pieces
    // Numbers are given anew after a reorganisation: what was read before is not believed then.
    if (isFirst && before?.last && !(first?.pieceId === before.last.pieceId && first.cid.equals(before.last.cid))) break
    isFirst = false
    for (const pack of await named(reader, dataSetId, pieces, { signal })) set.packs.set(`${pack.name}`, pack)
    set.last = pieces.at(-1) ?? set.last
  }
  if (isFirst && before?.last) {
    known.delete(dataSetId)
    return packsNow(reader, dataSetId, known, { signal })
  }
  known.set(dataSetId, set)
  return set.packs
}

/** Those pieces that say which pack they are. */
export async function named(
  reader: Pick<ChainReader, 'metadataOf'>,
  dataSetId: bigint,
  pieces: readonly Placed[],
  { signal }: AbortOptions,
): Promise<readonly KnownPack[]> {
  const pieceIds = pieces.map(({ pieceId }) => pieceId)
  const metadata = await reader.metadataOf(dataSetId, pieceIds, { signal })
  return pieces.flatMap((piece) => {
    const pack = packIn(metadata.get(piece.pieceId) ?? {}, piece.cid)
    return pack ? [{ ...piece, ...pack }] : []
  })
}

export async function* groupsOf(pieces: AsyncIterable<Placed>): AsyncGenerator<readonly Placed[]> {
  let group: Placed[] = []
  for await (const piece of pieces) {
    group.push(piece)
    if (group.length < AT_ONCE) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
