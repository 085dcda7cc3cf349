/** Finding packs of ours again, one or all, with nothing but the payer's address. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Listed, Locator, PackKind } from '../../contracts.ts'
import { groupsOf, type KnownPack, type KnownPacks, named, packsNow } from './known-packs.ts'
import { locatorOf } from './locator.ts'
import type { ChainReader, DataSet } from './port.ts'
import { type InChain, ourSets, unscheduled } from './standing.ts'
import { status } from './status.ts'

interface LocateOptions extends AbortOptions {
  readonly kind?: PackKind | undefined
}

/** The newest of that name, in data sets that go on before those that end. What cannot be read is thrown, never taken for absence. */
export async function locate(
  chain: InChain & { readonly known: KnownPacks },
  name: CID,
  options: LocateOptions = {},
): Promise<Locator | undefined> {
  const { reader, known } = chain
  const { kind, signal } = options
  const sets = (await ourSets(chain, options))
    .toReversed()
    .toSorted((one, other) => Number(one.endEpoch > 0n) - Number(other.endEpoch > 0n))
  for (const set of sets) {
    const pack = (await packsNow(reader, set.id, known, { signal })).get(name.toString())
    if (!pack || (kind !== undefined && pack.kind !== kind)) continue
    if ((await status(reader, pack, { signal })) !== 'absent') return at(reader, pack)
    // It was removed since, and an older one of that name may be left.
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
    for (const pack of await named(reader, id, pieces, { signal }))
      if (kept.has(pack.pieceId) && (kind === undefined || pack.kind === kind))
        yield { name: pack.name, kind: pack.kind, byteLength: pack.byteLength, at: at(reader, pack) }
  }
}

const at = ({ chainId }: Pick<ChainReader, 'chainId'>, pack: KnownPack): Locator => locatorOf({ chainId, ...pack })
