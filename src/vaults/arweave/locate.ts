/** Finding packs of ours again, one or all, with nothing but the wallet. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Listed, Locator, PackKind } from '../../contracts.ts'
import { insideOf, itemIn } from './bundle/inside-of.ts'
import type { VerifiedItem } from './bundle/item.ts'
import { headerOf, hitsFor, type OfOurs, ofOurs, transactionsAmong } from './find.ts'
import { type AtItem, type AtTransaction, locatorOf } from './locator.ts'
import type { Settings } from './options.ts'
import { packIn, type Tag } from './tagged.ts'
import type { VerifiedTransaction } from './transaction.ts'
import { weaveOf } from './weave.ts'

/** A transaction whose last chunk nobody has was never seeded to its end: put goes on with it, for nothing. */
export async function locate(
  settings: Settings,
  name: CID,
  { kind, signal }: AbortOptions & { readonly kind?: PackKind | undefined } = {},
): Promise<Locator | undefined> {
  const isIt = (tags: readonly Tag[]) => {
    const pack = packIn(tags)
    return pack?.name.equals(name) === true && (kind === undefined || pack.kind === kind)
  }
  const hits = await hitsFor(settings, name, { signal })
  for (const found of await transactionsAmong(settings, name, hits, { signal })) {
    if (found.state !== 'mined' || !isIt(found.transaction.tags)) continue
    const at = placeOf(found.transaction)
    if ((await weaveOf(settings.network, at).chunkAt(at.byteLength - 1, { signal })) !== 'absent') return locatorOf(at)
  }
  for (const hit of hits) {
    const item = hit.bundle === undefined ? undefined : await ownItem(settings, hit, { signal })
    if (item && isIt(item.tags)) return locatorOf(itemAt(item))
  }
  return undefined
}

/** An item in a bundle that is in the chain, read whole; undefined where it cannot be shown to be ours. */
async function ownItem(settings: Settings, hit: OfOurs, { signal }: AbortOptions): Promise<VerifiedItem | undefined> {
  const inside = await insideOf(settings, hit, { signal })
  const item = inside && (await itemIn(settings, hit, inside, { signal }))
  return item?.address === (await settings.wallet()).address ? item : undefined
}

const itemAt = ({ id, data }: VerifiedItem): AtItem => ({ kind: 'item', id, byteLength: data.byteLength, deadline: 0 })

export const placeOf = ({ id, dataRoot, byteLength }: VerifiedTransaction): AtTransaction => ({
  kind: 'tx',
  id,
  dataRoot,
  byteLength,
})

/** Every hit is believed only as far as its signature goes; of several for one pack all are listed. */
export async function* list(
  settings: Settings,
  { kind, signal }: AbortOptions & { readonly kind?: PackKind | undefined } = {},
): AsyncGenerator<Listed> {
  const { address } = await settings.wallet()
  for await (const { id, bundle } of ofOurs(settings, { kind, signal })) {
    if (bundle !== undefined) {
      const item = await ownItem(settings, { id, bundle }, { signal })
      const named = item && packIn(item.tags)
      if (item && named && (kind === undefined || named.kind === kind))
        yield { ...named, at: locatorOf(itemAt(item)), byteLength: item.data.byteLength }
      continue
    }
    const transaction = await headerOf(settings.network, id, { signal })
    const pack = transaction?.address === address ? packIn(transaction.tags) : undefined
    if (!transaction || !pack || (kind !== undefined && pack.kind !== kind)) continue
    yield { ...pack, at: locatorOf(placeOf(transaction)), byteLength: transaction.byteLength }
  }
}
