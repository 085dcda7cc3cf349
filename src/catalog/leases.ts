/** Named leases between processes: several may work on one archive, each on its own packs and vaults. */
import { randomUUID } from 'node:crypto'
import type { Catalog, Clock, Lease } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import { isDead, thisProcess } from './process.ts'
import { type Database, write } from './schema.ts'

export function leases(db: Database, clock: Clock): Pick<Catalog, 'acquire'> {
  return {
    acquire: async (key, { ttlMs }) => {
      const token = randomUUID()
      const taken = await write(db, async (session) => {
        const holder = await session.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst()
        if (holder && Number(holder.expires_at) > clock() && !isDead({ ...holder, pid: Number(holder.pid) })) return false
        const row = { token, ...thisProcess(), expires_at: clock() + ttlMs }
        await session
          .insertInto('leases')
          .values({ key, ...row })
          .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
          .execute()
        return true
      })
      return taken ? lease(db, clock, { key, token, ttlMs }) : undefined
    },
  }
}

function lease(db: Database, clock: Clock, { key, token, ttlMs }: { key: string; token: string; ttlMs: number }): Lease {
  return {
    renew: async () => {
      const { numUpdatedRows } = await db
        .updateTable('leases')
        .set({ expires_at: clock() + ttlMs })
        .where('key', '=', key)
        .where('token', '=', token)
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n)
        throw new CatalogError(
          'conflict',
          `the lease ${key} was taken over by another process after it had lapsed; stop this work and start it again`,
        )
    },
    release: async () => {
      await db.deleteFrom('leases').where('key', '=', key).where('token', '=', token).execute()
    },
  }
}
