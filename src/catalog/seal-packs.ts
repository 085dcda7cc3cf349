/** Staged packs become sealed ones. */
import type { SealedPack } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import type { Session } from './schema.ts'

/**
 * Names the packs. When another put has sealed a pack of the same name first, the staged one is folded into it: same name, same bytes. Resolves to the
 * id each pack is known by from now on.
 */
export async function sealPacks(session: Session, owner: string, packs: readonly SealedPack[]): Promise<Map<number, number>> {
  const known = new Map<number, number>()
  for (const pack of packs) known.set(pack.id, await sealPack(session, owner, pack))
  return known
}

async function sealPack(session: Session, owner: string, { id, name, root, toc }: SealedPack): Promise<number> {
  const staged = await session.selectFrom('packs').select(['owner', 'visibility', 'kind']).where('id', '=', id).executeTakeFirst()
  if (staged?.owner !== owner) throw new CatalogError('conflict', `pack ${id} is not staged by this put any more; put again`)
  const twin = await session.selectFrom('packs').select(['id', 'visibility', 'kind']).where('name', '=', name.bytes).executeTakeFirst()
  if (twin === undefined) {
    await session.updateTable('packs').set({ name: name.bytes, root: root.bytes, owner: null, spooled: 1 }).where('id', '=', id).execute()
    await session.insertInto('tocs').values({ pack: id, toc }).execute()
    return id
  }
  if (twin.visibility !== staged.visibility || twin.kind !== staged.kind)
    throw new CatalogError(
      'conflict',
      `pack ${name} exists already as ${twin.visibility} ${twin.kind}; remove what it holds before it is put again`,
    )
  await session.deleteFrom('packs').where('id', '=', id).execute()
  await session.updateTable('packs').set({ spooled: 1 }).where('id', '=', twin.id).execute()
  return Number(twin.id)
}
