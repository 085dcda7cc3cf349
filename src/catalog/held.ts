/** How much each vault holds, kept as a sum: whoever places or drops a replica moves it in the same transaction. */
import type { Session } from './schema.ts'

/** Called before the replica's row changes: what it held is taken off, and with `now` put on again. */
export async function moveHeld(session: Session, pack: number, vault: string, now: 'placed' | 'gone'): Promise<void> {
  const replica = await session
    .selectFrom('replicas')
    .select('state')
    .where('pack', '=', pack)
    .where('vault', '=', vault)
    .executeTakeFirst()
  const was = replica?.state === 'placed'
  if (was === (now === 'placed')) return
  const row = await session.selectFrom('packs').select('byte_length').where('id', '=', pack).executeTakeFirst()
  const bytes = Number(row?.byte_length ?? 0) * (was ? -1 : 1)
  await session
    .insertInto('held')
    .values({ vault, byte_length: bytes })
    .onConflict((conflict) => conflict.column('vault').doUpdateSet(({ eb }) => ({ byte_length: eb('held.byte_length', '+', bytes) })))
    .execute()
}
