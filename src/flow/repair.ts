/**
 * Repair: challenge → the same placement with health filled in → read from intact replicas, re-hash → the same replicate.
 * Copies only bytes it has just verified; a damaged copy is replaced whole or left as it is, never deleted first.
 */
import type {
  ArchiveFact,
  Missing,
  NewLogEntry,
  ObjectRow,
  PackId,
  PackRow,
  RepairAction,
  RepairOptions,
  RepairReport,
  ReplicaReport,
  Verdict,
} from '../contracts.ts'
import { ArchiveError, VaultError } from '../errors.ts'
import { place } from '../policy/placement.ts'
import { cannotRetain, isInForce, isRetained } from '../policy/retain.ts'
import { type Assessment, reassess } from './assess.ts'
import { type Context, eachOf } from './context.ts'
import { dagless } from './dag-places.ts'
import { appendLog, MOST_LISTED } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { logForgotten } from './log-writes.ts'
import { barred, placementRules } from './placement-rules.ts'
import { readBack } from './probes.ts'
import { publish, sweep } from './publish.ts'
import { ensureSpooled } from './rebuild.ts'
import { releaseSpool } from './release.ts'
import { type Placement, replicate } from './replicate.ts'
import { scoresOf } from './scores.ts'
import { verifyBatch } from './verify.ts'

const PAGE = 200
const LOST: ReadonlySet<Verdict> = new Set(['damaged', 'missing'])

/** Brings one object back to its policy, as far as vaults and bytes allow. */
export async function repair(context: Context, object: ObjectRow, options: RepairOptions = {}): Promise<RepairReport> {
  const report = await repairOne(context, object, options)
  if (!options.plan) await sweep(context, { signal: options.signal })
  return report
}

async function repairOne(context: Context, object: ObjectRow, options: RepairOptions): Promise<RepairReport> {
  const { signal } = options
  if (!options.plan) await assertHistory(context)
  const [before] = await verifyBatch(context, [object], { level: 'sampled', signal })
  if (!before) throw new ArchiveError('unknown-root', `object ${object.root} was removed meanwhile`)
  if (before.report.shredded) return reportOf(before, before, [])
  const retained = await retainedPacks(context, before)
  const without = await dagless(context, before.packs)
  await scoresOf(context)
  const planned = before.packs.flatMap((pack) => planFor(context, before, pack, { retained, without }))
  if (options.plan || planned.length === 0) {
    // A repair that died when all was done may have left its packs in the spool; a put that died before its end, no entry and no record.
    if (!options.plan) {
      await releaseSpool(context, [before])
      if ((await logForgotten(context, before)) || object.sequence === 0) await publish(context, [object], { signal })
    }
    const actions = planned.map(({ pack, ...step }) => ({
      ...step,
      pack: pack.name.toString(),
      byteLength: pack.byteLength,
      outcome: 'planned' as const,
    }))
    return reportOf(before, before, actions)
  }
  const first = await carryOut(context, planned, options)
  // A lock that could not be extended is no reason to buy another copy.
  const refused = first.filter(({ pack, vault }) =>
    planned.some((step) => step.action !== 'retain' && step.pack.id === pack.id && step.vault === vault),
  )
  const detour = before.packs.flatMap((pack) => aroundFailures(context, before, { pack, placements: refused, retained, without }))
  const placements = [...first, ...(await carryOut(context, detour, options))]
  const [after = before] = await reassess(context, [object])
  const actions = [...planned, ...detour].map((step) => done(step, placements))
  await logForgotten(context, after)
  await appendLog(context, [repairEntry(before, after, actions)])
  await publish(context, [(await context.catalog.objectById(object.id)) ?? object], { signal })
  await releaseSpool(context, [after])
  await context.events.emit(...actions.map((action) => factOf(after.report.root, action)))
  return reportOf(before, after, actions)
}

function factOf(root: string, { pack, vault, action, byteLength, outcome }: RepairAction): ArchiveFact {
  if (outcome === 'repaired') return { type: 'repair-done', root, vault, pack, action, byteLength }
  return { type: 'repair-failed', root, vault, pack, action }
}

/** Repairs whatever needs it, object by object. */
export async function* repairAll(context: Context, options: RepairOptions = {}): AsyncGenerator<RepairReport> {
  for (let after = 0; ; ) {
    const page = await context.catalog.objects({ after, limit: PAGE })
    for (const object of page) {
      options.signal?.throwIfAborted()
      yield await repairOne(context, object, options)
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) break
    after = last.id
  }
  if (!options.plan) await sweep(context, { signal: options.signal })
}

interface Step {
  readonly pack: PackRow
  readonly vault: string
  readonly action: RepairAction['action']
  readonly reason: string
}

/** What is to be known of packs before they are planned. */
interface Asked {
  readonly retained: ReadonlySet<PackId>
  /** Packs that have no DAG to bring anywhere, with the reason. */
  readonly without: ReadonlyMap<PackId, string>
}

/** What this pack needs: lost copies replaced where they were, and new ones where the policy asks for more. */
function planFor(context: Context, known: Assessment, pack: PackRow, { retained, without }: Asked): readonly Step[] {
  const { report } = known
  // A vault that has come to keep what it has gets nothing new of what must be erasable.
  const refused = pack.erasable ? barred(context) : new Map<string, string>()
  const replicas = report.replicas.filter((replica) => replica.pack === pack.name.toString() && context.vaults.has(replica.vault))
  const steps: Step[] = replicas
    .filter(({ vault, verdict }) => LOST.has(verdict) && !refused.has(vault))
    .map(({ vault, verdict, detail }) => ({
      pack,
      vault,
      action: 'replace',
      reason: `the copy there is ${verdict}${detail ? `: ${detail}` : ''}`,
    }))
  const held = new Set([...replicas.filter(stands).map(({ vault }) => vault), ...steps.map(({ vault }) => vault)])
  const begun = new Set(replicas.map(({ vault }) => vault))
  const { add } = place(placementRules(context, pack, { held, begun, retained: retained.has(pack.id), dagless: without.get(pack.id) }))
  return [
    ...steps,
    ...looseLocks(context, known, pack).filter(({ vault }) => held.has(vault) && !steps.some((step) => step.vault === vault)),
    ...add.map((vault): Step => ({ pack, vault, action: 'place', reason: 'the policy asks for more copies than stand' })),
  ]
}

async function retainedPacks({ catalog, clock }: Context, { packs }: Assessment): Promise<ReadonlySet<PackId>> {
  const ids = packs.map(({ id }) => id)
  return new Set((await catalog.retentionOf(ids, clock())).keys())
}

/** Replicas that are not known to be retained as the object asks, where they could be. */
function looseLocks(context: Context, { object: { retain }, replicas }: Assessment, pack: PackRow): readonly Step[] {
  if (!isInForce(retain, context.clock())) return []
  return replicas
    .filter((replica) => replica.pack === pack.id && replica.state === 'placed' && !isRetained(replica, retain))
    .filter(({ vault }) => cannotRetain(context.vaults.get(vault)?.profile ?? {}) === undefined)
    .map(({ vault }) => ({ pack, vault, action: 'retain', reason: 'its lock is not known to last as long as the object asks' }))
}

/** When a vault would not take its copy, the next best vaults are asked. */
function aroundFailures(
  context: Context,
  { report }: Assessment,
  known: Asked & { readonly pack: PackRow; readonly placements: readonly Placement[] },
): readonly Step[] {
  const { pack, placements, retained, without } = known
  const own = placements.filter((placement) => placement.pack.id === pack.id)
  // Bytes that no replica could give are no vault's refusal: another vault would not get them either.
  const excluded = new Map(own.flatMap(({ vault, error }) => (error instanceof VaultError ? [[vault, error.message]] : [])))
  if (excluded.size === 0) return []
  const replicas = report.replicas.filter((replica) => replica.pack === pack.name.toString())
  const stood = replicas.filter(stands).map(({ vault }) => vault)
  const begun = new Set(replicas.map(({ vault }) => vault))
  const held = new Set([...stood, ...own.filter(({ outcome }) => outcome !== 'failed').map(({ vault }) => vault)])
  const noDag = without.get(pack.id)
  const { add } = place(placementRules(context, pack, { held, begun, excluded, retained: retained.has(pack.id), dagless: noDag }))
  return add.map(
    (vault): Step => ({
      pack,
      vault,
      action: 'place',
      reason: `in the place of ${[...excluded.keys()].join(', ')}, which would not take it`,
    }),
  )
}

/** A copy that nobody has shown to be lost: silence is no reason to buy another. */
const stands = ({ locator, verdict }: ReplicaReport): boolean => locator !== undefined && !LOST.has(verdict)

async function carryOut(context: Context, steps: readonly Step[], options: RepairOptions): Promise<readonly Placement[]> {
  const { signal, onProgress } = options
  const brought = new Set<string>()
  const perPack = [...Map.groupBy(steps, ({ pack }) => pack.id).values()]
  const placements = await eachOf(perPack, 1, async (own) => {
    const [first] = own
    if (!first) return []
    const { pack } = first
    try {
      if (own.some(({ action }) => action !== 'retain')) await ensureSpooled(context, pack, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ArchiveError)) throw error
      return own.map(({ vault }): Placement => ({ pack, vault, outcome: 'failed', evidence: [], error }))
    }
    const sorted = Map.groupBy(own, ({ action }) => action)
    const probes = (row: PackRow) => readBack(context, row)
    const done: Placement[] = []
    for (const [action, group] of sorted) {
      const jobs = [{ pack, vaults: group.map(({ vault }) => vault) }]
      done.push(
        ...(await replicate(context, jobs, {
          signal,
          onProgress,
          replace: action === 'replace',
          brought,
          acceptOnly: action === 'retain',
          probes,
        })),
      )
    }
    return done
  })
  return placements.flat()
}

const repairEntry = (before: Assessment, { report }: Assessment, actions: readonly RepairAction[]): NewLogEntry => ({
  kind: 'repair',
  root: report.root,
  before: before.report.state,
  state: report.state,
  actionCount: actions.length,
  actions: actions
    .slice(0, MOST_LISTED)
    .map(({ pack, vault, action, outcome }) => ({ pack, vault, action, outcome: outcome === 'repaired' ? 'repaired' : 'failed' })),
})

function done(step: Step, placements: readonly Placement[]): RepairAction {
  const { pack, vault, action, reason } = step
  const placement = placements.find((one) => one.pack.id === pack.id && one.vault === vault)
  const held =
    placement !== undefined &&
    placement.outcome !== 'failed' &&
    !placement.evidence.some(({ verdict }) => verdict !== 'intact' && verdict !== 'pending')
  const detail = placement?.error?.message ?? placement?.evidence.find(({ verdict }) => verdict !== 'intact')?.detail
  return {
    pack: pack.name.toString(),
    vault,
    action,
    reason,
    byteLength: pack.byteLength,
    outcome: held ? 'repaired' : 'failed',
    ...(detail !== undefined && { detail }),
  }
}

function reportOf(before: Assessment, after: Assessment, actions: readonly RepairAction[]): RepairReport {
  const missing: readonly Missing[] = after.report.missing
  return {
    root: after.report.root,
    before: before.report.state,
    state: after.report.state,
    actions,
    replicas: after.report.replicas,
    missing,
  }
}
