/** What the watch takes from other parts of the house, in one small place. */
import type { AbortOptions, ArchiveFact, AuditEntry, CycleReport, ReplicaReport, WatchEvent } from '../contracts.ts'
import type { Context } from './context.ts'
import { checkHistory } from './history.ts'
import { deliverHooks } from './hooks.ts'
import { appendLog } from './log.ts'
import { publishCheckpoint } from './log-travel.ts'
import { spending } from './spending.ts'
import { auditStructure, structureDue } from './structure.ts'
import { surveysDue, surveyVault } from './survey.ts'
import { checkAccount } from './watch-checks.ts'

/** How long a cycle waits for receivers. */
const DELIVER_MS = 10_000

/** One replica that was asked in this cycle, and what it showed of that object. */
export interface CycleCheck {
  readonly root: string
  readonly replica: ReplicaReport
}

/** The checks of a cycle as they are made, without keeping them. */
export interface CheckAccount {
  add(check: CycleCheck): void
  entry(): Pick<AuditEntry, 'checks' | 'checksRoot' | 'vaults'>
}

export interface WatchParts {
  /** Does the catalog continue what was said before? A sentence when it does not: it was rolled back, or another history stands beside it. */
  history(context: Context, options: AbortOptions): Promise<string | undefined>
  /** One for each cycle. */
  account(): CheckAccount
  surveysDue(context: Context, now: number): Promise<readonly string[]>
  /** What is due of one vault: its survey, and the structure that lies in it; resolves to the bytes it read. */
  survey(context: Context, vault: string, options: AbortOptions): Promise<number>
  /** Says in the log what the cycle did, and brings the checkpoint to the vaults. Not called while the history is in doubt. */
  log(context: Context, cycle: { readonly report: CycleReport; readonly account: CheckAccount }, options: AbortOptions): Promise<void>
  /** For listeners and hooks. */
  emit(context: Context, event: WatchEvent): void
  /** Sends hooks what waits for them, in bounded time. A receiver that fails is tried again in a later cycle. */
  deliver(context: Context, options: AbortOptions): Promise<void>
}

export const watchParts: WatchParts = {
  history: async (context, { signal }) => {
    const now = context.clock()
    const awake = [...context.vaults.keys()].filter((id) => (context.pauses?.get(id) ?? 0) <= now)
    const { verdict, vaults } = await checkHistory(context, { signal, vaults: awake })
    if (verdict !== 'rolled-back' && verdict !== 'forked') return undefined
    const where = vaults.filter((one) => one.verdict === verdict).map(({ vault }) => vault)
    return `this catalog is ${verdict === 'forked' ? 'another history than' : 'older than'} what ${where.join(' and ')} hold${where.length === 1 ? 's' : ''}; \`perdure log check\` says more, \`perdure recover\` rebuilds it`
  },
  account: checkAccount,
  surveysDue: async (context, now) => [...new Set([...(await surveysDue(context, now)), ...(await structureDue(context))])],
  survey: (context, vault, { signal }) =>
    spending(context, 'survey', async () => {
      const isDue = (await surveysDue(context, context.clock())).includes(vault)
      const drawn = isDue ? (await surveyVault(context, vault, { signal })).bytesRead : 0
      const isWanted = (await structureDue(context)).includes(vault)
      return drawn + (isWanted ? (await auditStructure(context, vault, { signal })).bytesRead : 0)
    }),
  log: async (context, { report, account }, { signal }) => {
    const entry = account.entry()
    if (entry.checks > 0 || report.surveyed.length > 0) {
      const surveys = await Promise.all(report.surveyed.map((vault) => surveyOf(context, vault)))
      await appendLog(context, [{ kind: 'audit', ...entry, surveys: surveys.filter((survey) => survey !== undefined) }])
    }
    await publishCheckpoint(context, { signal, patienceMs: 0 })
  },
  emit: (context, event) => void context.events.emit(...factsOf(event)),
  deliver: async (context, { signal }) => void (await deliverHooks(context, { signal, withinMs: DELIVER_MS })),
}

/** What the cycle alone knows; repairs, renewals, states and the history tell of themselves where they are made. */
function factsOf(event: WatchEvent): readonly ArchiveFact[] {
  if (event.type === 'vault-paused' && event.reason !== 'limited')
    return [{ type: 'vault-unreachable', vault: event.vault, since: event.since, ...(event.reason === 'denied' && { code: 'denied' }) }]
  if (event.type === 'vault-resumed' && event.reason !== 'limited') return [{ type: 'vault-back', vault: event.vault, since: event.since }]
  if (event.type !== 'cycle-ended') return []
  const { began, state, audited, repairs } = event.report
  return [{ type: 'cycle-finished', cycle: began, state, checked: audited, repaired: repairs.repaired, failed: repairs.failed }]
}

/** The newest survey of a vault, where it came to its end. */
async function surveyOf({ catalog }: Context, vault: string): Promise<AuditEntry['surveys'][number] | undefined> {
  const survey = await catalog.latestSurvey(vault)
  if (survey?.closedAt === undefined) return undefined
  const probes = await catalog.probesOf(survey.id)
  return { vault, drawn: probes.length, failed: probes.filter(({ outcome }) => outcome === 'damaged' || outcome === 'missing').length }
}
