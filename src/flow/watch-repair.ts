/** Repairs with hysteresis: worst first, within the caps of the cycle, from what the audits left in the catalog. */
import type { ObjectRow, ObjectState, RepairReport } from '../contracts.ts'
import { ArchiveError } from '../errors.ts'
import { headerPolicy } from '../policy/erasable.ts'
import { type Relief, relieve, repairBudget } from '../policy/hysteresis.ts'
import { type Assessment, assess, reassess } from './assess.ts'
import { dagless } from './dag-places.ts'
import { releaseSpool } from './release.ts'
import { carryOutPlan } from './repair.ts'
import { retainedPacks, type Step, stepsFor } from './repair-plan.ts'
import { auditObjects, mayAudit } from './watch-audit.ts'
import { type Cycle, iso, pausedNow, problem } from './watch-run.ts'

/** Worst first. Of what is lost nothing can be copied; of what is satisfied nothing need be. */
const REPAIRABLE: readonly ObjectState[] = ['at-risk', 'damaged', 'unknown', 'degraded']
const PAGE = 50
/** Objects of one state that a cycle looks at, per repair that it may do; the next cycle goes on from there. */
const LOOKED_AT = 10
const LEAST_LOOKED_AT = 200
const FIRST_RETRY_MS = 15 * 60_000
const MOST_RETRY_MS = 24 * 3_600_000
/** Failures that are remembered. */
const REMEMBERED = 10_000

interface Plan {
  readonly known: Assessment
  readonly steps: readonly Step[]
  readonly urgent: boolean
  readonly retained: ReadonlySet<number>
  readonly without: ReadonlyMap<number, string>
  readonly shut: ReadonlyMap<string, string>
}

export async function repairDue(cycle: Cycle): Promise<void> {
  const { caps } = cycle
  const budget = repairBudget(caps)
  for (const state of REPAIRABLE) {
    const most = Math.max(LEAST_LOOKED_AT, LOOKED_AT * (caps.repairs + caps.urgentRepairs))
    for await (const object of candidates(cycle, state, most)) {
      cycle.signal.throwIfAborted()
      const plan = await planOf(cycle, object)
      if (!plan) continue
      const byteLength = plan.steps.reduce((sum, { pack, action }) => sum + (action === 'retain' ? 0 : pack.byteLength), 0)
      if ((cycle.quiet && !plan.urgent) || !budget.take({ urgent: plan.urgent, byteLength })) {
        cycle.counts.waiting.cap++
        continue
      }
      if (!(await repairOne(cycle, plan, byteLength))) return
    }
  }
}

/** Objects of a state, from where the last cycle stopped and around. */
async function* candidates({ context, memory }: Cycle, state: ObjectState, most: number): AsyncGenerator<ObjectRow> {
  const from = memory.cursors.get(state) ?? 0
  let looked = 0
  for (const [first, last] of [
    [from, Number.MAX_SAFE_INTEGER],
    [0, from],
  ] as const) {
    for (let after = first; after < last; ) {
      const page = (await context.catalog.objects({ after, limit: PAGE, state })).filter(({ id }) => id <= last)
      for (const object of page) {
        if (looked++ >= most) return
        memory.cursors.set(state, object.id)
        yield object
      }
      after = page.at(-1)?.id ?? last
      if (page.length === 0) break
    }
  }
  memory.cursors.delete(state)
}

/** What is to be done now; undefined: nothing, or it waits. */
async function planOf(cycle: Cycle, object: ObjectRow): Promise<Plan | undefined> {
  const { context, memory, counts } = cycle
  const now = context.clock()
  const failed = memory.failed.get(object.id)
  if (failed && failed.until > now && failed.until - now <= MOST_RETRY_MS) return undefined
  const known = await lookAt(cycle, object)
  if (known.report.shredded) return undefined
  const relief = reliefOf(cycle, known)
  const retained = await retainedPacks(context, known)
  const shut = shutNow(cycle)
  const without = await dagless(context, known.packs)
  const rules = { retained, without, relief, shut }
  const steps = known.packs.flatMap((pack) => stepsFor(context, known, pack, rules))
  const fruitless = new Set(known.packs.filter(({ name }) => relief.get(name.toString())?.source === false).map(({ id }) => id))
  const possible = steps.filter(({ pack, action }) => action === 'retain' || !fruitless.has(pack.id))
  if (possible.length === 0) {
    if (steps.length > 0) counts.waiting.source++
    else if ([...relief.values()].some(({ waiting }) => waiting.length > 0)) counts.waiting.grace++
    return undefined
  }
  const urgent = possible.some(({ pack }) => relief.get(pack.name.toString())?.urgent === true)
  return { known, steps: possible, urgent, retained, without, shut }
}

/** What is known of an object. A repair that died half-way may have left a copy that nobody asked yet: it is asked now, not when the object is due again. */
async function lookAt(cycle: Cycle, object: ObjectRow): Promise<Assessment> {
  const { context } = cycle
  const known = await assess(context, object)
  const isNew = known.judged.some(({ footing, at }) => footing === 'open' && at === undefined)
  if (isNew && !cycle.quiet && mayAudit(cycle)) await auditObjects(cycle, [object])
  // Or its last word, that all is well.
  else if (known.report.state === object.state) return known
  const [again = known] = await reassess(context, [object])
  await releaseSpool(context, [again])
  return again
}

/** By pack name. */
function reliefOf({ context, pauses }: Cycle, { packs, judged }: Assessment): ReadonlyMap<string, Relief> {
  const { policy } = context
  const vaults = new Map([...context.vaults].map(([id, { profile }]) => [id, profile]))
  return new Map(
    packs.map((pack) => {
      const name = pack.name.toString()
      const floor = (pack.erasable ? headerPolicy(policy) : policy).floor
      const replicas = judged.filter(
        ({ pack: own, vault }) => own === name && context.vaults.has(vault) && context.leaving.get(vault) !== 'left',
      )
      const facts = { replicas, vaults, floor, graceDays: policy.graceDays, silences: pauses, spooled: pack.spooled }
      return [name, relieve(facts)]
    }),
  )
}

/** Vaults that are not written to now, with the reason. */
function shutNow(cycle: Cycle): ReadonlyMap<string, string> {
  const { context, memory } = cycle
  const now = context.clock()
  const shut = new Map<string, string>()
  for (const id of context.vaults.keys()) {
    const pause = pausedNow(cycle, id)
    if (pause) shut.set(id, `left alone until ${iso(pause.until)}: ${pause.detail ?? pause.reason}`)
    else if ((memory.full.get(id) ?? 0) > now) shut.set(id, 'it would take no more')
  }
  return shut
}

/** Resolves to false when no other object would fare better now. */
async function repairOne(cycle: Cycle, { known, steps, urgent, retained, without, shut }: Plan, byteLength: number): Promise<boolean> {
  const { context, counts, signal, memory } = cycle
  const { object } = known
  let report: RepairReport
  counts.repairs.objects++
  try {
    report = await carryOutPlan(context, known, steps, { signal, retained, without, shut, patienceMs: 0 })
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof ArchiveError)) throw error
    counts.repairs.failed++
    postpone(cycle, object.id)
    problem(cycle, { step: 'repair', code: error.code, message: `${object.root}: ${error.message}` })
    return error.code !== 'exhausted'
  }
  const failures = report.actions.filter(({ outcome }) => outcome === 'failed')
  if (failures.length === 0) {
    counts.repairs.repaired++
    counts.repairs.byteLength += byteLength
    memory.failed.delete(object.id)
  } else {
    counts.repairs.failed++
    postpone(cycle, object.id)
  }
  cycle.emit({ type: 'object-repaired', root: report.root, urgent, before: report.before, state: report.state, actions: report.actions })
  const full = failures.find(({ code, detail }) => code === 'exhausted' && detail?.startsWith('vault ') === false)
  if (full) problem(cycle, { step: 'repair', code: 'exhausted', message: `${report.root}: ${full.detail}` })
  return full === undefined
}

/** What failed is tried again later, and later each time. */
function postpone({ context, memory }: Cycle, id: number): void {
  const failures = (memory.failed.get(id)?.failures ?? 0) + 1
  const wait = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MOST_RETRY_MS)
  memory.failed.delete(id)
  memory.failed.set(id, { failures, until: context.clock() + wait })
  for (const oldest of memory.failed.keys()) if (memory.failed.size > REMEMBERED) memory.failed.delete(oldest)
}
