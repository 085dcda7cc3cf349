/** What objects ask to be retained, what that makes of their packs, and what vaults have confirmed of it. */
import type { Catalog, PackId, RetainRow, SealedObject } from '../contracts.ts'
import { batchesOf, gather } from './batches.ts'
import type { Database, Flag, Session } from './schema.ts'

interface RetainColumns {
  readonly retain_until: number | null
  readonly retain_mode: 'governance' | 'compliance' | null
  readonly retain_hold: Flag
}

/** Undefined for an object that asks for nothing. */
export function toRetain(row: RetainColumns): RetainRow | undefined {
  if (row.retain_until === null) return undefined
  return {
    until: Number(row.retain_until),
    ...(row.retain_mode !== null && { mode: row.retain_mode }),
    ...(Number(row.retain_hold) === 1 && { legalHold: true }),
  }
}

/** Both wishes at once: the later date, the stronger mode, a hold if either has one. */
export function together(one: RetainRow, other: RetainRow): RetainRow {
  const mode = one.mode === 'compliance' ? one.mode : (other.mode ?? one.mode)
  const legalHold = one.legalHold === true || other.legalHold === true
  return { until: Math.max(one.until, other.until), ...(mode !== undefined && { mode }), ...(legalHold && { legalHold }) }
}

const same = (one: RetainRow, other: RetainRow): boolean =>
  one.until === other.until && one.mode === other.mode && one.legalHold === other.legalHold

export function retentions(db: Database): Pick<Catalog, 'retained' | 'retentionOf'> {
  return {
    retained: async (pack, vault, until) => {
      await db.updateTable('replicas').set({ retained_until: until }).where('pack', '=', pack).where('vault', '=', vault).execute()
    },

    retentionOf: async (packs, at) => {
      const rows = await gather(packs, (ids) =>
        db
          .selectFrom('extents')
          .innerJoin('objects', 'objects.id', 'extents.object')
          .select(['extents.pack', 'objects.retain_until', 'objects.retain_mode', 'objects.retain_hold'])
          .distinct()
          .where('extents.pack', 'in', ids)
          .where('objects.retain_until', 'is not', null)
          .execute(),
      )
      const found = new Map<PackId, RetainRow>()
      for (const row of rows) {
        const wish = inForce(toRetain(row), at)
        const known = found.get(Number(row.pack))
        if (wish) found.set(Number(row.pack), known ? together(known, wish) : wish)
      }
      return found
    },
  }
}

/** What is left of a wish at that time: the mode goes with the date, a hold stays. */
function inForce(wish: RetainRow | undefined, at: number): RetainRow | undefined {
  if (!wish || wish.until > at) return wish
  return wish.legalHold === true ? { until: wish.until, legalHold: true } : undefined
}

/** Writes what was asked for with a put beside the objects. What was asked before and has not lapsed stays, so that a retention only grows. */
export async function retainObjects(
  session: Session,
  asked: readonly { readonly id: number; readonly object: SealedObject }[],
): Promise<void> {
  for (const { id, object } of asked) {
    if (object.retain === undefined) continue
    const columns = ['retain_until', 'retain_mode', 'retain_hold'] as const
    const row = await session.selectFrom('objects').select(columns).where('id', '=', id).executeTakeFirstOrThrow()
    const before = inForce(toRetain(row), object.createdAt)
    const next = before ? together(before, object.retain) : object.retain
    if (before && same(before, next)) continue
    await session
      .updateTable('objects')
      .set({ retain_until: next.until, retain_mode: next.mode ?? null, retain_hold: next.legalHold === true ? 1 : 0 })
      .where('id', '=', id)
      .execute()
    await doubt(session, id)
  }
}

/** A lock that was confirmed for a weaker wish is no answer to this one. */
async function doubt(session: Session, object: number): Promise<void> {
  const extents = await session.selectFrom('extents').select('pack').distinct().where('object', '=', object).execute()
  for (const ids of batchesOf(extents.map(({ pack }) => pack)))
    await session.updateTable('replicas').set({ retained_until: null }).where('pack', 'in', ids).execute()
}
