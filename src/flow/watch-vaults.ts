/** Back-pressure: vaults that do not answer, refuse or want less are left alone for a while that grows, and what is seen of their silence is kept. */
import type { ReplicaReport, ReplicaRow, Verdict } from '../contracts.ts'
import { VaultError } from '../errors.ts'
import { pauseAfter, type Setback } from '../policy/pauses.ts'
import type { Assessment } from './assess.ts'
import { eachOf } from './context.ts'
import { openVault } from './open-vaults.ts'
import { type Cycle, iso, pausedNow, unitOf } from './watch-run.ts'

/** After so long without a look, every vault is asked whether it answers before anything is asked of its replicas: the machine may have slept. */
const LONG_MS = 6 * 3_600_000
/** Replicas of a vault that are looked through for one to ask about. */
const LOOKED_AT = 50
/** Objects that are made due together, so that nobody waits long for the catalog. */
const HASTENED = 5_000

/** Asks vaults that were silent, or that nobody has asked for long, one cheap question each, before many would time out on them. */
export async function probeVaults(cycle: Cycle): Promise<void> {
  const { context, lastAt, began, pauses } = cycle
  const isLong = lastAt === undefined || began - lastAt > LONG_MS
  const asked = [...context.vaults.keys()].filter((id) => !pausedNow(cycle, id) && (isLong || pauses.has(id) || context.unopened.has(id)))
  await eachOf(asked, 4, (id) => probe(cycle, id))
  // A vault that is no longer configured is not waited for.
  for (const id of pauses.keys()) {
    if (context.vaults.has(id)) continue
    await context.catalog.resumeVault(id)
    pauses.delete(id)
  }
}

async function probe(cycle: Cycle, id: string): Promise<void> {
  const { context, signal } = cycle
  const vault = context.vaults.get(id)
  if (!vault) return
  const patience = AbortSignal.timeout(context.timeoutMs)
  const both = AbortSignal.any([signal, patience])
  try {
    if (context.unopened.has(id)) {
      await openVault(context.catalog, vault)
      context.unopened.delete(id)
    }
    const at = await someReplica(cycle, id)
    if (at === undefined) return
    await within(vault.status(at, { signal: both }), both)
    await answered(cycle, id)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof VaultError && error.code !== 'denied' && error.code !== 'unreachable') return answered(cycle, id)
    const detail = error instanceof Error ? error.message : String(error)
    const reason = error instanceof VaultError && error.code === 'denied' ? 'denied' : 'silent'
    await setBack(cycle, { vault: id, reason, detail, retryAfterMs: cycle.asides.get(id)?.retryAfterMs })
  }
}

/** A vault that does not listen to the signal is not waited for. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function someReplica({ context }: Cycle, vault: string): Promise<string | undefined> {
  const page: readonly ReplicaRow[] = await context.catalog.replicasIn(vault, { limit: LOOKED_AT })
  return page.find(({ state, locator }) => state === 'placed' && locator !== undefined)?.locator
}

/** The vault is left alone for a while. */
export async function setBack(cycle: Cycle, setback: Setback): Promise<void> {
  const { context, pauses } = cycle
  const now = context.clock()
  const before = pauses.get(setback.vault)
  const pause = pauseAfter(before, setback, { now, graceDays: context.policy.graceDays, unit: unitOf(context) })
  await context.catalog.pauseVault(pause)
  pauses.set(pause.vault, pause)
  const { vault, reason, since, until, detail } = pause
  cycle.emit({ type: 'vault-paused', vault, reason, since: iso(since), until: iso(until), ...(detail !== undefined && { detail }) })
}

/** An answer ends the pause and what was seen of the silence; what is unknown may be known again. */
async function answered(cycle: Cycle, vault: string): Promise<void> {
  const { catalog, clock } = cycle.context
  const pause = cycle.pauses.get(vault)
  if (!pause) return
  await catalog.resumeVault(vault)
  cycle.pauses.delete(vault)
  cycle.emit({ type: 'vault-resumed', vault, reason: pause.reason, since: iso(pause.since) })
  if (pause.reason === 'limited') return
  const hastened = { state: 'unknown', at: clock(), limit: HASTENED } as const
  while ((await catalog.hasten(hastened)) === HASTENED) cycle.signal.throwIfAborted()
}

const UNANSWERED: ReadonlySet<Verdict> = new Set(['unreachable', 'denied'])

/** What a batch of challenges tells of the vaults: one that answered nothing of it is paused, one that answered anything is not. */
export async function learn(cycle: Cycle, judged: readonly Assessment[], asked: readonly string[], since: number): Promise<void> {
  const fresh = judged.flatMap(({ report }) => report.replicas).filter(({ at }) => at !== undefined && Date.parse(at) >= since)
  for (const id of asked) {
    const own = fresh.filter(({ vault }) => vault === id)
    const aside = cycle.asides.get(id)
    cycle.asides.delete(id)
    if (own.length === 0) continue
    const silent = own.filter(({ verdict }) => UNANSWERED.has(verdict))
    if (silent.length < own.length) {
      await answered(cycle, id)
      if (aside) await setBack(cycle, { vault: id, reason: 'limited', ...aside })
    } else await setBack(cycle, { vault: id, reason: reasonOf(silent), detail: silent[0]?.detail, retryAfterMs: aside?.retryAfterMs })
  }
}

const reasonOf = (silent: readonly ReplicaReport[]): 'denied' | 'silent' =>
  silent.every(({ verdict }) => verdict === 'denied') ? 'denied' : 'silent'
