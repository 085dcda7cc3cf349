/** Writing index packs and bringing them where they can be found again. */
import type { CID } from 'multiformats/cid'
import type { AbortOptions, Catalog, LogPack, PackRow, ProgressOptions, ReplicationEvent } from '../contracts.ts'
import { packOf } from '../format/pack.ts'
import { type Block, cborBlock, type IndexBlock } from '../format/record.ts'
import { type Context, packRow } from './context.ts'
import { dropGarbage } from './garbage.ts'
import { keepWitness } from './log-alarm.ts'
import { readBack } from './probes.ts'
import { type Placement, type ReplicateOptions, replicate } from './replicate.ts'
import { whileSpaceLasts } from './spool.ts'

/** Old index packs looked after at a time. */
const SWEPT = 16

export type PublishOptions = AbortOptions & ProgressOptions<ReplicationEvent> & Pick<ReplicateOptions, 'patienceMs'>

/** What an index pack carries of the log. */
export interface CarriedLog {
  readonly row: Omit<LogPack, 'role'>
  readonly checkpoint: string
  readonly blocks: readonly Block[]
}

export interface IndexContent {
  readonly blocks?: readonly Block[]
  readonly records?: readonly CID[]
  readonly tombstones?: readonly CID[]
  readonly tocs?: readonly CID[]
  readonly attributes?: readonly CID[]
  readonly successions?: readonly CID[]
  readonly log?: (CarriedLog & { readonly role: LogPack['role'] }) | undefined
}

/** The pack in the spool and in the catalog, with the records in it. The same content again is the same pack. */
export async function writeIndexPack(
  context: Context,
  content: IndexContent,
  rows: Parameters<Catalog['addIndexPack']>[1] = [],
): Promise<PackRow> {
  const { catalog, spool } = context
  const { log } = content
  const root = cborBlock(indexBlock(context, content))
  const unique = [
    ...new Map([...(content.blocks ?? []), ...(log?.blocks ?? []), root].map((block) => [block.cid.toString(), block])).values(),
  ]
  const { name, toc, bytes } = packOf(root.cid, unique)
  const space = <T>(work: () => Promise<T>) =>
    whileSpaceLasts('What is stored stays stored; its record is written by the next put or repair', work)
  const part = await space(() => spool.part())
  try {
    await space(async () => {
      await part.file.writeFile(bytes)
      await part.file.datasync()
      await spool.publish(part, name)
    })
    const sizes = { byteLength: bytes.byteLength, blockCount: unique.length }
    const pack = { id: 0, name, root: root.cid, toc, ...sizes, createdAt: context.clock(), visibility: 'public' as const }
    const id = await catalog.addIndexPack(pack, rows, log && { ...log.row, role: log.role })
    if (log && log.role !== 'segment') await keepWitness(context, log.checkpoint)
    return await packRow(context, id)
  } catch (error) {
    // Another process may have said the very same, and be at it still: then the file is that one's.
    if ((await catalog.packByName(name))?.spooled !== true) await spool.remove(name)
    throw error
  } finally {
    await part.file.close()
    await spool.settle([part])
  }
}

function indexBlock({ key }: Context, content: IndexContent): IndexBlock {
  const { records = [], tombstones = [], tocs = [], attributes = [], successions, log } = content
  const lists = { records, tombstones, tocs, attributes, ...(successions && { successions }) }
  const index = { kind: 'index' as const, archive: key.publicKey, ...lists }
  if (!log) return { version: 1, ...index }
  return { version: 2, ...index, log: { checkpoint: log.checkpoint, first: log.row.first, entries: log.blocks.map(({ cid }) => cid) } }
}

/** Index packs go where they can be found again: to vaults that list, unless each put there is paid for, or they are being left. */
export const listing = (context: Context): readonly string[] =>
  [...context.vaults.values()]
    .filter(({ list, profile }) => list !== undefined && !profile.paid && !context.leaving.has(profile.id))
    .map(({ profile }) => profile.id)

/** To all of them. The file leaves the spool when one has taken it. */
export async function distribute(context: Context, pack: PackRow, options: PublishOptions): Promise<readonly Placement[]> {
  const placements = await bring(context, pack, listing(context), options)
  if (placements.some(({ outcome }) => outcome !== 'failed')) await leaveSpool(context, pack)
  return placements
}

export const bring = (context: Context, pack: PackRow, vaults: readonly string[], options: PublishOptions): Promise<readonly Placement[]> =>
  replicate(context, [{ pack, vaults }], { ...options, probes: (row, vault) => readBack(context, row, vault) })

export async function leaveSpool({ catalog, spool }: Context, pack: PackRow): Promise<void> {
  await catalog.unspooled(pack.id)
  await spool.remove(pack.name)
}

/** What a dead run or a failed vault left of index packs: superseded ones go, the others are brought to their vaults now. A few at a time. */
export async function sweep(context: Context, options: PublishOptions): Promise<void> {
  for (const pack of await context.catalog.garbage({ limit: SWEPT, kind: 'index' }))
    await dropGarbage(context, pack, { ...options, tidying: true })
  for (const pack of await context.catalog.packs({ limit: SWEPT, kind: 'index', spooled: true }))
    await distribute(context, pack, { ...options, patienceMs: 0 })
}
