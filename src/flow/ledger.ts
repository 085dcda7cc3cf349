/**
 * What the archive spends, counted at the vaults' interface and kept by month, vault and the activity under way. Sums wait in memory and are written together,
 * before every put to a vault that has prices, and at the end of every verb: a killed process has paid for nothing that is not written.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Activity, Catalog, Charge, Clock, CostRow, Usage, Vault, VaultPrices } from '../contracts.ts'
import { added, monthOf, NOTHING, writesOf } from '../policy/cost.ts'
import { type Meter, metered } from '../wrap/metered.ts'

/** What the calls of this chain of work count for; outside of any it is `other`. However vaults are wrapped on the way, their calls are the chain's. */
export const activity = new AsyncLocalStorage<Activity>()

const current = (): Activity => activity.getStore() ?? 'other'

export interface Ledger {
  /** The same vault, counted. */
  meter(vault: Vault): Vault
  record(vault: string, activity: Activity, usage: Partial<Usage>, prices?: VaultPrices): void
  charge(charge: Charge): void
  /** Writes what waits, in one transaction. A catalog that fails keeps no work from being done: it waits on. */
  flush(): Promise<void>
}

export function openLedger(catalog: Pick<Catalog, 'addCosts'>, clock: Clock): Ledger {
  let waiting = new Map<string, CostRow>()
  let charges: Charge[] = []
  let flushing: Promise<void> = Promise.resolve()

  const record: Ledger['record'] = (vault, activity, usage, prices) => {
    const month = monthOf(clock())
    const key = `${month} ${vault} ${activity}`
    const before = waiting.get(key)
    waiting.set(key, { month, vault, activity, prices, ...added(before ?? NOTHING, { ...NOTHING, ...usage }) })
  }

  const write = async () => {
    if (waiting.size === 0 && charges.length === 0) return
    const [rows, reported] = [waiting, charges]
    waiting = new Map()
    charges = []
    try {
      await catalog.addCosts([...rows.values()], reported)
    } catch {
      for (const [key, row] of rows) {
        const since = waiting.get(key)
        waiting.set(key, since ? { ...since, ...added(row, since) } : row)
      }
      charges = [...reported, ...charges]
    }
  }

  const flush = (): Promise<void> => {
    flushing = flushing.then(write)
    return flushing
  }

  const meterOf = ({ profile }: Vault): Meter => {
    const { id, prices, paid } = profile
    return {
      add: (usage) => record(id, current(), usage, prices),
      writesOf: (byteLength) => writesOf(profile, byteLength),
      beforePut: async () => {
        if (prices || paid) await flush()
      },
      charged: (charge) => charges.push({ at: clock(), vault: id, activity: current(), ...charge }),
    }
  }

  return { meter: (vault) => metered(vault, meterOf(vault)), record, charge: (charge) => charges.push(charge), flush }
}
