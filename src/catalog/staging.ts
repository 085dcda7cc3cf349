/** Packs on their way in, staged by a running put. */
import type { CompiledQuery } from 'kysely'
import type { Catalog, StagedBlock, StagedPack } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { batchesOf } from './batches.ts'
import { tailOf } from './blocks.ts'
import { type Database, type Session, write } from './schema.ts'

/** Six values a row: few enough rows that the statement stays small, and always the same statement. */
const ROWS_AT_ONCE = 64

export function staging(db: Database): Pick<Catalog, 'stagePack' | 'dropStaged' | 'stagedOwners'> {
  return {
    stagePack: (pack) => stagePack(db, pack),

    dropStaged: async (owner) => {
      const { numDeletedRows } = await db.deleteFrom('packs').where('owner', '=', owner).executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },

    stagedOwners: async () => {
      // Not `is not null`: a comparison is what an index answers.
      const rows = await db.selectFrom('packs').select('owner').distinct().where('owner', '>', '').orderBy('owner').execute()
      return rows.flatMap(({ owner }) => (owner === null ? [] : [owner]))
    },
  }
}

async function stagePack(
  db: Database,
  { owner, kind, visibility, byteLength, blocks, createdAt, erasable = false }: StagedPack,
): Promise<number> {
  if (owner === '') throw new CatalogError('conflict', 'a staged pack needs an owner; pass the token of the put')
  return await write(db, async (session) => {
    const { id } = await session
      .insertInto('packs')
      .values({
        kind,
        visibility,
        owner,
        byte_length: byteLength,
        block_count: blocks.length,
        spooled: 1,
        created_at: createdAt,
        erasable: erasable ? 1 : 0,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await insertBlocks(session, Number(id), blocks)
    return Number(id)
  })
}

/** Compiles the statement once for all full batches: for a pack of 32,768 blocks the builder would cost more than the database. */
export async function insertBlocks(session: Session, pack: number, blocks: readonly StagedBlock[]): Promise<void> {
  let full: CompiledQuery | undefined
  let ordinal = 0
  for (const batch of batchesOf(blocks, ROWS_AT_ONCE)) {
    const rows = batch.map(({ cid, offset, length }) => ({
      pack,
      ordinal: ordinal++,
      tail: tailOf(cid.bytes),
      cid: cid.bytes,
      position: offset,
      length,
    }))
    if (batch.length < ROWS_AT_ONCE) await session.insertInto('blocks').values(rows).execute()
    else {
      full ??= session.insertInto('blocks').values(rows).compile()
      await session.executeQuery({ ...full, parameters: rows.flatMap((row) => Object.values(row)) })
    }
  }
}
