/** The archive in a few sums; with `tallies` the only method that walks through whole indexes. */
import type { Catalog, CatalogTotals, ObjectState } from '../contracts.ts'
import { type Database, read } from './schema.ts'

/** States that rest on fresh evidence; without it they are unknown. The others are worse than unknown, or unknown. */
const PERISHABLE: readonly ObjectState[] = ['satisfied', 'degraded']

export function summing(db: Database): Pick<Catalog, 'totals'> {
  return { totals: (at) => read(db, (session) => totals(session, at)) }
}

async function totals(db: Database, at: number): Promise<CatalogTotals> {
  const states = { lost: 0, 'at-risk': 0, damaged: 0, unknown: 0, degraded: 0, satisfied: 0 }
  const byState = await db
    .selectFrom('objects')
    .select(({ fn }) => ['state', fn.countAll().as('objects'), fn.sum('byte_length').as('bytes')])
    .groupBy('state')
    .execute()
  for (const row of byState) states[row.state] += Number(row.objects)
  const lapsed = await db
    .selectFrom('objects')
    .select(({ fn }) => ['state', fn.countAll().as('objects')])
    .where('state', 'in', PERISHABLE)
    .where('fresh_until', '<=', at)
    .groupBy('state')
    .execute()
  for (const row of lapsed) {
    states[row.state] -= Number(row.objects)
    states.unknown += Number(row.objects)
  }
  const packs = await db
    .selectFrom('packs')
    .select(({ fn }) => ['spooled', fn.countAll().as('packs'), fn.sum('byte_length').as('bytes')])
    .where('owner', 'is', null)
    .groupBy('spooled')
    .execute()
  const vaults = await db
    .selectFrom('replica_tallies')
    .select(({ fn }) => ['vault', fn.sum('replicas').as('replicas'), fn.sum('byte_length').as('bytes')])
    .where('state', '=', 'placed')
    .groupBy('vault')
    .orderBy('vault')
    .execute()
  return {
    objects: sum(byState.map(({ objects }) => objects)),
    byteLength: sum(byState.map(({ bytes }) => bytes)),
    packs: sum(packs.map((row) => row.packs)),
    packBytes: sum(packs.map(({ bytes }) => bytes)),
    spooledBytes: sum(packs.filter(({ spooled }) => spooled === 1).map(({ bytes }) => bytes)),
    states,
    vaults: vaults.map(({ vault, replicas, bytes }) => ({ vault, replicas: Number(replicas), packBytes: Number(bytes) })),
  }
}

function sum(values: readonly (string | number | bigint)[]): number {
  return values.reduce<number>((total, value) => total + Number(value), 0)
}
