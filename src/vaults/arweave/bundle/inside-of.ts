/** An item where it really is: in a bundle that is in the chain, its bytes led back to the data root that the bundler signed, its signature ours. */
import type { AbortOptions, Challenge } from '../../../contracts.ts'
import { FormatError, VaultError } from '../../../errors.ts'
import { bundlesOf, headerOf, type OfOurs } from '../find.ts'
import { type Inclusion, inclusionOf } from '../inclusion.ts'
import type { AtItem } from '../locator.ts'
import type { Settings } from '../options.ts'
import { packIn } from '../tagged.ts'
import { type Weave, weaveOf } from '../weave.ts'
import { findInBundle } from './inside.ts'
import { type VerifiedItem, verifiedItem } from './item.ts'

/** Data, and what an item has around it: signature, owner, tags. */
const MOST_ITEM_BYTES = 64 * 1024 * 1024 + 16 * 1024

export interface Inside {
  readonly bundle: string
  readonly inclusion: Inclusion
  readonly weave: Weave
  /** Of the whole item within the bundle. */
  readonly offset: number
  readonly length: number
}

/** Undefined where no index names a bundle that has it, or the one they name is not mined. Throws VaultError where that cannot be told now, or what the bundle says of itself is wrong. */
export async function insideOf(
  { network, id: vault }: Settings,
  at: Pick<AtItem, 'id'> & Partial<Pick<OfOurs, 'bundle'>>,
  { signal }: AbortOptions = {},
): Promise<Inside | undefined> {
  let trouble: VaultError | undefined
  for (const bundle of at.bundle === undefined ? await bundlesOf(network, at.id, { signal }) : [at.bundle]) {
    try {
      const inclusion = await inclusionOf(network, bundle, { signal })
      if (inclusion.state === 'absent' || inclusion.state === 'pending') continue
      const header = await headerOf(network, bundle, { signal })
      if (!header) throw new VaultError('unreachable', vault, `no gateway shows the header of bundle ${bundle}; ask again later`)
      const { dataRoot, byteLength } = header
      const weave = weaveOf(network, { kind: 'tx', id: bundle, dataRoot, byteLength })
      const found = await findInBundle((offset, length) => bytesAt(weave, vault, { offset, length }, { signal }), byteLength, at.id)
      if (found) return { bundle, inclusion, weave, ...found }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof FormatError) trouble ??= new VaultError('damaged', vault, `${bundle}: ${error.message}`, { cause: error })
      else if (error instanceof VaultError) trouble ??= error
      else throw error
    }
  }
  if (trouble) throw trouble
  return undefined
}

/** Exactly these bytes of a bundle, each chunk proven. Throws `absent` where nobody has one of them. */
export async function bytesAt(
  weave: Weave,
  vault: string,
  { offset, length }: { readonly offset: number; readonly length: number },
  { signal }: AbortOptions = {},
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length)
  for (let filled = 0; filled < length; ) {
    const chunk = await weave.chunkAt(offset + filled, { signal })
    if (chunk === 'absent') throw new VaultError('absent', vault, 'the gateways do not have all of the bundle; ask others, or put again')
    const part = chunk.bytes.subarray(offset + filled - chunk.start)
    bytes.set(part.subarray(0, length - filled), filled)
    filled += part.byteLength
  }
  return bytes
}

/** The item itself, all of it read and its signature verified; undefined where what lies there is none, or is not that one. */
export async function itemIn(
  { id: vault }: Settings,
  at: Pick<AtItem, 'id'>,
  { offset, length, weave }: Inside,
  options: AbortOptions = {},
): Promise<VerifiedItem | undefined> {
  if (length > MOST_ITEM_BYTES) return undefined
  const item = await verifiedItem(await bytesAt(weave, vault, { offset, length }, options))
  return item?.id === at.id ? item : undefined
}

/** Why an item is not the one that was signed for the pack; undefined where it is. */
export async function wrongWith(
  { wallet }: Settings,
  at: AtItem,
  { item, name }: { readonly item: VerifiedItem | undefined; readonly name: Challenge['name'] },
): Promise<string | undefined> {
  if (!item) return 'it is no item with that signature'
  if (item.data.byteLength !== at.byteLength) return 'it has another length'
  if (item.address !== (await wallet()).address) return 'its owner is another wallet'
  return packIn(item.tags)?.name.equals(name) === true ? undefined : 'it was signed for another pack'
}
