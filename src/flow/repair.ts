/**
 * Repair: challenge → the same placement with health filled in → read from intact replicas, re-hash → the same replicate.
 * Copies only bytes it has just verified; a damaged copy is replaced whole or left as it is, never deleted first.
 */
import type {
  ArchiveFact,
  Missing,
  NewLogEntry,
  ObjectRow,
  PackRow,
  RepairAction,
  RepairOptions,
  RepairReport,
  Vault,
} from '../contracts.ts'
import { ArchiveError, PerdureError } from '../errors.ts'
import { type Assessment, reassess } from './assess.ts'
import { type Context, eachOf } from './context.ts'
import { dagless } from './dag-places.ts'
import { lookAtLeaving } from './leaving.ts'
import { appendLog, MOST_LISTED } from './log.ts'
import { assertHistory } from './log-alarm.ts'
import { logForgotten } from './log-writes.ts'
import { readBack } from './probes.ts'
import { publish, sweep } from './publish.ts'
import { ensureSpooled } from './rebuild.ts'
import { releaseSpool } from './release.ts'
import { permitted, wouldNeed } from './repair-permit.ts'
import { aroundFailures, type PlanRules, retainedPacks, type Step, stepsFor } from './repair-plan.ts'
import { type Placement, type ReplicateOptions, replicate } from './replicate.ts'
import { scoresOf } from './scores.ts'
import { spending, spendingEach } from './spending.ts'
import { verifyBatch } from './verify.ts'

const PAGE = 200

/** Brings one object back to its policy, as far as vaults and bytes allow. */
export function repair(context: Context, object: ObjectRow, options: RepairOptions = {}): Promise<RepairReport> {
  return spending(context, 'repair', async (own) => {
    const report = await repairOne(own, object, options)
    if (!options.plan) await sweep(own, { signal: options.signal })
    return report
  })
}

async function repairOne(context: Context, object: ObjectRow, options: RepairOptions): Promise<RepairReport> {
  const { signal } = options
  await lookAtLeaving(context)
  if (!options.plan) await assertHistory(context)
  const [before] = await verifyBatch(context, [object], { level: 'sampled', signal })
  if (!before) throw new ArchiveError('unknown-root', `object ${object.root} was removed meanwhile`)
  if (before.report.shredded) return reportOf(before, before, [])
  const retained = await retainedPacks(context, before)
  const without = await dagless(context, before.packs)
  await scoresOf(context)
  return carryOutPlan(
    context,
    before,
    before.packs.flatMap((pack) => stepsFor(context, before, pack, { retained, without })),
    { ...options, retained, without },
  )
}

type CarryOptions = RepairOptions & Pick<ReplicateOptions, 'patienceMs'>

type PlanOptions = CarryOptions & Pick<PlanRules, 'retained' | 'without' | 'shut'>

/** Carries out what was planned for an object, or shows it with `plan`, and judges anew. */
export const carryOutPlan = (context: Context, before: Assessment, planned: readonly Step[], options: PlanOptions): Promise<RepairReport> =>
  spending(context, 'repair', () => permittedPlan(context, before, planned, options))

async function permittedPlan(context: Context, before: Assessment, planned: readonly Step[], options: PlanOptions): Promise<RepairReport> {
  const { signal, plan = false } = options
  const { object } = before
  if (plan || planned.length === 0) {
    const exceeds = await wouldNeed(context, before, planned)
    // A repair that died when all was done may have left its packs in the spool; a put that died before its end, no entry and no record.
    if (!plan) {
      await releaseSpool(context, [before])
      if ((await logForgotten(context, before)) || object.sequence === 0) await publish(context, [object], { signal })
    }
    const actions = planned.map(({ pack, ...step }) => ({
      ...step,
      pack: pack.name.toString(),
      byteLength: pack.byteLength,
      outcome: 'planned' as const,
    }))
    return { ...reportOf(before, before, actions), ...(exceeds && { exceeds }) }
  }
  const permit = await permitted(context, before, planned)
  const { exceeds, forbidden } = permit
  if (permit.steps.length === 0) return { ...reportOf(before, before, forbidden), ...(exceeds && { exceeds }) }
  try {
    const report = await carryOutAll(context, before, permit.steps, options)
    return { ...report, actions: [...report.actions, ...forbidden], ...(exceeds && { exceeds }) }
  } finally {
    await permit.release()
  }
}

async function carryOutAll(
  context: Context,
  before: Assessment,
  planned: readonly Step[],
  { retained, without, shut, ...options }: PlanOptions,
): Promise<RepairReport> {
  const { signal, patienceMs } = options
  const { object } = before
  const first = await carryOut(context, planned, options)
  // A lock that could not be extended is no reason to buy another copy.
  const refused = first.filter(({ pack, vault }) =>
    planned.some((step) => step.action !== 'retain' && step.pack.id === pack.id && step.vault === vault),
  )
  const detour = before.packs.flatMap((pack) => aroundFailures(context, before, { pack, placements: refused, retained, without, shut }))
  const permit = await permitted(context, before, detour)
  const second = await carryOut(context, permit.steps, options).finally(permit.release)
  const placements = [...first, ...second]
  const [after = before] = await reassess(context, [object])
  const actions = [...[...planned, ...permit.steps].map((step) => done(step, placements)), ...permit.forbidden]
  await logForgotten(context, after)
  await appendLog(context, [repairEntry(before, after, actions)])
  await publish(context, [(await context.catalog.objectById(object.id)) ?? object], { signal, patienceMs })
  await releaseSpool(context, [after])
  await context.events.emit(...actions.map((action) => factOf(after.report.root, action)))
  return reportOf(before, after, actions)
}

function factOf(root: string, { pack, vault, action, byteLength, outcome }: RepairAction): ArchiveFact {
  if (outcome === 'repaired') return { type: 'repair-done', root, vault, pack, action, byteLength }
  return { type: 'repair-failed', root, vault, pack, action }
}

/** Repairs whatever needs it, object by object. */
export const repairAll = (context: Context, options: RepairOptions = {}): AsyncGenerator<RepairReport> =>
  spendingEach(context, 'repair', (own) => repairEach(own, options))

async function* repairEach(context: Context, options: RepairOptions): AsyncGenerator<RepairReport> {
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

async function carryOut(context: Context, steps: readonly Step[], options: CarryOptions): Promise<readonly Placement[]> {
  const { signal, onProgress, patienceMs } = options
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
    const probes = (row: PackRow, vault: Vault) => readBack(context, row, vault)
    const done: Placement[] = []
    for (const [action, group] of sorted) {
      const jobs = [{ pack, vaults: group.map(({ vault }) => vault) }]
      done.push(
        ...(await replicate(context, jobs, {
          signal,
          onProgress,
          patienceMs,
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
    ...(!held && placement?.error instanceof PerdureError && { code: placement.error.code }),
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
