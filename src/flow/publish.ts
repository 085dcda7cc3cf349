/** Signed records of objects, with the TOCs of their packs, in an index pack that goes to every vault that can list: what a lost catalog is rebuilt from. */
import type { CID } from 'multiformats/cid'
import type { ObjectRow, PackRow } from '../contracts.ts'
import { CatalogError } from '../errors.ts'
import {
  type Block,
  type RecordPack,
  type RecordStatement,
  signedBlock,
  splitAttributes,
  type TombstoneStatement,
} from '../format/record.ts'
import { successionBlock } from '../format/succession.ts'
import { type Context, packRow } from './context.ts'
import { bring, distribute, leaveSpool, listing, type PublishOptions, sweep, writeIndexPack } from './index-pack.ts'
import { assertHistory } from './log-alarm.ts'
import { closeSegments, logTail } from './log-travel.ts'
import { allExtents } from './probes.ts'
import type { Placement } from './replicate.ts'

export { type PublishOptions, sweep } from './index-pack.ts'

/** Objects per index pack. */
const BATCH = 2_000

/** Writes a new record of each object, once however often it is listed, and brings it to the vaults. A vault that fails keeps its older index pack; the next record goes there again. */
export async function publish(
  context: Context,
  objects: readonly ObjectRow[],
  options: PublishOptions = {},
): Promise<readonly Placement[]> {
  if (listing(context).length === 0) return []
  await assertHistory(context)
  await closeSegments(context, options)
  const placements: Placement[] = []
  const each = [...new Map(objects.map((object) => [object.id, object])).values()].filter(({ shreddedAt }) => shreddedAt === undefined)
  for (let at = 0; at < each.length; at += BATCH) placements.push(...(await publishBatch(context, each.slice(at, at + BATCH), options)))
  await sweep(context, options)
  return placements
}

/** Says to every vault that can list that the object was forgotten on purpose. */
export async function publishTombstone(context: Context, object: ObjectRow, options: PublishOptions = {}): Promise<readonly Placement[]> {
  if (listing(context).length === 0) return []
  await assertHistory(context)
  await closeSegments(context, options)
  const tombstone = await signedBlock(tombstoneOf(object, context.clock()), context.key)
  const content = { blocks: [tombstone], tombstones: [tombstone.cid], log: await logTail(context) }
  const placements = await distribute(context, await writeIndexPack(context, content), options)
  await sweep(context, options)
  return placements
}

/**
 * Says to every vault that can list that the object was shredded. The same moment and packs give the same tombstone, so it may be said again; for that
 * reason the pack carries nothing of the log.
 */
export async function publishShred(
  context: Context,
  object: ObjectRow,
  { at, packs, ...options }: PublishOptions & { readonly at: number; readonly packs: readonly CID[] },
): Promise<{ readonly tombstone: CID; readonly vaults: readonly string[] }> {
  const tombstone = await signedBlock({ ...tombstoneOf(object, at), shred: { packs } }, context.key)
  const wanted = listing(context)
  if (wanted.length === 0) return { tombstone: tombstone.cid, vaults: [] }
  const pack = await writeIndexPack(context, { blocks: [tombstone], tombstones: [tombstone.cid] })
  const told = await Promise.all(wanted.map((id) => tellInTime(context, pack, id, options)))
  if (told.includes(true)) await leaveSpool(context, pack)
  return { tombstone: tombstone.cid, vaults: wanted.filter((_, index) => told[index]) }
}

/** Says to every vault that can list that this key goes on with the archive of another. The same moment gives the same statement, so it may be said again. */
export async function publishSuccession(
  context: Context,
  { predecessor, at, ...options }: PublishOptions & { readonly predecessor: Uint8Array; readonly at: number },
): Promise<readonly Placement[]> {
  if (listing(context).length === 0) return []
  const block = await successionBlock({ version: 1, kind: 'succession', predecessor, at }, context.key)
  return distribute(context, await writeIndexPack(context, { blocks: [block], successions: [block.cid] }), options)
}

/** A vault that does not answer in time gets it with the next call: headers elsewhere are not kept waiting for it. */
async function tellInTime(context: Context, pack: PackRow, vault: string, options: PublishOptions): Promise<boolean> {
  const patience = AbortSignal.timeout(context.timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience
  try {
    const [placement] = await bring(context, pack, [vault], { ...options, signal })
    return placement !== undefined && placement.outcome !== 'failed'
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!patience.aborted) throw error
    return false
  }
}

const tombstoneOf = ({ root, sequence }: ObjectRow, at: number): TombstoneStatement => ({
  version: 1,
  kind: 'tombstone',
  root,
  sequence: sequence + 1,
  at,
})

async function publishBatch(
  context: Context,
  objects: readonly ObjectRow[],
  options: PublishOptions,
  tries = 3,
): Promise<readonly Placement[]> {
  try {
    return await writeRecords(context, objects, options)
  } catch (error) {
    if (!(error instanceof CatalogError) || error.code !== 'conflict' || tries <= 1) throw error
    // Another process recorded one of them meanwhile: say what is true now, after what it said.
    const fresh = (await Promise.all(objects.map(({ id }) => context.catalog.objectById(id)))).filter((row) => row !== undefined)
    return fresh.length === 0 ? [] : publishBatch(context, fresh, options, tries - 1)
  }
}

async function writeRecords(context: Context, objects: readonly ObjectRow[], options: PublishOptions): Promise<readonly Placement[]> {
  const tocs = new Map<number, Block>()
  const blocks: Block[] = []
  const attributes: CID[] = []
  const rows: { object: number; sequence: number; record: CID }[] = []
  for (const object of objects) {
    const joined = await context.catalog.attributesOf(object.id)
    const own = joined ? splitAttributes(joined, object.visibility) : []
    const statement = await recordOf(context, object, own, tocs)
    const record = await signedBlock(statement, context.key)
    // What is said of an erasable object has a header, too: it lies with the others, and not where nothing can be deleted.
    const carried = object.erasable ? [] : own
    blocks.push(...carried, record)
    attributes.push(...carried.map(({ cid }) => cid))
    rows.push({ object: object.id, sequence: statement.sequence, record: record.cid })
  }
  const content = {
    blocks: [...tocs.values(), ...blocks],
    tocs: [...tocs.values()].map(({ cid }) => cid),
    records: rows.map(({ record }) => record),
    attributes,
    log: await logTail(context),
  }
  return distribute(context, await writeIndexPack(context, content, rows), options)
}

/** The next record of an object, signed and not stored anywhere: what would be said of it now. */
export async function recordBlock(context: Context, object: ObjectRow): Promise<Block> {
  const joined = await context.catalog.attributesOf(object.id)
  const own = joined ? splitAttributes(joined, object.visibility) : []
  return signedBlock(await recordOf(context, object, own, new Map()), context.key)
}

async function recordOf(
  context: Context,
  object: ObjectRow,
  attributes: readonly Block[],
  tocs: Map<number, Block>,
): Promise<RecordStatement> {
  const { catalog } = context
  const packs: RecordPack[] = []
  const extents = Map.groupBy(await allExtents(context, object.id), ({ pack }) => pack)
  const replicas = Map.groupBy(await catalog.replicasOf([...extents.keys()]), ({ pack }) => pack)
  for (const [id, own] of extents) {
    const row = await packRow(context, id)
    if (!tocs.has(id)) tocs.set(id, { cid: row.name, bytes: (await catalog.tocOf(id)) ?? new Uint8Array(0) })
    const placed = (replicas.get(id) ?? []).flatMap(({ vault, state, locator }) =>
      state === 'placed' && locator !== undefined ? [[vault, locator]] : [],
    )
    packs.push({
      toc: row.name,
      byteLength: row.byteLength,
      extents: own.map(({ start, first, count }) => [start, first, count] as const),
      locators: Object.fromEntries(placed),
      ...(row.erasable && { erasable: true as const }),
    })
  }
  return {
    version: 1,
    kind: 'record',
    sequence: object.sequence + 1,
    previous: object.record ?? null,
    root: object.root,
    type: object.kind,
    byteLength: object.byteLength,
    profile: object.profile,
    visibility: object.visibility,
    policy: context.policy,
    name: object.name ?? null,
    mediaType: object.mediaType ?? null,
    created: object.createdAt,
    packs,
    attributes: attributes.map(({ cid }) => cid),
    ...(object.supersedes && { supersedes: object.supersedes }),
    ...(object.retain && {
      retain: { until: object.retain.until, mode: object.retain.mode ?? null, legalHold: object.retain.legalHold ?? false },
    }),
  }
}
