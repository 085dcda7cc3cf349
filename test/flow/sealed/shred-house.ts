/** What tests of shredding look at: the packs of headers, and the blocks that vaults hold. */

import { join } from 'node:path'
import { CarReader } from '@ipld/car'
import { openCatalog } from '../../../src/catalog/open.ts'
import { toCID } from '../../../src/format/address.ts'
import { type Fleet, fleet, type Member } from '../house.ts'
import { alice } from './keys.ts'

/** A fleet that seals for alice and can open what it sealed. */
export function keyedFleet<const Id extends string>(ids: readonly Id[], config: Parameters<typeof fleet<Id>>[1] = {}): Promise<Fleet<Id>> {
  return fleet(ids, { recipients: [alice.recipient], identities: [alice.identity], ...config })
}

/** Names of an object's packs, those of its headers or those of its content. */
export async function packsOf(house: { readonly folder: string }, root: string, erasable: boolean): Promise<readonly string[]> {
  const catalog = await openCatalog({ path: join(house.folder, 'archive', 'catalog.sqlite') })
  try {
    const object = await catalog.object(toCID(root))
    const packs = object ? await catalog.packsOf(object.id) : []
    return packs.filter((pack) => pack.erasable === erasable).map(({ name }) => name.toString())
  } finally {
    await catalog.close()
  }
}

export const headerPacks = (house: { readonly folder: string }, root: string) => packsOf(house, root, true)

/** Every block of the named content packs, or of all index packs, that a member holds. */
export async function blocksIn(member: Member, which: readonly string[] | 'index'): Promise<readonly Buffer[]> {
  const blocks: Buffer[] = []
  for (const [at, bytes] of member.store) {
    if (which === 'index' ? !at.startsWith('index/') : !which.some((name) => at === `content/${name}`)) continue
    for await (const block of (await CarReader.fromBytes(bytes)).blocks()) blocks.push(Buffer.from(block.bytes))
  }
  return blocks
}
