/** The unattended loop: one leader per archive; cycles and sleeps until it is stopped. What it knows is in the catalog, so it may be killed at any time. */
import { setTimeout as after } from 'node:timers/promises'
import type { CycleReport, Lease, WatchOptions, WatchReport } from '../contracts.ts'
import { ArchiveError, CatalogError, PerdureError } from '../errors.ts'
import { horizonOf, wakeAt } from '../policy/agenda.ts'
import { quietHours } from '../policy/quiet.ts'
import { type Context, tell } from './context.ts'
import { longestAge } from './watch-audit.ts'
import { runCycle } from './watch-cycle.ts'
import { deliverBeside } from './watch-hooks.ts'
import { type WatchParts, watchParts } from './watch-parts.ts'
import { beginCycle, type Caps, capsOf, isFatal, iso, step, unitOf, type WatchMemory, watchMemory } from './watch-run.ts'

const LEASE = 'watch'
const LEASE_MS = 60_000
const LEADER_POLL_MS = 5_000
const INTERVAL_MS = 3_600_000
/** Even with a backlog, two cycles are so far apart. */
const LEAST_SLEEP_MS = 1_000
/** A cycle that could not come to its end is tried again after so long. */
const AFTER_FAILURE_MS = 60_000
/** Sleep is cut into pieces, to notice a machine that slept and a clock that jumped. */
const NAP_MS = 30_000

export interface WatchTools {
  readonly parts: WatchParts
  /** Resolves after so many milliseconds; rejects on abort. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const TOOLS: WatchTools = { parts: watchParts, sleep: (ms, signal) => after(ms, undefined, { signal }) }

interface Watching {
  readonly context: Context
  readonly options: WatchOptions
  readonly tools: WatchTools
  readonly caps: Caps
  readonly memory: WatchMemory
  readonly endsQuietAt: (at: number) => number | undefined
  readonly done: { cycles: number; last?: CycleReport }
}

/** One watch after another in the same archive goes on where the one before stopped. */
const memories = new WeakMap<Context, WatchMemory>()

function memoryOf(context: Context): WatchMemory {
  const known = memories.get(context) ?? watchMemory()
  memories.set(context, known)
  return known
}

/**
 * Runs until the signal is aborted, which is a clean end and no error; with `once`, one cycle. Throws ArchiveError `busy` with `once` when another
 * watch leads; without it, waits until that one has ended.
 */
export async function watch(context: Context, options: WatchOptions = {}, tools: WatchTools = TOOLS): Promise<WatchReport> {
  const watching: Watching = {
    context,
    options,
    tools,
    caps: capsOf(options.perCycle),
    memory: memoryOf(context),
    endsQuietAt: quietHours(options.quietHours).endsAt,
    done: { cycles: 0 },
  }
  const signal = options.signal ?? new AbortController().signal
  try {
    while (!(await asLeader(watching, signal, (led) => loop(watching, led)))) {
      // Another watch took over while this one was not looking: wait for it, as at the start.
    }
    return { ...watching.done, aborted: false }
  } catch (error) {
    if (!signal.aborted) throw error
    return { ...watching.done, aborted: true }
  }
}

/** Works while the lease is held; resolves to false when it was lost on the way. */
async function asLeader(
  { context, options, tools }: Watching,
  signal: AbortSignal,
  work: (led: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const lease = await lead(context, options, tools, signal)
  const lost = new AbortController()
  const beat = setInterval(() => void keep(lease, lost), LEASE_MS / 3).unref()
  const led = AbortSignal.any([signal, lost.signal])
  const endDelivery = options.once
    ? undefined
    : deliverBeside(context, led, ({ code, message }) =>
        tell(options.onProgress, { type: 'problem', problem: { step: 'hooks', code, message } }),
      )
  try {
    await work(led)
    return true
  } catch (error) {
    if (signal.aborted || !lost.signal.aborted) throw error
    if (options.once) throw lost.signal.reason
    return false
  } finally {
    clearInterval(beat)
    await endDelivery?.()
    await lease.release()
  }
}

async function keep(lease: Lease, lost: AbortController): Promise<void> {
  try {
    await lease.renew()
  } catch (error) {
    // A catalog that is busy for a moment takes no lease away.
    if (error instanceof CatalogError && error.code === 'conflict')
      lost.abort(new ArchiveError('busy', 'another watch of this archive took over while this one was stopped', { cause: error }))
  }
}

async function lead(context: Context, { once, onProgress }: WatchOptions, { sleep }: WatchTools, signal: AbortSignal): Promise<Lease> {
  for (let told = false; ; ) {
    signal.throwIfAborted()
    const lease = await context.catalog.acquire(LEASE, { ttlMs: LEASE_MS })
    if (lease) return lease
    const reason = 'another watch of this archive is running; there is one at a time'
    if (once) throw new ArchiveError('busy', `${reason}. What is due is its work; \`perdure status\` shows how far it is`)
    if (!told) tell(onProgress, { type: 'watch-waiting', reason })
    told = true
    await sleep(LEADER_POLL_MS, signal)
  }
}

async function loop(watching: Watching, signal: AbortSignal): Promise<void> {
  const { context, options, tools, caps, memory, done, endsQuietAt } = watching
  const { once = false, onProgress, intervalMs = INTERVAL_MS } = options
  for (;;) {
    const quiet = endsQuietAt(context.clock()) !== undefined
    let until = context.clock() + Math.min(intervalMs, AFTER_FAILURE_MS)
    try {
      const cycle = await beginCycle(context, { parts: tools.parts, memory, caps, signal, quiet, intervalMs, onProgress })
      done.last = await runCycle(cycle)
      done.cycles++
      await step(cycle, 'hooks', () => tools.parts.deliver(cycle.context, { signal }))
      if (once) return
      until = await nextCycle(watching, done.last)
    } catch (error) {
      signal.throwIfAborted()
      // A catalog that is locked or has no space for a moment ends no watch; a bug, or a catalog that is broken, does.
      if (once || !(error instanceof PerdureError) || isFatal(error)) throw error
      tell(onProgress, { type: 'problem', problem: { step: 'cycle', code: error.code, message: error.message } })
    }
    tell(onProgress, { type: 'sleeping', until: iso(until) })
    await sleepUntil(watching, until, signal)
  }
}

async function nextCycle({ context, options, endsQuietAt, caps, memory }: Watching, { quiet }: CycleReport): Promise<number> {
  const now = context.clock()
  const { intervalMs = INTERVAL_MS } = options
  // What may not be audited does not wake anybody.
  const idle = quiet || memory.budgetReached || caps.audits < 1 || caps.auditBytes <= 0
  const nextDueAt = idle ? undefined : await earliest(context, now)
  const woken = wakeAt({
    now,
    nextDueAt: nextDueAt ?? now + intervalMs,
    intervalMs,
    leastMs: Math.min(LEAST_SLEEP_MS, intervalMs),
    unit: unitOf(context),
  })
  return quiet ? Math.min(woken, endsQuietAt(now) ?? woken) : woken
}

/** When the next audit is due; what is overdue still, because a cycle does only so much, is due now. */
async function earliest(context: Context, now: number): Promise<number | undefined> {
  const horizon = horizonOf(now, longestAge(context))
  const [overdue] = await context.catalog.due({ at: now, horizon, limit: 1 })
  return overdue ? now : context.catalog.nextDue({ at: now, horizon })
}

async function sleepUntil({ context, tools }: Watching, until: number, signal: AbortSignal): Promise<void> {
  for (let before = context.clock(); ; ) {
    const now = context.clock()
    // A clock that was set back would make the rest of the sleep a year long.
    if (now >= until || now < before - NAP_MS) return
    before = now
    await tools.sleep(Math.min(until - now, NAP_MS), signal)
  }
}
