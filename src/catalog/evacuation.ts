/** Vaults that are being left: from the first row on nothing new goes there, and what became of each pack is remembered. */
import { sql } from 'kysely'
import type { Catalog, EvacuationRow, FateRow, PackFate, VaultInventory } from '../contracts.ts'
import { gather, PAGE_LENGTH } from './batches.ts'
import { toEvidence, toObject } from './rows.ts'
import { type Database, read, type Session, write } from './schema.ts'

type Evacuating = Pick<
  Catalog,
  | 'beginEvacuation'
  | 'evacuation'
  | 'evacuations'
  | 'updateEvacuation'
  | 'endEvacuation'
  | 'saveFates'
  | 'fatesOf'
  | 'troublesOf'
  | 'countFates'
  | 'garbageAmong'
  | 'evidenceIn'
  | 'objectsInVault'
  | 'objectSizes'
  | 'inventoryOf'
  | 'saveDrill'
  | 'lastDrill'
>

const SETTLED: readonly PackFate[] = ['safe', 'unneeded']
const PERISHABLE = ['satisfied', 'degraded'] as const

export function evacuating(db: Database): Evacuating {
  return {
    beginEvacuation: ({ vault, at, degrade, before }) =>
      write(db, async (session) => {
        const known = await rowOf(session, vault)
        if (!known)
          await session
            .insertInto('evacuations')
            .values({ vault, state: 'leaving', began_at: at, degrade: degrade ? 1 : 0, before: JSON.stringify(before), published: 0 })
            .execute()
        else if (degrade) await session.updateTable('evacuations').set({ degrade: 1 }).where('vault', '=', vault).execute()
        return known
          ? { ...known, degrade: known.degrade || degrade }
          : { vault, state: 'leaving', began: at, degrade, before, published: 0 }
      }),
    evacuation: (vault) => rowOf(db, vault),
    evacuations: () => db.selectFrom('evacuations').select(['vault', 'state']).orderBy('vault').execute(),
    updateEvacuation: async (vault, change) => {
      await db.updateTable('evacuations').set(change).where('vault', '=', vault).execute()
    },
    endEvacuation: (vault) =>
      write(db, async (session) => {
        for (const table of ['fates', 'evacuations'] as const) await session.deleteFrom(table).where('vault', '=', vault).execute()
      }),

    saveFates: (vault, rows) => write(db, (session) => saveFates(session, vault, rows)),
    fatesOf: async (vault, packs) => {
      const rows = await gather(packs, (ids) =>
        db.selectFrom('fates').selectAll().where('vault', '=', vault).where('pack', 'in', ids).execute(),
      )
      return rows.map(toFate)
    },
    troublesOf: async (vault, { limit }) => {
      const query = db.selectFrom('fates').selectAll().where('vault', '=', vault).where('fate', 'not in', SETTLED)
      return (await query.orderBy('pack').limit(limit).execute()).map(toFate)
    },
    countFates: async (vault) => {
      const rows = await db
        .selectFrom('fates')
        .select(({ fn }) => ['fate', fn.countAll().as('packs')])
        .where('vault', '=', vault)
        .groupBy('fate')
        .execute()
      const counts: Record<PackFate, number> = { safe: 0, unneeded: 0, lost: 0, silent: 0, refused: 0 }
      for (const { fate, packs } of rows) counts[fate] = Number(packs)
      return counts
    },

    garbageAmong: async (packs) => {
      const rows = await gather(packs, (ids) =>
        db.selectFrom('packs').select('id').where('id', 'in', ids).where('garbage', '=', 1).execute(),
      )
      return new Set(rows.map(({ id }) => Number(id)))
    },
    evidenceIn: async (pack) => (await db.selectFrom('evidence').selectAll().where('pack', '=', pack).execute()).map(toEvidence),
    objectsInVault: async (vault, { after = 0, limit = PAGE_LENGTH } = {}) => {
      const rows = await db
        .selectFrom('objects')
        .selectAll()
        .where('id', '>', after)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('extents')
              .innerJoin('replicas', 'replicas.pack', 'extents.pack')
              .select(sql`1`.as('one'))
              .whereRef('extents.object', '=', 'objects.id')
              .where('replicas.vault', '=', vault),
          ),
        )
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toObject)
    },
    objectSizes: async ({ after, limit }) => {
      const rows = await db
        .selectFrom('objects')
        .select(['id', 'byte_length'])
        .where('id', '>', after)
        .where('shredded_at', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({ id: Number(row.id), byteLength: Number(row.byte_length) }))
    },
    inventoryOf: (vault, at) => read(db, (session) => inventory(session, vault, at)),

    saveDrill: async (row) => {
      await db
        .insertInto('drills')
        .values({ id: 1, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute()
    },
    lastDrill: async () => {
      const row = await db.selectFrom('drills').select(['at', 'report']).where('id', '=', 1).executeTakeFirst()
      return row && { at: Number(row.at), report: row.report }
    },
  }
}

async function rowOf(db: Database, vault: string): Promise<EvacuationRow | undefined> {
  const row = await db.selectFrom('evacuations').selectAll().where('vault', '=', vault).executeTakeFirst()
  return (
    row && {
      vault,
      state: row.state,
      began: Number(row.began_at),
      degrade: row.degrade === 1,
      before: JSON.parse(row.before) as VaultInventory,
      published: Number(row.published),
    }
  )
}

async function saveFates(session: Session, vault: string, rows: readonly FateRow[]): Promise<void> {
  for (const { pack, fate, at, detail = null } of rows) {
    // A pack that was pruned meanwhile has no fate.
    if (!(await session.selectFrom('packs').select('id').where('id', '=', pack).executeTakeFirst())) continue
    const found = { fate, at, detail }
    await session
      .insertInto('fates')
      .values({ vault, pack, ...found })
      .onConflict((conflict) => conflict.columns(['vault', 'pack']).doUpdateSet(found))
      .execute()
  }
}

const toFate = ({ pack, fate, at, detail }: { pack: number; fate: PackFate; at: number; detail: string | null }): FateRow => ({
  pack: Number(pack),
  fate,
  at: Number(at),
  ...(detail !== null && { detail }),
})

async function inventory(session: Session, vault: string, at: number): Promise<VaultInventory> {
  const packs = await session
    .selectFrom('replicas')
    .innerJoin('packs', 'packs.id', 'replicas.pack')
    .select(({ fn }) => ['packs.kind', fn.countAll().as('packs'), fn.sum('packs.byte_length').as('bytes')])
    .where('replicas.vault', '=', vault)
    .where('replicas.state', '=', 'placed')
    .groupBy('packs.kind')
    .execute()
  const there = session
    .selectFrom('extents')
    .innerJoin('replicas', 'replicas.pack', 'extents.pack')
    .select('extents.object')
    .where('replicas.vault', '=', vault)
  const states: Record<string, number> = {}
  let objects = 0
  let byteLength = 0
  const judged = await session
    .selectFrom('objects')
    .select(({ fn, eb, and }) => [
      'state',
      eb
        .case()
        .when(and([eb('state', 'in', PERISHABLE), eb('fresh_until', '<=', at)]))
        .then(1)
        .else(0)
        .end()
        .as('lapsed'),
      fn.countAll().as('objects'),
      fn.sum('byte_length').as('bytes'),
    ])
    .where('id', 'in', there)
    .groupBy(['state', 'lapsed'])
    .execute()
  for (const row of judged) {
    const state = Number(row.lapsed) === 1 ? 'unknown' : row.state
    states[state] = (states[state] ?? 0) + Number(row.objects)
    objects += Number(row.objects)
    byteLength += Number(row.bytes)
  }
  const of = (kind: string) => packs.find((row) => row.kind === kind)
  return {
    objects,
    byteLength,
    packs: Number(of('content')?.packs ?? 0),
    indexPacks: Number(of('index')?.packs ?? 0),
    packBytes: packs.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    states,
  }
}
