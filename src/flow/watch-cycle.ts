/** One cycle: history → vaults → audits → surveys → repairs → renewals → index packs → log. Each step may be killed anywhere and is begun anew. */
import type { CycleReport, ObjectState } from '../contracts.ts'
import { worst } from '../policy/state.ts'
import { assess } from './assess.ts'
import { lookAtLeaving } from './leaving.ts'
import { sweep } from './publish.ts'
import { releaseSpool } from './release.ts'
import { auditDue } from './watch-audit.ts'
import { renewDue } from './watch-renew.ts'
import { repairDue } from './watch-repair.ts'
import { type Cycle, pausedNow, problem, reportOf, step } from './watch-run.ts'
import { probeVaults } from './watch-vaults.ts'

/** Spooled packs looked after at a time. */
const SWEPT = 16

export async function runCycle(cycle: Cycle): Promise<CycleReport> {
  const { context, parts, signal, quiet } = cycle
  cycle.emit({ type: 'cycle-began', at: new Date(cycle.began).toISOString(), quiet })
  await lookAtLeaving(context)
  const continues = await checkHistory(cycle)
  await step(cycle, 'vaults', () => probeVaults(cycle))
  if (!quiet) {
    await step(cycle, 'audit', () => auditDue(cycle))
    await step(cycle, 'survey', () => survey(cycle))
  }
  // Each of them enters itself into the log, and is refused while its history is in doubt.
  if (continues) await step(cycle, 'repair', () => repairDue(cycle))
  if (continues && !quiet) await step(cycle, 'renew', () => renewDue(cycle))
  if (continues)
    await step(cycle, 'sweep', async () => {
      await sweep(context, { signal })
      await sweepSpool(cycle)
    })
  const totals = await context.catalog.totals(context.clock())
  const states = Object.entries(totals.states) as [ObjectState, number][]
  const state = worst(states.filter(([, objects]) => objects > 0).map(([each]) => each))
  // A catalog that does not continue its history must not begin another one.
  if (continues)
    await step(cycle, 'log', () =>
      parts.log(context, { report: reportOf(cycle, totals.states, state), account: cycle.account }, { signal }),
    )
  const report = reportOf(cycle, totals.states, state)
  await context.catalog.setMark('cycle', { at: context.clock(), detail: JSON.stringify(report) })
  cycle.emit({ type: 'cycle-ended', report })
  return report
}

/** Resolves to false when the catalog is known not to continue what was said before: then it only audits. A check that fails says nothing. */
async function checkHistory(cycle: Cycle): Promise<boolean> {
  let found: string | undefined
  await step(cycle, 'history', async () => {
    found = await cycle.parts.history(cycle.context, { signal: cycle.signal })
  })
  if (found !== undefined) problem(cycle, { step: 'history', code: 'rolled-back', message: found })
  return found === undefined
}

/** Packs whose last step a kill took away: their floor is held, and they lie in the spool still. A few at a time, round and round. */
async function sweepSpool({ context, memory, signal }: Cycle): Promise<void> {
  const after = memory.cursors.get('spool') ?? 0
  const packs = await context.catalog.packs({ after, limit: SWEPT, kind: 'content', spooled: true })
  for (const pack of packs) {
    signal.throwIfAborted()
    const [id] = await context.catalog.objectsIn(pack.id, { limit: 1 })
    const object = id === undefined ? undefined : await context.catalog.objectById(id)
    if (object) await releaseSpool(context, [await assess(context, object)])
  }
  memory.cursors.set('spool', packs.length < SWEPT ? 0 : (packs.at(-1)?.id ?? 0))
}

async function survey(cycle: Cycle): Promise<void> {
  const { context, parts, caps, counts, signal } = cycle
  if (caps.audits < 1 || caps.auditBytes <= 0) return
  for (const vault of await parts.surveysDue(context, context.clock())) {
    signal.throwIfAborted()
    if (counts.bytesRead >= caps.auditBytes) return
    if (!context.vaults.has(vault) || pausedNow(cycle, vault)) continue
    const bytes = await parts.survey(context, vault, { signal })
    if (bytes === 0) continue
    counts.bytesRead += bytes
    counts.surveyed.push(vault)
    cycle.emit({ type: 'vault-surveyed', vault })
  }
}
