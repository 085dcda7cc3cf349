/** What the steps of one cycle share: limits, counters, problems, and the vaults that are left alone. */
import type { CycleReport, PerCycle, VaultPause, WatchEvent, WatchOptions, WatchProblem } from '../contracts.ts'
import { CatalogError, PerdureError, PolicyError, VaultError } from '../errors.ts'
import { isPaused } from '../policy/pauses.ts'
import { observed } from '../wrap/observed.ts'
import { type Context, tell } from './context.ts'
import { scoresOf } from './scores.ts'
import type { CheckAccount, WatchParts } from './watch-parts.ts'

const GIB = 1024 ** 3

const PER_CYCLE: Required<{ [Key in keyof PerCycle]: number }> = {
  audits: 1_000,
  auditBytes: 4 * GIB,
  repairs: 100,
  repairBytes: 16 * GIB,
  urgentRepairs: 1_000,
  urgentRepairBytes: 256 * GIB,
}

export type Caps = typeof PER_CYCLE

/** The limits of a cycle, defaults filled in. */
export function capsOf(given: PerCycle = {}): Caps {
  const caps = { ...PER_CYCLE }
  for (const key of Object.keys(PER_CYCLE) as (keyof Caps)[]) {
    const value = given[key]
    if (value === undefined) continue
    if (typeof value !== 'number' || Number.isNaN(value) || value < 0)
      throw new PolicyError('invalid', `perCycle.${key} is ${value} and must be a number, not negative`)
    caps[key] = value
  }
  return caps
}

/** What a watch remembers from cycle to cycle, beyond what the catalog keeps. Nothing is lost with it but a little pace. */
export interface WatchMemory {
  /** Where the last cycle stopped looking for objects to repair, by state. */
  readonly cursors: Map<string, number>
  /** Objects whose repair failed, and when to try again. */
  readonly failed: Map<number, { readonly failures: number; readonly until: number }>
  /** Vaults that would take no more bytes, until when they are not written to. */
  readonly full: Map<string, number>
  /** The last cycle left something unasked because the month's budget is used up. */
  budgetReached: boolean
}

export const watchMemory = (): WatchMemory => ({ cursors: new Map(), failed: new Map(), full: new Map(), budgetReached: false })

/** One cycle while it runs. */
export interface Cycle {
  readonly context: Context
  readonly parts: WatchParts
  readonly account: CheckAccount
  readonly memory: WatchMemory
  readonly caps: Caps
  readonly signal: AbortSignal
  readonly began: number
  readonly quiet: boolean
  readonly intervalMs: number
  /** When the cycle before ended; undefined: never, or nobody knows. */
  readonly lastAt: number | undefined
  /** By vault, those that still hold and those that have ended alike: until an answer ends them. */
  readonly pauses: Map<string, VaultPause>
  /** How long vaults asked to be left alone, as their errors came in. */
  readonly asides: Map<string, { readonly retryAfterMs: number; readonly detail: string }>
  readonly problems: WatchProblem[]
  readonly counts: {
    audited: number
    bytesRead: number
    backlog: boolean
    surveyed: string[]
    repairs: { objects: number; repaired: number; failed: number; byteLength: number }
    waiting: { grace: number; cap: number; source: number }
    renewed: number
    missed: { replicas: number; lapses: number | undefined }
  }
  emit(event: WatchEvent): void
}

type CycleInput = Pick<Cycle, 'parts' | 'memory' | 'caps' | 'signal' | 'quiet' | 'intervalMs'> & Pick<WatchOptions, 'onProgress'>

export async function beginCycle(base: Context, input: CycleInput): Promise<Cycle> {
  const { onProgress, ...given } = input
  const began = base.clock()
  const pauses = new Map((await base.catalog.vaultPauses()).map((pause) => [pause.vault, pause]))
  const asides: Cycle['asides'] = new Map()
  const context: Context = { ...base, vaults: listened(base, { asides, memory: given.memory }), pauses: untilOf(pauses) }
  const mark = await base.catalog.mark('cycle')
  await scoresOf(context)
  given.memory.budgetReached = false
  return {
    ...given,
    context,
    began,
    account: given.parts.account(),
    pauses,
    asides,
    lastAt: mark && mark.at <= began ? mark.at : undefined,
    problems: [],
    counts: {
      audited: 0,
      bytesRead: 0,
      backlog: false,
      surveyed: [],
      repairs: { objects: 0, repaired: 0, failed: 0, byteLength: 0 },
      waiting: { grace: 0, cap: 0, source: 0 },
      renewed: 0,
      missed: { replicas: 0, lapses: undefined },
    },
    emit(event) {
      tell(onProgress, event)
      given.parts.emit(context, event)
    },
  }
}

/** A live view: what is paused meanwhile counts at once. */
function untilOf(pauses: ReadonlyMap<string, VaultPause>): ReadonlyMap<string, number> {
  const view = new Map<string, number>()
  view.get = (vault) => pauses.get(vault)?.until
  return view
}

const HOUR_MS = 3_600_000

/** Vaults tell in their errors when they want to be left alone, and when they are full. */
function listened(base: Context, known: Pick<Cycle, 'asides' | 'memory'>): Context['vaults'] {
  return new Map(
    [...base.vaults].map(([id, vault]) => [
      id,
      observed(vault, (event) => {
        if (event.type !== 'failed' || !(event.error instanceof VaultError)) return
        const { code, retryAfterMs, message: detail } = event.error
        if (retryAfterMs !== undefined) known.asides.set(id, { retryAfterMs, detail })
        if (code === 'exhausted' && event.verb === 'put') known.memory.full.set(id, base.clock() + HOUR_MS)
      }),
    ]),
  )
}

/** Is the vault left alone now? */
export function pausedNow({ context, pauses }: Cycle, vault: string): VaultPause | undefined {
  const pause = pauses.get(vault)
  return pause && isPaused(pause, context.clock()) ? pause : undefined
}

/** Errors after which there is no point in going on. */
const FATAL: ReadonlySet<string> = new Set(['corrupt', 'newer-schema', 'denied'])

export const isFatal = (error: PerdureError): boolean => error instanceof CatalogError && FATAL.has(error.code)

/** One step. What fails in it is told and does not keep the others from being done; resolves to whether it came to its end. */
export async function step(cycle: Cycle, name: WatchProblem['step'], work: () => Promise<void>): Promise<boolean> {
  try {
    cycle.signal.throwIfAborted()
    await work()
    return true
  } catch (error) {
    cycle.signal.throwIfAborted()
    if (!(error instanceof PerdureError) || isFatal(error)) throw error
    problem(cycle, { step: name, code: error.code, message: error.message })
    return false
  }
}

export function problem(cycle: Cycle, found: WatchProblem): void {
  cycle.problems.push(found)
  cycle.emit({ type: 'problem', problem: found })
}

/** A number in [0, 1) for jitter. */
export function unitOf({ random }: Pick<Context, 'random'>): number {
  const [a = 0, b = 0] = random(2)
  return (a * 256 + b) / 65_536
}

export const iso = (at: number): string => new Date(Math.max(0, Math.min(at, 8_640_000_000_000_000))).toISOString()

/** What the cycle has done, as it is reported. */
export function reportOf(cycle: Cycle, states: CycleReport['states'], state: CycleReport['state']): CycleReport {
  const { counts, problems, began, quiet, context, pauses } = cycle
  const { missed, ...rest } = counts
  return {
    began: iso(began),
    ended: iso(context.clock()),
    state,
    states,
    ...rest,
    missedRenewals: { replicas: missed.replicas, ...(missed.lapses !== undefined && { lapses: iso(missed.lapses) }) },
    paused: [...pauses.values()].map(({ vault, reason, since, until }) => ({ vault, reason, since: iso(since), until: iso(until) })),
    problems: [...problems],
    quiet,
  }
}
