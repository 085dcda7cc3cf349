/** When packs leave the spool. */
import type { Assessment } from './assess.ts'
import type { Context } from './context.ts'

/** A pack leaves the spool when vaults are proven to hold what the floor demands; before, the spool may be the only safe copy. */
export async function releaseSpool(context: Context, assessments: readonly Assessment[]): Promise<void> {
  const spooled = assessments.flatMap(({ floorHeld, packs }) => (floorHeld ? packs.filter((pack) => pack.spooled) : []))
  for (const pack of new Map(spooled.map((pack) => [pack.id, pack])).values()) {
    await context.catalog.unspooled(pack.id)
    await context.spool.remove(pack.name)
  }
}
