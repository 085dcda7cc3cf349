/** Signed records of objects, with the TOCs of their packs, in an index pack that goes to every vault that can list: what a lost catalog is rebuilt from. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, ObjectRow, PackRow, ProgressOptions, ReplicationEvent } from '../contracts.ts'
import { type Block, cborBlock, type IndexBlock, type RecordPack, type RecordStatement, signedBlock, splitAttributes, type TombstoneStatement } from '../format/record.ts'
import { packOf } from '../format/pack.ts'
import { type Context, packRow } from './context.ts'
import { allExtents, readBack } from './probes.ts'
import { type Placement, replicate } from './replicate.ts'

/** Objects per index pack. */
const BATCH = 2_000

export type PublishOptions = AbortOptions & ProgressOptions<ReplicationEvent>

/** Writes a new record of each object and brings it to the vaults. A vault that fails keeps its older index pack; the next record goes there again. */
export async function publish(context: Context, objects: readonly ObjectRow[], options: PublishOptions = {}): Promise<readonly Placement[]> {
  const placements: Placement[] = []
  for (let at = 0; at < objects.length; at += BATCH) placements.push(...(await publishBatch(context, objects.slice(at, at + BATCH), options)))
  return placements
}

/** Says to every vault that can list that the object was forgotten on purpose. */
export async function publishTombstone(context: Context, object: ObjectRow, options: PublishOptions = {}): Promise<readonly Placement[]> {
  if (listing(context).length === 0) return []
  const statement: TombstoneStatement = { version: 1, kind: 'tombstone', root: object.root, sequence: object.sequence + 1, at: context.clock() }
  const tombstone = await signedBlock(statement, context.key)
  const pack = await writeIndexPack(context, { blocks: [tombstone], tombstones: [tombstone.cid] })
  return distribute(context, pack, options)
}

async function publishBatch(context: Context, objects: readonly ObjectRow[], options: PublishOptions): Promise<readonly Placement[]> {
  if (listing(context).length === 0) return []
  const tocs = new Map<number, Block>()
  const blocks: Block[] = []
  const attributes: CID[] = []
  const rows: { object: number; sequence: number; record: CID }[] = []
  for (const object of objects) {
    const joined = await context.catalog.attributesOf(object.id)
    const own = joined ? splitAttributes(joined) : []
    const statement = await recordOf(context, object, own, tocs)
    const record = await signedBlock(statement, context.key)
    blocks.push(...own, record)
    attributes.push(...own.map(({ cid }) => cid))
    rows.push({ object: object.id, sequence: statement.sequence, record: record.cid })
  }
  const pack = await writeIndexPack(context, {
    blocks: [...tocs.values(), ...blocks],
    tocs: [...tocs.values()].map(({ cid }) => cid),
    records: rows.map(({ record }) => record),
    attributes,
  })
  await context.catalog.saveRecords(pack.id, rows)
  return distribute(context, pack, options)
}

async function recordOf(context: Context, object: ObjectRow, attributes: readonly Block[], tocs: Map<number, Block>): Promise<RecordStatement> {
  const { catalog } = context
  const packs: RecordPack[] = []
  const extents = Map.groupBy(await allExtents(context, object.id), ({ pack }) => pack)
  const replicas = Map.groupBy(await catalog.replicasOf([...extents.keys()]), ({ pack }) => pack)
  for (const [id, own] of extents) {
    const row = await packRow(context, id)
    if (!tocs.has(id)) tocs.set(id, { cid: row.name, bytes: (await catalog.tocOf(id)) ?? new Uint8Array(0) })
    const placed = (replicas.get(id) ?? []).flatMap(({ vault, state, locator }) => (state === 'placed' && locator !== undefined ? [[vault, locator]] : []))
    packs.push({
      toc: row.name,
      byteLength: row.byteLength,
      extents: own.map(({ start, first, count }) => [start, first, count] as const),
      locators: Object.fromEntries(placed),
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
  }
}

interface IndexContent {
  readonly blocks: readonly Block[]
  readonly records?: readonly CID[]
  readonly tombstones?: readonly CID[]
  readonly tocs?: readonly CID[]
  readonly attributes?: readonly CID[]
}

async function writeIndexPack(context: Context, content: IndexContent): Promise<PackRow> {
  const { catalog, spool } = context
  const { blocks, records = [], tombstones = [], tocs = [], attributes = [] } = content
  const index: IndexBlock = { version: 1, kind: 'index', archive: context.key.publicKey, records, tombstones, tocs, attributes }
  const root = cborBlock(index)
  const unique = [...new Map([...blocks, root].map((block) => [block.cid.toString(), block])).values()]
  const { name, toc, bytes } = packOf(root.cid, unique)
  const part = await spool.part()
  try {
    await part.file.writeFile(bytes)
    await part.file.datasync()
  } finally {
    await part.file.close()
  }
  await spool.publish(part, name)
  const id = await catalog.addIndexPack({
    id: 0,
    name,
    root: root.cid,
    toc,
    byteLength: bytes.byteLength,
    blockCount: unique.length,
    createdAt: context.clock(),
    visibility: 'public',
  })
  await spool.settle([part])
  return packRow(context, id)
}

/** Index packs go where they can be found again: to vaults that list, unless each put there is paid for. */
const listing = (context: Context): readonly string[] =>
  [...context.vaults.values()].filter(({ list, profile }) => list !== undefined && !profile.paid).map(({ profile }) => profile.id)

async function distribute(context: Context, pack: PackRow, options: PublishOptions): Promise<readonly Placement[]> {
  const placements = await replicate(context, [{ pack, vaults: listing(context) }], { ...options, probes: (row) => readBack(context, row) })
  if (placements.some(({ outcome }) => outcome !== 'failed')) {
    await context.catalog.unspooled(pack.id)
    await context.spool.remove(pack.name)
  }
  return placements
}
