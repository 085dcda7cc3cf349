/**
 * The second half of a recovery: root by root, the newest record becomes an object again, its packs and where they lie with it. Nothing is believed of
 * the replicas: they are entered as placed, without evidence. Every step may be done again.
 */
import * as cbor from '@ipld/dag-cbor'
import type { CID } from 'multiformats/cid'
import type { AbortOptions, LogPack, ObjectRow, PackId, RecoveredObject, RecoverOptions } from '../contracts.ts'
import { CatalogError, FormatError, PerdureError } from '../errors.ts'
import { decodeToc } from '../format/pack.ts'
import { type Block, joinAttributes, type RecordPack, type RecordStatement } from '../format/record.ts'
import { toMultikey } from '../format/sign.ts'
import { type History, isNewer } from '../policy/history.ts'
import { assess } from './assess.ts'
import { blockReader } from './block-reader.ts'
import { type Context, tell } from './context.ts'
import { type Entering, entering } from './recover-enter.ts'
import { type Accepted, historyOf, indexPacksOf, type Row, rootsOf, type WholeIndexPack } from './recover-found.ts'
import type { Tally } from './recover-tally.ts'
import { type PlaceOfPack, packFrom, tocOf } from './recover-toc.ts'

/** Extents that may wait for one transaction. */
const EXTENTS_AT_ONCE = 50_000

export interface ApplyOptions extends AbortOptions, Pick<RecoverOptions, 'onProgress'> {
  readonly accepted: Accepted
  /** Vaults that were listed to their end: what is not in the list is not there. */
  readonly listed: ReadonlySet<string>
  readonly tally: Tally
  /** Index packs that are segments of the log. */
  readonly segments: ReadonlySet<string>
}

export async function apply(context: Context, options: ApplyOptions): Promise<void> {
  await enterIndexPacks(context, options)
  const enter = entering(context, options.tally)
  for await (const roots of rootsOf(context, options)) await applyPage(context, roots, { ...options, enter })
  await settleIndexPacks(context, options)
}

/** Whole index packs of this archive are packs of the catalog again: the next record of an object knows which one it supersedes. */
async function enterIndexPacks(context: Context, options: ApplyOptions): Promise<void> {
  const { catalog, clock } = context
  for await (const packs of indexPacksOf(context, options)) {
    const ids = await catalog.restoreIndexPacks(packs.map((pack) => ({ ...pack, log: roleOf(pack, options.segments), createdAt: clock() })))
    const byName = new Map(packs.map(({ name }, index) => [name.toString(), ids[index]]))
    const places = await catalog.listedAt(packs.map(({ name }) => name))
    await catalog.restoreReplicas(
      places.flatMap(({ name, vault, locator }) => {
        const pack = byName.get(name.toString())
        return pack === undefined || !context.vaults.has(vault) ? [] : [{ pack, vault, locator }]
      }),
      clock(),
    )
  }
}

/** An index pack for the log alone goes when the next one is written, unless it is a segment. */
function roleOf({ name, log, logOnly }: WholeIndexPack, segments: ReadonlySet<string>): LogPack | undefined {
  if (!log) return undefined
  const { first, size } = log
  return { first, size, role: segments.has(name.toString()) ? 'segment' : logOnly ? 'alone' : 'tail' }
}

/** What another key signed stays where it is: it is all that speaks for the time before, and nothing proves that this key goes on from it. */
async function settleIndexPacks(context: Context, options: ApplyOptions): Promise<void> {
  const own = toMultikey(context.key.publicKey)
  for await (const packs of indexPacksOf(context, options)) {
    const ids: PackId[] = []
    for (const { name, lasting, archive } of packs) {
      const row = lasting || archive !== own ? undefined : await context.catalog.packByName(name)
      if (row) ids.push(row.id)
    }
    await context.catalog.settleIndexPacks(ids)
  }
}

/** An object whose packs are on their way. */
interface Coming {
  readonly row: Row
  readonly record: RecordStatement
  readonly shreddedAt: number | undefined
}

async function applyPage(context: Context, roots: readonly CID[], options: Applying): Promise<void> {
  let coming: Coming[] = []
  let extents = 0
  const flush = async () => {
    await options.enter.flush()
    await enterObjects(context, coming, options)
    coming = []
    extents = 0
  }
  for (const root of roots) {
    const history = await historyOf(context, root, options.accepted)
    const one = history && (await applyRoot(context, root, history, options))
    if (!one) continue
    coming.push(one)
    extents += one.record.packs.reduce((sum, pack) => sum + pack.extents.length, 0)
    if (extents >= EXTENTS_AT_ONCE) await flush()
  }
  await flush()
}

async function enterObjects(context: Context, coming: readonly Coming[], options: Applying): Promise<void> {
  const { tally, onProgress } = options
  const objects: RecoveredObject[] = []
  for (const one of coming) objects.push(await objectFrom(context, one, options))
  const done = await context.catalog.restoreObjects(objects)
  const changed: ObjectRow[] = []
  for (const [index, { object, outcome }] of done.entries()) {
    const row = await context.catalog.objectById(object)
    if (!row) continue
    if (outcome !== 'kept') changed.push(row)
    const shown = coming[index]?.shreddedAt === undefined ? outcome : 'shredded'
    tally.counts[shown]++
    tell(onProgress, { type: 'object-restored', root: row.root.toString(), outcome: shown })
  }
  await judgeQuietly(context, changed)
}

/** Nothing has happened to these objects: nobody is told. */
async function judgeQuietly(context: Context, objects: readonly ObjectRow[]): Promise<void> {
  const rows: Parameters<Context['catalog']['setStates']>[0][number][] = []
  for (const object of objects) {
    const { report, freshUntil } = await assess(context, object)
    rows.push({ object: object.id, state: report.state, freshUntil })
  }
  await context.catalog.setStates(rows)
}

interface Applying extends ApplyOptions {
  readonly enter: Entering
}

async function applyRoot(context: Context, root: CID, history: History<Row>, options: Applying): Promise<Coming | undefined> {
  const { catalog } = context
  const { tally } = options
  const local = await catalog.object(root)
  if (history.forked) tally.forked.add(root.toString())
  const begun = history.shreds.length > 0 ? Math.min(...history.shreds.map(({ at }) => at)) : undefined
  if (begun !== undefined) await catalog.restoreShred(root, begun)
  if (local && local.createdAt <= history.endedAt) await forgetLocal(context, local, options)
  const { record: row } = history
  if (!row) {
    if (begun !== undefined) tally.counts.shredded++
    return undefined
  }
  if (local && isNewer({ at: local.createdAt, sequence: local.sequence }, row) && local.createdAt > history.endedAt)
    tally.ahead.add(root.toString())
  await compareVaults(context, row, options)
  const record = await recordOf(context, row.cid)
  if ((tally.policy?.at ?? -1) < record.created) tally.policy = { at: record.created, policy: record.policy }
  if (!(await enterPacks(context, record, row, options))) return undefined
  return { row, record, shreddedAt: begun }
}

async function forgetLocal({ catalog }: Context, local: ObjectRow, { tally, onProgress }: ApplyOptions): Promise<void> {
  await catalog.forget(local.id)
  tally.counts.removed++
  tell(onProgress, { type: 'object-restored', root: local.root.toString(), outcome: 'removed' })
}

/** Each of several vaults is a witness of the others. */
async function compareVaults({ catalog }: Context, row: Row, { listed, tally }: ApplyOptions): Promise<void> {
  if (listed.size < 2) return
  const there = new Set((await catalog.listedAt([row.pack])).map(({ vault }) => vault))
  for (const vault of listed) if (!there.has(vault)) tally.behind[vault] = (tally.behind[vault] ?? 0) + 1
}

/** Its signature and its fields were checked when it was found. */
async function recordOf({ catalog }: Pick<Context, 'catalog'>, cid: CID): Promise<RecordStatement> {
  const bytes = await catalog.foundBytes(cid)
  if (!bytes) throw new CatalogError('corrupt', `the record ${cid} was found and is gone; recover again`)
  return cbor.decode<RecordStatement>(bytes)
}

/** False when the object cannot be entered: a TOC is missing, or does not go with the record. */
async function enterPacks(context: Context, record: RecordStatement, row: Row, options: Applying): Promise<boolean> {
  const missing: string[] = []
  let wrong: string | undefined
  for (const pack of record.packs) {
    const found = await enterPack(context, pack, record, options)
    if (found === undefined) missing.push(pack.toc.toString())
    else if (pack.extents.some(([, first, count]) => first + count > found))
      wrong ??= `the record says more of pack ${pack.toc} than it holds`
  }
  if (missing.length === 0 && wrong === undefined) return true
  const reason = wrong ?? 'no vault that was read has these TOCs, nor the packs themselves; recover again with one that does'
  options.tally.incomplete.add({ root: record.root.toString(), missing, reason })
  await context.catalog.keepIndexPacks([row.pack])
  return false
}

/** Resolves to the number of its blocks; undefined when its TOC could not be had. */
async function enterPack(context: Context, pack: RecordPack, record: RecordStatement, options: Applying): Promise<number | undefined> {
  const { enter, signal, tally } = options
  const { visibility, created } = record
  const erasable = pack.erasable === true
  const claimed = claimsOf(context, pack, options)
  const entered = enter.find(pack.toc)
  if (entered) {
    enter.places(pack.toc, claimed)
    return entered.blockCount
  }
  const listed = (await context.catalog.listedAt([pack.toc])).filter(({ vault }) => context.vaults.has(vault))
  const places = [...claimed, ...listed]
  for (const vault of Object.keys(pack.locators))
    if (!context.vaults.has(vault)) tally.unconfigured[vault] = (tally.unconfigured[vault] ?? 0) + 1
  const known = await context.catalog.packByName(pack.toc)
  if (known?.visibility === visibility && known.erasable === erasable) {
    enter.known(pack.toc, known)
    enter.places(pack.toc, places)
    return known.blockCount
  }
  const bytes = known && (await context.catalog.tocOf(known.id))
  const found = bytes
    ? { toc: decodeToc(bytes), bytes }
    : await tocOf(context, pack.toc, { byteLength: pack.byteLength, places }, { signal })
  if (!found) return undefined
  await enter.pack(packFrom(pack.toc, found, { visibility, erasable, createdAt: created }), places)
  return found.toc.blocks.length
}

/** Where the record says that it lies. A vault that was listed and does not name it is believed: `locate` will ask again before anything is stored. */
const claimsOf = ({ vaults }: Context, { locators }: RecordPack, { listed }: ApplyOptions): readonly PlaceOfPack[] =>
  Object.entries(locators).flatMap(([vault, locator]) => (vaults.has(vault) && !listed.has(vault) ? [{ vault, locator }] : []))

async function objectFrom(context: Context, { row, record, shreddedAt }: Coming, options: Applying): Promise<RecoveredObject> {
  const { catalog } = context
  const ids = new Map<string, PackId>()
  for (const { toc } of record.packs) {
    const id = options.enter.find(toc)?.id ?? (await catalog.packByName(toc))?.id
    if (id !== undefined) ids.set(toc.toString(), id)
  }
  const erasable = record.packs.some((pack) => pack.erasable === true)
  const recordPack = (await catalog.packByName(row.pack))?.id
  return {
    root: record.root,
    ...(record.name !== null && { name: record.name }),
    ...(record.mediaType !== null && { mediaType: record.mediaType }),
    kind: record.type,
    byteLength: record.byteLength,
    profile: record.profile,
    visibility: record.visibility,
    createdAt: record.created,
    extents: record.packs
      .flatMap(({ toc, extents }) => extents.map(([start, first, count]) => ({ start, pack: ids.get(toc.toString()) ?? -1, first, count })))
      .sort((a, b) => a.start - b.start),
    erasable,
    ...(shreddedAt === undefined ? { attributes: await attributesOf(context, record, options) } : { shreddedAt }),
    supersedes: record.supersedes,
    ...(record.retain && {
      retain: { until: record.retain.until, mode: record.retain.mode ?? undefined, legalHold: record.retain.legalHold },
    }),
    sequence: record.sequence,
    record: row.cid,
    recordPack,
  }
}

/** Of an erasable object they lie with its headers; of others in index packs. What cannot be had is reported, and the object is there without it. */
async function attributesOf(context: Context, record: RecordStatement, { tally, signal }: ApplyOptions): Promise<Uint8Array | undefined> {
  if (record.attributes.length === 0) return undefined
  const reader = blockReader(context, { visibility: record.visibility })
  const blocks: Block[] = []
  try {
    for (const cid of record.attributes)
      blocks.push({ cid, bytes: (await context.catalog.foundBytes(cid)) ?? (await reader.get(cid, { signal })) })
    return joinAttributes(blocks)
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof PerdureError) || error instanceof CatalogError) throw error
    const what = record.visibility === 'sealed' ? 'what is said of it under seal, its name among it,' : 'the modes and times of its entries'
    const reason = `${what} could not be had: ${error instanceof FormatError ? 'they are damaged' : error.message}`
    tally.incomplete.add({ root: record.root.toString(), missing: [], reason })
    return undefined
  }
}
