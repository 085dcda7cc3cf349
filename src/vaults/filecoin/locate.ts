/** Finding packs of ours again, one or all, with nothing but the payer's address. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Listed, Locator, PackKind } from '../../contracts.ts'
import { locatorOf } from './locator.ts'
import { packIn } from './metadata.ts'
import type { DataSet, Placed } from './port.ts'
import { type InChain, ourSets, unscheduled } from './standing.ts'

/** Pieces whose metadata are asked for at once. */
const AT_ONCE = 100

interface LocateOptions extends AbortOptions {
  readonly kind?: PackKind | undefined
}

/** The newest of that name, in data sets that go on before those that end. What cannot be read is thrown, never taken for absence. */
export async function locate(chain: InChain, name: CID, options: LocateOptions = {}): Promise<Locator | undefined> {
  const sets = (await ourSets(chain, options))
    .toReversed()
    .toSorted((one, other) => Number(one.endEpoch > 0n) - Number(other.endEpoch > 0n))
  for (const set of sets) {
    let newest: Locator | undefined
    for await (const listed of packsIn(chain, set, options)) if (listed.name.equals(name)) newest = listed.at
    if (newest !== undefined) return newest
  }
  return undefined
}

/** Every piece that says which pack it is, once each, but for those that are to be removed. */
export async function* list(chain: InChain, options: LocateOptions = {}): AsyncGenerator<Listed> {
  for (const set of await ourSets(chain, options)) yield* packsIn(chain, set, options)
}

async function* packsIn({ reader }: InChain, { id }: DataSet, { kind, signal }: LocateOptions): AsyncGenerator<Listed> {
  for await (const pieces of groupsOf(reader.pieces(id, { signal }))) {
    const pieceIds = pieces.map(({ pieceId }) => pieceId)
    const kept = new Set(await unscheduled(reader, id, pieceIds, { signal }))
    const metadata = await reader.metadataOf(id, pieceIds, { signal })
    for (const { pieceId, cid } of pieces) {
      const pack = packIn(metadata.get(pieceId) ?? {}, cid)
      if (!pack || !kept.has(pieceId) || (kind !== undefined && pack.kind !== kind)) continue
      yield { ...pack, at: locatorOf({ chainId: reader.chainId, dataSetId: id, pieceId, cid, byteLength: pack.byteLength }) }
    }
  }
}

async function* groupsOf(pieces: AsyncIterable<Placed>): AsyncGenerator<readonly Placed[]> {
  let group: Placed[] = []
  for await (const piece of pieces) {
    group.push(piece)
    if (group.length < AT_ONCE) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
