/** Terms and locks are renewed long before they end, and what could not be renewed is said loudly, again and again. */
import { DAY_MS } from '../policy/cadence.ts'
import { renewals } from './renew.ts'
import { type Cycle, iso, pausedNow, problem } from './watch-run.ts'

/** How often all terms are looked at: a question to the vault for each replica that has one. */
const EVERY_MS = DAY_MS
/** After a failure. */
const AGAIN_MS = 3_600_000
/** Lead of the renewals in cycles: two may fail, and the third still comes in time. */
const LEAD_CYCLES = 3
const MOST_CYCLE_DAYS = 90
const MARK = 'renew'

export async function renewDue(cycle: Cycle): Promise<void> {
  const { context, counts, signal, intervalMs } = cycle
  const { catalog, clock } = context
  const now = clock()
  const last = await catalog.mark(MARK)
  const gap = last && last.at <= now ? now - last.at : undefined
  if (gap !== undefined && gap < (last?.detail === 'missed' ? AGAIN_MS : EVERY_MS)) return
  // Who comes by once a month must renew three months ahead.
  const days = Math.min(Math.max(EVERY_MS, intervalMs, gap ?? 0) / DAY_MS, MOST_CYCLE_DAYS)
  const vaults = [...context.vaults.keys()].filter((id) => !pausedNow(cycle, id) && context.leaving.get(id) !== 'left')
  for await (const outcome of renewals(context, undefined, { signal, vaults, leastLeadDays: LEAD_CYCLES * days })) {
    if (outcome === 'lasting') continue
    if (outcome.outcome === 'renewed') {
      counts.renewed++
      cycle.emit({ type: 'renewed', action: outcome })
      continue
    }
    counts.missed.replicas++
    const end = outcome.from === undefined ? undefined : Date.parse(outcome.from)
    if (end !== undefined) counts.missed.lapses = Math.min(end, counts.missed.lapses ?? end)
    cycle.emit({ type: 'renewal-missed', action: outcome })
  }
  const { replicas, lapses } = counts.missed
  if (replicas > 0)
    problem(cycle, {
      step: 'renew',
      code: 'missed',
      message: `${replicas} replica(s) could not be renewed${lapses === undefined ? '' : `; the first ends on ${iso(lapses)}`}; \`perdure renew\` says why`,
    })
  await catalog.setMark(MARK, { at: clock(), detail: replicas > 0 ? 'missed' : 'done' })
}
