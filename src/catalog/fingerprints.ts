/** What was sealed before, by keyed fingerprint: rows go when a pack that their content needs is dropped, and count only while all of them are reusable. */
import type { Catalog, Extent, Fingerprint, KnownContent, NewFingerprint } from '../contracts.ts'
import { batchesOf, gather } from './batches.ts'
import { reusablePacks } from './blocks.ts'
import { cidOf, keyOf, plain, toExtent } from './rows.ts'
import { type Database, read, type Session } from './schema.ts'

const ROWS_AT_ONCE = 64

export function fingerprinting(db: Database): Pick<Catalog, 'knownContent' | 'knownFiles' | 'knownLength'> {
  return {
    knownContent: (wanted) => read(db, (session) => knownContent(session, wanted)),

    knownFiles: async (wanted) => {
      const rows = await gather(
        wanted.map(({ path }) => path),
        (paths) => db.selectFrom('fingerprint_files').selectAll().where('path', 'in', paths).execute(),
      )
      const byPath = new Map(rows.map((row) => [keyOf(row.path), row]))
      return wanted.map(({ path, state }) => {
        const row = byPath.get(keyOf(path))
        return row && keyOf(row.state) === keyOf(state) ? plain(row.key) : undefined
      })
    },

    knownLength: async (length) =>
      (await db.selectFrom('fingerprints').select('id').where('length', '=', length).limit(1).executeTakeFirst()) !== undefined,
  }
}

async function knownContent(
  session: Database,
  wanted: readonly Pick<Fingerprint, 'key' | 'place'>[],
): Promise<readonly (KnownContent | undefined)[]> {
  const rows = await gather(
    wanted.map(({ key }) => key),
    (keys) => session.selectFrom('fingerprints').selectAll().where('key', 'in', keys).execute(),
  )
  if (rows.length === 0) return wanted.map(() => undefined)
  const extents = Map.groupBy(
    await gather(
      rows.map(({ id }) => id),
      (ids) => session.selectFrom('fingerprint_extents').selectAll().where('fingerprint', 'in', ids).execute(),
    ),
    ({ fingerprint }) => Number(fingerprint),
  )
  const packs = new Set([...extents.values()].flatMap((own) => own.map(({ pack }) => pack)))
  const reusable = await reusablePacks(session, packs, 'sealed')
  const usable = rows
    .sort((a, b) => Number(a.id) - Number(b.id))
    .filter(({ id }) => extents.get(Number(id))?.every(({ pack }) => reusable.has(pack)))
  const byKey = Map.groupBy(usable, ({ key }) => keyOf(key))
  return wanted.map(({ key, place }) => {
    const found = byKey.get(keyOf(key))
    const row = found?.find((each) => Number(each.place) === place) ?? found?.[0]
    return (
      row && {
        root: cidOf(row.root),
        dagBytes: Number(row.dag_bytes),
        byteLength: Number(row.byte_length),
        extents: (extents.get(Number(row.id)) ?? []).map(toExtent).sort((a, b) => a.start - b.start),
      }
    )
  })
}

/** Part of sealing a put. `known` are the ids that its packs go by from now on. */
export async function saveFingerprints(
  session: Session,
  rows: readonly NewFingerprint[],
  known: ReadonlyMap<number, number>,
): Promise<void> {
  const ids = new Map<string, number>()
  const fresh = rows.flatMap(({ content, ...fingerprint }) => (content && content.extents.length > 0 ? [{ ...fingerprint, content }] : []))
  const once = [...new Map(fresh.map((row) => [named(row), row])).values()]
  await dropReplaced(session, once)
  for (const batch of batchesOf(once, ROWS_AT_ONCE)) {
    const made = await session
      .insertInto('fingerprints')
      .values(
        batch.map(({ key, place, length, content }) => ({
          key,
          place,
          length,
          root: content.root.bytes,
          dag_bytes: content.dagBytes,
          byte_length: content.byteLength,
        })),
      )
      .returning(['id', 'key', 'place'])
      .execute()
    for (const { id, key, place } of made) ids.set(named({ key, place: Number(place) }), Number(id))
  }
  const extents = once.flatMap((row) => {
    const fingerprint = ids.get(named(row)) ?? 0
    return row.content.extents.map(({ pack, ...extent }: Extent) => ({ ...extent, fingerprint, pack: known.get(pack) ?? pack }))
  })
  for (const batch of batchesOf(extents, ROWS_AT_ONCE)) await session.insertInto('fingerprint_extents').values(batch).execute()
  await saveFiles(session, rows)
}

const named = ({ key, place }: Pick<Fingerprint, 'key' | 'place'>) => `${keyOf(key)} ${place}`

/** What is known of content at the same place is replaced whole: its blocks were no longer good enough, or it would have been reused. */
async function dropReplaced(session: Session, rows: readonly Pick<Fingerprint, 'key' | 'place'>[]): Promise<void> {
  const wanted = new Set(rows.map(named))
  const there = await gather(
    rows.map(({ key }) => key),
    (keys) => session.selectFrom('fingerprints').select(['id', 'key', 'place']).where('key', 'in', keys).execute(),
  )
  const replaced = there.filter(({ key, place }) => wanted.has(named({ key, place: Number(place) }))).map(({ id }) => id)
  for (const batch of batchesOf(replaced)) await session.deleteFrom('fingerprints').where('id', 'in', batch).execute()
}

async function saveFiles(session: Session, rows: readonly NewFingerprint[]): Promise<void> {
  const files = new Map(rows.flatMap(({ key, file }) => (file ? [[keyOf(file.path), { path: file.path, state: file.state, key }]] : [])))
  for (const batch of batchesOf([...files.values()], ROWS_AT_ONCE)) {
    await session
      .insertInto('fingerprint_files')
      .values(batch)
      .onConflict((conflict) =>
        conflict.column('path').doUpdateSet(({ ref }) => ({ state: ref('excluded.state'), key: ref('excluded.key') })),
      )
      .execute()
  }
}

/** Content that needs the pack is known no longer. */
export async function dropFingerprints(session: Session, pack: number): Promise<void> {
  await session
    .deleteFrom('fingerprints')
    .where('id', 'in', (expression) => expression.selectFrom('fingerprint_extents').select('fingerprint').where('pack', '=', pack))
    .execute()
}
