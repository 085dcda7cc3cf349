/** The tables of spending, of vaults that are left, and of drills, as Kysely sees them. */
import type { Generated } from 'kysely'
import type { Activity, PackFate } from '../contracts.ts'

export interface CostsTable {
  month: string
  vault: string
  activity: Activity
  /** JSON; empty where the vault stated none. */
  prices: string
  writes: number
  reads: number
  stored_bytes: number
  read_bytes: number
  failed: number
}

export interface ChargesTable {
  id: Generated<number>
  month: string
  at: number
  vault: string
  activity: Activity
  amount: string
  currency: string
  detail: string | null
}

export interface ReservationsTable {
  key: string
  month: string
  amount: string
  currency: string
  host: string
  pid: number
  started: string
  expires_at: number
}

export interface EvacuationsTable {
  vault: string
  state: 'leaving' | 'left'
  began_at: number
  degrade: 0 | 1
  before: string
  published: number
}

export interface FatesTable {
  vault: string
  pack: number
  fate: PackFate
  at: number
  detail: string | null
}

export interface DrillsTable {
  id: number
  at: number
  report: string
}

export interface SpendingSchema {
  costs: CostsTable
  charges: ChargesTable
  reservations: ReservationsTable
  evacuations: EvacuationsTable
  fates: FatesTable
  drills: DrillsTable
}
