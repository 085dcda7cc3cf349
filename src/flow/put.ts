/**
 * Put: source → UnixFS blocks → packs in the spool → catalog sealed → placement → per vault, side by side, intent → locate → put → challenge →
 * policy judged → signed records and receipt. Run it again after any crash: what is stored is found, what is missing is done.
 */
import { namedEntries, type OpenedSource, openSource } from '../bytes/source.ts'
import type {
  AbortOptions,
  InclusionProof,
  NamedEntry,
  ObjectRow,
  PackId,
  PackRow,
  PutOptions,
  Receipt,
  Source,
  Vault,
} from '../contracts.ts'
import { ArchiveError, CatalogError, PolicyError } from '../errors.ts'
import { LEAF_PLAINTEXT_BYTES } from '../format/age-layout.ts'
import { signReceipt } from '../format/receipt.ts'
import { chunkSizeOf } from '../format/unixfs-import.ts'
import type { Bill } from '../policy/cost.ts'
import { place } from '../policy/placement.ts'
import { evidenceRulesFor } from '../policy/policy.ts'
import { cannotRetain, retainRow } from '../policy/retain.ts'
import { type Assessment, reassess } from './assess.ts'
import { type Context, profilesOf } from './context.ts'
import { dagless } from './dag-places.ts'
import { listing } from './index-pack.ts'
import { ingest } from './ingest.ts'
import { lookAtLeaving } from './leaving.ts'
import { assertHistory } from './log-alarm.ts'
import { logWrites } from './log-writes.ts'
import { placementRules, type Rules } from './placement-rules.ts'
import { readBack, readBackBytes } from './probes.ts'
import { publish } from './publish.ts'
import { releaseSpool } from './release.ts'
import { type Placement, type ReplicateOptions, replicate } from './replicate.ts'
import { scoresOf } from './scores.ts'
import { type Sealing, sealingOf } from './sealing.ts'
import { allowed, billFor, billOf, overLimit, readingBill, spending } from './spending.ts'

/** Of a record and its index pack, about. */
const RECORD_BYTES = 2_048
const TOC_ENTRY_BYTES = 48

/** Stores one object and brings it to the vaults that the policy asks for. Partial success is in the receipt, not an exception. */
export function put(context: Context, source: Source, options: PutOptions = {}): Promise<Receipt> {
  return spending(context, 'put', async (own) => {
    checkRetain(own, options)
    await assertHistory(own)
    const sealing = await sealingOf(own, options)
    const opened = await openSource(source, { exclude: options.exclude, chunkSize: chunkSizeFor(own, options, sealing) })
    const { objects } = await ingest(own, opened, { ...options, each: false, sealing })
    const [receipt] = await replicateObjects(own, objects, options)
    return receipt as Receipt
  })
}

/** Stores every entry as an object of its own; they share packs, and each gets a receipt. */
export function putAll(
  context: Context,
  entries: Iterable<NamedEntry> | AsyncIterable<NamedEntry>,
  options: PutOptions = {},
): Promise<readonly Receipt[]> {
  return spending(context, 'put', async (own) => {
    checkRetain(own, options)
    await assertHistory(own)
    const sealing = await sealingOf(own, options)
    const chunkSize = chunkSizeFor(own, options, sealing)
    const source: OpenedSource = { shape: 'tree', entries: (abort) => namedEntries(entries, { ...abort, chunkSize }) }
    const { objects } = await ingest(own, source, { ...options, each: true, sealing })
    return replicateObjects(own, objects, options)
  })
}

const chunkSizeFor = (context: Context, { profile = context.profile }: PutOptions, sealing: Sealing | undefined): number =>
  sealing ? LEAF_PLAINTEXT_BYTES : chunkSizeOf(profile)

/** Refuses before the source is read what could not be kept. */
export function checkRetain(context: Context, { retain }: Pick<PutOptions, 'retain'>): void {
  if (!retain) return
  retainRow(retain, context.clock())
  if (profilesOf(context).some((profile) => cannotRetain(profile) === undefined)) return
  throw new PolicyError(
    'unsupported',
    'no vault of this archive can keep packs from being deleted; add one that can, such as an S3 bucket with Object Lock, or leave out `retain`',
  )
}

/** The second half of put: sealed objects reach the vaults, are challenged there, judged, recorded and receipted. */
export async function replicateObjects(context: Context, objects: readonly ObjectRow[], options: PutOptions): Promise<readonly Receipt[]> {
  const until = options.until ?? 'policy'
  const plan = await planOf(context, await packsOf(context, objects))
  const permit = await allowed(context, await billOfPlan(context, plan))
  if (permit.refused) throw overLimit(permit.refused, keptInSpool(objects))
  const first =
    until === 'floor' ? plan.map(({ pack, floor }) => ({ pack, vaults: floor })) : plan.map(({ pack, all }) => ({ pack, vaults: all }))
  const covered = coverOf(plan)
  const work = {
    ...options,
    acceptOnly: until === 'accepted',
    covered,
    probes: (pack: PackRow, vault: Vault) => readBack(context, pack, vault),
  }
  const rest = until === 'floor' ? beyond(plan) : []
  let ongoing = false
  try {
    const placed = await replicate(context, first, work)
    const placements = [...placed, ...(await aroundLeaving(context, placed, work))]
    const receipts = await conclude(context, objects, placements, { signal: options.signal, unfinished: rest.length > 0 })
    if (rest.length > 0) later(context, objects, { rest, placements, release: permit.release }, { ...options, covered })
    ongoing = rest.length > 0
    return receipts
  } catch (error) {
    throw error instanceof CatalogError && (error.code === 'not-found' || error.code === 'conflict') ? removedMeanwhile(error) : error
  } finally {
    if (!ongoing) await permit.release()
  }
}

interface Planned {
  readonly pack: PackRow
  /** Vaults that hold it already, as far as anybody knows. */
  readonly held: ReadonlySet<string>
  readonly all: readonly string[]
  readonly floor: readonly string[]
}

async function planOf(context: Context, packs: readonly PackRow[]): Promise<readonly Planned[]> {
  await lookAtLeaving(context)
  await scoresOf(context)
  const holding = await holders(context, packs)
  const without = await dagless(context, packs)
  const begun = Map.groupBy(await context.catalog.replicasOf(packs.map(({ id }) => id)), ({ pack }) => pack)
  const retained = await context.catalog.retentionOf(
    packs.map(({ id }) => id),
    context.clock(),
  )
  return packs.map((pack) => {
    const held = holding.get(pack.id) ?? new Set<string>()
    const begunIn = new Set(begun.get(pack.id)?.map(({ vault }) => vault))
    const known = { held, begun: begunIn, retained: retained.has(pack.id), dagless: without.get(pack.id) }
    return { pack, held, ...planned(context, pack, known) }
  })
}

/** What is to be sent, stored and read back; what a vault holds already is only read back. */
async function billOfPlan(context: Context, plan: readonly Planned[]): Promise<Bill> {
  if (!context.limits) return billOf([])
  const bills: Bill[] = []
  for (const { pack, held, all } of plan) {
    for (const vault of all) {
      const readBytes = await readBackBytes(context, pack, vault)
      bills.push(held.has(vault) ? readingBill(context, vault, readBytes) : billFor(context, pack, vault, readBytes))
    }
    const record = { byteLength: RECORD_BYTES + pack.blockCount * TOC_ENTRY_BYTES }
    for (const vault of listing(context)) bills.push(billFor(context, record, vault, record.byteLength))
  }
  return billOf(bills)
}

const coverOf = (plan: readonly Planned[]) => {
  const held = new Map(plan.map((one) => [one.pack.id, one.held]))
  return (pack: PackRow, vault: string) => held.get(pack.id)?.has(vault) !== true
}

const keptInSpool = (objects: readonly ObjectRow[]) => {
  const [first] = objects
  return (
    `Nothing was sent and nothing was spent; what was read is kept in the spool as ${first?.root}${objects.length > 1 ? ` and ${objects.length - 1} more` : ''}: ` +
    'raise the limit and put or repair it, or give it up with `perdure rm`'
  )
}

/** A vault that began to be left since this was planned took nothing: the next best ones are asked. */
async function aroundLeaving(
  context: Context,
  placed: readonly Placement[],
  work: Parameters<typeof replicate>[2],
): Promise<readonly Placement[]> {
  const turnedAway = placed.filter(({ vault, outcome }) => outcome === 'failed' && context.leaving.has(vault))
  const plan = await planOf(context, [...new Map(turnedAway.map(({ pack }) => [pack.id, pack])).values()])
  // In the place of one that was reckoned with: about as dear, and the month is looked at again.
  const permit = await allowed(context, await billOfPlan(context, plan))
  if (permit.refused) return []
  const jobs = plan.map(({ pack, all }) => ({
    pack,
    vaults: all.filter((id) => !placed.some((one) => one.pack.id === pack.id && one.vault === id)),
  }))
  return replicate(context, jobs, work).finally(permit.release)
}

const removedMeanwhile = (cause?: unknown) =>
  new ArchiveError('conflict', 'it was removed while it was being put; run the command again', { cause })

/** What the floor leaves of the plan. */
function beyond(
  plan: readonly { readonly pack: PackRow; readonly all: readonly string[]; readonly floor: readonly string[] }[],
): readonly Job[] {
  return plan
    .map(({ pack, all, floor }) => ({ pack, vaults: all.filter((id) => !floor.includes(id)) }))
    .filter(({ vaults }) => vaults.length > 0)
}

interface Job {
  readonly pack: PackRow
  readonly vaults: readonly string[]
}

/** `unfinished`: more vaults of the plan are to come, and the packs stay in the spool for them. */
async function conclude(
  context: Context,
  objects: readonly ObjectRow[],
  placements: readonly Placement[],
  { signal, unfinished = false }: AbortOptions & { readonly unfinished?: boolean },
): Promise<readonly Receipt[]> {
  const assessments = await reassess(context, objects)
  if (assessments.some(({ packs }) => packs.length === 0)) throw removedMeanwhile()
  const logged = await logWrites(context, assessments)
  const published = await publish(context, objects, { signal })
  if (!unfinished) await releaseSpool(context, assessments)
  const named = new Set(placements.map(({ vault }) => vault))
  const complete =
    !unfinished && [...placements, ...published.filter(({ vault }) => named.has(vault))].every((placement) => showed(context, placement))
  const receipts: Receipt[] = []
  for (const assessment of assessments) receipts.push(await receiptOf(context, assessment, complete, logged.get(assessment.object.id)))
  await context.catalog.saveReceipts(
    receipts.map((receipt, index) => ({ object: objects[index]?.id ?? 0, receipt: JSON.stringify(receipt), at: context.clock() })),
  )
  return receipts
}

/** Taken, and bytes of it shown; of a vault whose word the policy takes, its word will do. */
export function showed({ policy }: Context, { vault, outcome, evidence }: Placement): boolean {
  const takesItsWord = evidenceRulesFor(policy, vault).accept.includes('listed')
  const isShown = ({ verdict, possession }: Placement['evidence'][number]) =>
    verdict === 'intact' || (takesItsWord && verdict === 'unproven' && possession === 'listed')
  return outcome !== 'failed' && evidence.length > 0 && evidence.every(isShown)
}

/** What lies beyond the floor goes on after put has resolved; closing the archive waits for it. */
function later(
  context: Context,
  objects: readonly ObjectRow[],
  { rest, placements, release }: { readonly rest: readonly Job[]; readonly placements: readonly Placement[]; release(): Promise<void> },
  options: PutOptions & Pick<ReplicateOptions, 'covered'>,
): void {
  const work: Promise<unknown> = replicate(context, rest, { ...options, probes: (pack, vault) => readBack(context, pack, vault) })
    .then((others) => conclude(context, objects, [...placements, ...others], { signal: options.signal }))
    // Aborted or failed: the intents are durable, and repair goes on from them.
    .catch((error: unknown) => error)
    .finally(release)
    .finally(() => context.background.delete(work))
  context.background.add(work)
}

/** Where packs of earlier puts stand already, so that they are not copied to yet another vault. */
async function holders(context: Context, packs: readonly PackRow[]): Promise<ReadonlyMap<PackId, ReadonlySet<string>>> {
  const ids = packs.map(({ id }) => id)
  const evidence = await context.catalog.packEvidence(ids)
  const lost = new Set(
    evidence.filter(({ verdict }) => verdict === 'damaged' || verdict === 'missing').map(({ pack, vault }) => `${pack} ${vault}`),
  )
  const placed = (await context.catalog.replicasOf(ids)).filter(
    ({ pack, vault, state }) => state === 'placed' && context.vaults.has(vault) && !lost.has(`${pack} ${vault}`),
  )
  return new Map([...Map.groupBy(placed, ({ pack }) => pack)].map(([id, rows]) => [id, new Set(rows.map(({ vault }) => vault))]))
}

function planned(context: Context, pack: PackRow, known: Rules): { readonly all: readonly string[]; readonly floor: readonly string[] } {
  const { policy, ...question } = placementRules(context, pack, known)
  const floor = place({ ...question, policy: { ...policy, copies: Math.max(1, policy.floor), distinct: {} } }).chosen
  const all = place({ ...question, policy }).chosen
  return { all, floor: floor.every((id) => all.includes(id)) ? floor : all }
}

async function receiptOf(
  context: Context,
  { object, packs, report }: Assessment,
  complete: boolean,
  log: InclusionProof | undefined,
): Promise<Receipt> {
  const statement = {
    version: 1 as const,
    root: report.root,
    ...(object.name !== undefined && { name: object.name }),
    ...(object.mediaType !== undefined && { mediaType: object.mediaType }),
    byteLength: object.byteLength,
    profile: object.profile,
    visibility: object.visibility,
    state: report.state,
    created: new Date(context.clock()).toISOString(),
    packs: packs.map(({ name, byteLength, blockCount }) => ({ name: name.toString(), byteLength, blocks: blockCount })),
    replicas: report.replicas,
    missing: report.missing,
    ...(report.retain && { retain: report.retain }),
    complete,
    ...(log && { log }),
  }
  return signReceipt(statement, context.key)
}

export async function packsOf(context: Context, objects: readonly ObjectRow[]): Promise<readonly PackRow[]> {
  const packs = new Map<number, PackRow>()
  for (const { id } of objects) for (const pack of await context.catalog.packsOf(id)) packs.set(pack.id, pack)
  return [...packs.values()]
}
