/** What audits are planned from, and what they have cost. `auditCounts` is, beside `totals`, the only method that walks whole tables. */
import { type RawBuilder, sql } from 'kysely'
import type { Catalog, VaultVolume } from '../contracts.ts'
import { PACK_COLUMNS, toPack } from './rows.ts'
import { type Database, read, type Session, write } from './schema.ts'

type Sum = number | string | null

export function auditCounting(db: Database): Pick<Catalog, 'auditCounts' | 'replicaCount' | 'newestPack' | 'spend' | 'spendingIn'> {
  return {
    auditCounts: (options) =>
      read(db, async (session) => {
        const volumes: VaultVolume[] = []
        for (const vault of await vaultsOf(session)) volumes.push(await volumeOf(session, vault))
        return { vaults: volumes, contentBlocks: await contentBlocks(session), ...(await objectSums(session, options)) }
      }),

    replicaCount: async (vault) => {
      const query = db.selectFrom('replicas').select(({ fn }) => fn.countAll<number | string>().as('replicas'))
      const row = await query.where('vault', '=', vault).where('state', '=', 'placed').executeTakeFirst()
      return Number(row?.replicas ?? 0)
    },

    newestPack: async (kind) => {
      const query = db.selectFrom('packs').select(PACK_COLUMNS).where('kind', '=', kind).where('name', 'is not', null)
      const row = await query.orderBy('id', 'desc').limit(1).executeTakeFirst()
      return row && toPack(row)
    },

    spend: (rows) =>
      write(db, async (session) => {
        for (const row of rows)
          await session
            .insertInto('audit_spending')
            .values(row)
            .onConflict((conflict) =>
              conflict.columns(['month', 'vault', 'purpose', 'currency']).doUpdateSet(({ eb }) => ({
                bytes: eb('audit_spending.bytes', '+', row.bytes),
                requests: eb('audit_spending.requests', '+', row.requests),
                amount: eb('audit_spending.amount', '+', row.amount),
              })),
            )
            .execute()
      }),

    spendingIn: async (month) => {
      const rows = await db.selectFrom('audit_spending').selectAll().where('month', '=', month).execute()
      return rows.map((row) => ({ ...row, bytes: Number(row.bytes), requests: Number(row.requests), amount: Number(row.amount) }))
    },
  }
}

/** From one name to the next over the index, since there are few vaults and many replicas. */
async function vaultsOf(session: Session): Promise<readonly string[]> {
  const vaults: string[] = []
  for (;;) {
    const query = session.selectFrom('replicas').select('vault').orderBy('vault').limit(1)
    const last = vaults.at(-1)
    const row = await (last === undefined ? query : query.where('vault', '>', last)).executeTakeFirst()
    if (row === undefined) return vaults
    vaults.push(row.vault)
  }
}

async function volumeOf(session: Session, vault: string): Promise<VaultVolume> {
  const of = (kind: 'content' | 'index', amount: 'block_count' | 'byte_length' | 'one'): RawBuilder<Sum> =>
    sql<Sum>`sum(case when packs.kind = ${kind} then ${amount === 'one' ? sql`1` : sql.ref(`packs.${amount}`)} else 0 end)`
  const row = await session
    .selectFrom('replicas')
    .innerJoin('packs', 'packs.id', 'replicas.pack')
    .select([
      of('content', 'one').as('packs'),
      of('content', 'block_count').as('blocks'),
      of('content', 'byte_length').as('bytes'),
      of('index', 'one').as('index_packs'),
      of('index', 'block_count').as('index_blocks'),
      of('index', 'byte_length').as('index_bytes'),
    ])
    .where('replicas.vault', '=', vault)
    .where('replicas.state', '=', 'placed')
    .executeTakeFirst()
  return {
    vault,
    packs: Number(row?.packs ?? 0),
    blocks: Number(row?.blocks ?? 0),
    bytes: Number(row?.bytes ?? 0),
    indexPacks: Number(row?.index_packs ?? 0),
    indexBlocks: Number(row?.index_blocks ?? 0),
    indexBytes: Number(row?.index_bytes ?? 0),
  }
}

async function contentBlocks(session: Session): Promise<number> {
  const row = await session
    .selectFrom('packs')
    .select(({ fn }) => fn.sum<Sum>('block_count').as('blocks'))
    .where('kind', '=', 'content')
    .where('name', 'is not', null)
    .executeTakeFirst()
  return Number(row?.blocks ?? 0)
}

async function objectSums(session: Session, { drawsPerObject, packBytes }: Parameters<Catalog['auditCounts']>[0]) {
  const draws = sql.lit(drawsPerObject)
  // An object of many packs needs a read from each.
  const parts = sql<number>`byte_length / ${sql.lit(packBytes)} + 1`
  const row = await session
    .selectFrom('objects')
    .select(({ fn }) => [
      fn.countAll<number | string>().as('objects'),
      fn.sum<Sum>('block_count').as('blocks'),
      fn.sum<Sum>('byte_length').as('bytes'),
      sql<Sum>`sum(case when block_count <= ${draws} then block_count when ${parts} > ${draws} then ${parts} else ${draws} end)`.as(
        'reads',
      ),
    ])
    .executeTakeFirst()
  return {
    objects: Number(row?.objects ?? 0),
    objectBlocks: Number(row?.blocks ?? 0),
    objectBytes: Number(row?.bytes ?? 0),
    objectReads: Number(row?.reads ?? 0),
  }
}
