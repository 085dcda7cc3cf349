/** The archive at a glance, from the catalog alone: few rows however large it is. */
import type { AbortOptions, CycleReport, DrillReport, Glance, ObjectState, VaultEvidence, VaultGlance, VaultPause } from '../contracts.ts'
import { horizonOf } from '../policy/agenda.ts'
import { worst } from '../policy/state.ts'
import { assess } from './assess.ts'
import type { Context } from './context.ts'
import { named } from './names.ts'
import { longestAge } from './watch-audit.ts'
import { iso } from './watch-run.ts'

const TROUBLED: readonly ObjectState[] = ['lost', 'at-risk', 'damaged', 'unknown', 'degraded']
/** Objects of one state that are shown with their reasons. */
const SHOWN = 3
const REPAIRABLE: readonly ObjectState[] = ['at-risk', 'damaged']

export async function glance(context: Context, { signal }: AbortOptions = {}): Promise<Glance> {
  const { catalog, clock } = context
  const now = clock()
  const { states } = await catalog.totals(now)
  const present = (Object.entries(states) as [ObjectState, number][]).filter(([, objects]) => objects > 0).map(([state]) => state)
  signal?.throwIfAborted()
  const vaults = vaultsOf(context, await catalog.vaultEvidence(), await catalog.vaultPauses())
  const oldest = vaults.flatMap(({ oldestEvidence }) => oldestEvidence ?? []).sort()[0]
  const nextAudit = await nextAuditOf(context, now)
  const mark = await catalog.mark('cycle')
  const drill = await catalog.lastDrill()
  return {
    state: worst(present),
    states,
    troubles: await troublesOf(context, signal),
    vaults,
    ...(oldest !== undefined && { oldestEvidence: oldest }),
    ...(nextAudit !== undefined && { nextAudit: iso(nextAudit) }),
    ...(mark && { lastCycle: JSON.parse(mark.detail) as CycleReport }),
    ...(drill && { lastDrill: drillView(JSON.parse(drill.report) as DrillReport) }),
    openRepairs: REPAIRABLE.reduce((sum, state) => sum + states[state], 0),
  }
}

async function nextAuditOf({ catalog, ...context }: Context, now: number): Promise<number | undefined> {
  const horizon = horizonOf(now, longestAge({ ...context, catalog }))
  const overdue = await catalog.due({ at: now, horizon, limit: 1 })
  if (overdue.length === 0) return catalog.nextDue({ at: now, horizon })
  return Math.min(now, ...overdue.map(({ dueAt }) => (dueAt === 0 || dueAt > now ? now : dueAt)))
}

async function troublesOf(context: Context, signal: AbortSignal | undefined): Promise<Glance['troubles']> {
  const troubles: Glance['troubles'][number][] = []
  for (const state of TROUBLED) {
    for (const object of await context.catalog.objects({ state, limit: SHOWN })) {
      signal?.throwIfAborted()
      const { report } = await assess(context, object)
      const reasons = report.missing.map(({ reason }) => reason)
      const lost = report.replicas.filter(({ verdict }) => verdict === 'damaged' || verdict === 'missing')
      troubles.push({
        root: report.root,
        ...(await named(context, object)),
        ...(report.sealed && { sealed: true as const }),
        state: report.state,
        reasons: reasons.length > 0 ? reasons : [...new Set(lost.map(({ vault, verdict }) => `the copy in ${vault} is ${verdict}`))],
      })
    }
  }
  return troubles
}

function vaultsOf(context: Context, evidence: readonly VaultEvidence[], pauses: readonly VaultPause[]): readonly VaultGlance[] {
  const ids = new Set([...context.vaults.keys(), ...evidence.map(({ vault }) => vault)])
  return [...ids].map((id) => {
    const own = evidence.filter(({ vault }) => vault === id)
    const counted = (...verdicts: readonly (VaultEvidence['verdict'] | 'never')[]) =>
      own.filter(({ verdict }) => verdicts.includes(verdict ?? 'never')).reduce((sum, { replicas }) => sum + replicas, 0)
    const intact = own.find(({ verdict }) => verdict === 'intact')
    const pause = pauses.find(({ vault }) => vault === id)
    const unopened = context.unopened.get(id)
    const leaving = context.leaving.get(id)
    return {
      vault: id,
      replicas: own.reduce((sum, { replicas }) => sum + replicas, 0),
      intact: counted('intact'),
      lost: counted('damaged', 'missing'),
      silent: counted('unreachable', 'denied', 'incomplete', 'pending'),
      unproven: counted('unproven', 'never'),
      ...(intact?.newestAt !== undefined && { lastEvidence: iso(intact.newestAt) }),
      ...(intact?.oldestAt !== undefined && { oldestEvidence: iso(intact.oldestAt) }),
      ...(pause && { paused: pausedView(pause) }),
      ...(unopened && { unopened: unopened.message }),
      ...(leaving && { leaving }),
    }
  })
}

const drillView = ({ at, restored, failed, skipped }: DrillReport): NonNullable<Glance['lastDrill']> => ({ at, restored, failed, skipped })

const pausedView = ({ reason, since, until, detail }: VaultPause): NonNullable<VaultGlance['paused']> => ({
  reason,
  since: iso(since),
  until: iso(until),
  ...(detail !== undefined && { detail }),
})
