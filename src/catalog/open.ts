/** The door of the catalog. */
import type { Catalog, Clock } from '../contracts.ts'
import { audits } from './audit.ts'
import { blockLookups } from './blocks.ts'
import { costing } from './costs.ts'
import { dagLookups } from './dag.ts'
import { dueLookups } from './due.ts'
import { evacuating } from './evacuation.ts'
import { eventLog } from './events.ts'
import { evidences } from './evidence.ts'
import { fingerprinting } from './fingerprints.ts'
import { forgetting } from './garbage.ts'
import { leases } from './leases.ts'
import { logs } from './log.ts'
import { logPacks } from './log-packs.ts'
import { objectLookups } from './objects.ts'
import { outbox } from './outbox.ts'
import { packLookups } from './packs.ts'
import { placement } from './placement.ts'
import { records } from './records.ts'
import { recovering } from './recovery.ts'
import { restoring } from './restore.ts'
import { retentions } from './retention.ts'
import { sealing } from './seal.ts'
import { shreds } from './shreds.ts'
import { type Connection, connect } from './sqlite.ts'
import { staging } from './staging.ts'
import { tallying } from './tallies.ts'
import { summing } from './totals.ts'

export interface CatalogOptions {
  /** The SQLite file; it is made when absent, its folder is not. Two more files of that name appear beside it. */
  readonly path: string
  /** For leases. Default: the machine's. */
  readonly clock?: Clock | undefined
  /** How long another process may hold the write lock before a call gives up with `locked`, default 10 000. */
  readonly busyTimeoutMs?: number | undefined
  /** Every change is `denied`, and nothing is made or upgraded. */
  readonly readOnly?: boolean | undefined
}

/** Opens the catalog in a SQLite file. Throws CatalogError. */
export async function openCatalog({ clock = Date.now, ...where }: CatalogOptions): Promise<Catalog> {
  return catalogOn(await connect(where), { clock })
}

/** The catalog on a connection; closing the one closes the other. */
export function catalogOn({ db, close }: Connection, { clock }: { readonly clock: Clock }): Catalog {
  return {
    ...staging(db),
    ...sealing(db),
    ...blockLookups(db),
    ...fingerprinting(db),
    ...packLookups(db),
    ...dagLookups(db),
    ...objectLookups(db),
    ...dueLookups(db),
    ...summing(db),
    ...placement(db),
    ...evidences(db, clock),
    ...records(db),
    ...shreds(db),
    ...retentions(db),
    ...audits(db),
    ...forgetting(db),
    ...costing(db, clock),
    ...evacuating(db),
    ...recovering(db),
    ...restoring(db),
    ...logs(db),
    ...logPacks(db),
    ...eventLog(db),
    ...outbox(db),
    ...tallying(db),
    ...leases(db, clock),
    close,
  }
}
