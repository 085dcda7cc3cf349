/** How far each rotation has come. */
import type { Catalog, RotationRow } from '../contracts.ts'
import { plain } from './rows.ts'
import type { Database, Session } from './schema.ts'

export function rotations(db: Database): Pick<Catalog, 'rotationsOf' | 'structureOf' | 'saveStructure'> {
  return {
    rotationsOf: async (object, vault) => {
      const rows = await db.selectFrom('rotations').selectAll().where('object', '=', object).where('vault', '=', vault).execute()
      return rows.map((row) => ({
        pack: Number(row.pack),
        vault: row.vault,
        object: Number(row.object),
        seed: plain(row.seed),
        cursor: Number(row.cursor),
        round: Number(row.round),
      }))
    },

    structureOf: async (vault) => {
      const row = await db.selectFrom('structure_rounds').selectAll().where('vault', '=', vault).executeTakeFirst()
      if (row === undefined) return undefined
      return {
        vault,
        begunAt: Number(row.begun_at),
        pack: Number(row.pack),
        packs: Number(row.packs),
        ...(row.ended_at === null ? {} : { endedAt: Number(row.ended_at) }),
      }
    },

    saveStructure: async ({ vault, begunAt, pack, packs, endedAt }) => {
      const found = { begun_at: begunAt, pack, packs, ended_at: endedAt ?? null }
      await db
        .insertInto('structure_rounds')
        .values({ vault, ...found })
        .onConflict((conflict) => conflict.column('vault').doUpdateSet(found))
        .execute()
    },
  }
}

/** Moves a rotation on. Of two runs that read the same blocks at once, the one that is behind changes nothing. */
export async function moveOn(session: Session, { pack, vault, object, seed, cursor, round }: RotationRow): Promise<void> {
  const stored = await session
    .selectFrom('rotations')
    .select(['cursor', 'round'])
    .where('pack', '=', pack)
    .where('vault', '=', vault)
    .where('object', '=', object)
    .executeTakeFirst()
  if (stored && (Number(stored.round) > round || (Number(stored.round) === round && Number(stored.cursor) >= cursor))) return
  await session
    .insertInto('rotations')
    .values({ pack, vault, object, seed, cursor, round })
    .onConflict((conflict) => conflict.columns(['pack', 'vault', 'object']).doUpdateSet({ seed, cursor, round }))
    .execute()
}
