/**
 * Delivering: what waits for each hook is sent in its order, at least once, by one process at a time. A receiver that fails is left alone for a while that
 * grows, and whatever waits for it waits on. Nothing here fails or holds up the work that events tell of.
 */
import type { AbortOptions, DeliverOptions, DeliveryReport, HookConfig, HookState, HookTest, Lease, WaitingEvent } from '../contracts.ts'
import { CatalogError, ConfigError } from '../errors.ts'
import { toMultikey } from '../format/sign.ts'
import { type Context, eachOf } from './context.ts'
import { eventOf } from './event-facts.ts'
import { runCommand } from './hooks-command.ts'
import type { DeliveryOptions, Message, Outcome } from './hooks-delivery.ts'
import { sendWebhook } from './hooks-webhook.ts'

const DAY_MS = 86_400_000
const WITHIN_MS = 30_000
const HOOKS_AT_ONCE = 4
const FIRST_PAUSE_MS = 30_000
const MOST_PAUSE_MS = 6 * 3_600_000
const GIVE_UP_DAYS = 7
/** However old an event is, it is tried so often: the machine may have slept for longer than it is kept. */
const LEAST_TRIES = 5
/** An event that its receiver refuses for what it is holds up the others for so many tries. */
const REFUSED_TRIES = 8
const BATCH = 20
const WEBHOOK_MS = 10_000
const COMMAND_MS = 30_000
/** So much time every delivery gets that is begun. */
const LEAST_DELIVERY_MS = 1_000
/** Beyond the longest delivery. */
const LEASE_SPARE_MS = 30_000

type Delivered = DeliveryReport['hooks'][number]

/** Sends what is due to every hook, and returns in time whatever the receivers do. Rejects only with CatalogError; an abort ends it early. */
export async function deliverHooks(context: Context, options: DeliverOptions = {}): Promise<DeliveryReport> {
  const { withinMs = WITHIN_MS, hook: only } = options
  if (only !== undefined) hookOf(context, only)
  const hooks = context.hooks.filter(({ id }) => only === undefined || id === only)
  const deadline = performance.now() + withinMs
  const { signal = new AbortController().signal } = options
  const states = new Map((await context.catalog.hookStates()).map((state) => [state.hook, state]))
  const done = await eachOf(hooks, HOOKS_AT_ONCE, (hook) =>
    deliverTo(context, hook, { signal, deadline, now: options.now ?? false, state: states.get(hook.id) }),
  )
  await forgetOrphans(context, states.values())
  return { hooks: done }
}

interface Run {
  readonly signal: AbortSignal
  /** On the clock that never jumps. */
  readonly deadline: number
  readonly now: boolean
  readonly state: HookState | undefined
}

async function deliverTo(context: Context, hook: HookConfig, run: Run): Promise<Delivered> {
  const { id } = hook
  const { state, now } = run
  if (state === undefined || state.waiting === 0) return { id, delivered: 0, waiting: 0, givenUp: 0 }
  if (!now && isResting(context, state)) {
    return { id, delivered: 0, waiting: state.waiting, givenUp: 0, ...(state.failure !== undefined && { failure: state.failure }) }
  }
  const lease = await context.catalog.acquire(`hook ${id}`, { ttlMs: timeoutOf(hook) + LEASE_SPARE_MS })
  if (!lease) return { id, delivered: 0, waiting: state.waiting, givenUp: 0, busy: true }
  try {
    const sums = await drain(context, hook, run, lease)
    const left = (await context.catalog.hookStates()).find((one) => one.hook === id)?.waiting ?? 0
    return { id, waiting: left, ...sums }
  } finally {
    await lease.release()
  }
}

/** Batch after batch, until nothing waits, one fails, or the time is up. */
async function drain(
  context: Context,
  hook: HookConfig,
  { signal, deadline }: Run,
  lease: Lease,
): Promise<Pick<Delivered, 'delivered' | 'givenUp' | 'failure'>> {
  let delivered = 0
  while (!signal.aborted && performance.now() < deadline) {
    const batch = await nextBatch(context, hook)
    if (batch.length === 0 || !(await isOurs(lease))) break
    const timeoutMs = Math.min(timeoutOf(hook), Math.max(LEAST_DELIVERY_MS, Math.ceil(deadline - performance.now())))
    const outcome = await send(context, hook, batch, { signal, timeoutMs })
    if (outcome === 'aborted') break
    if (!outcome.ok) return { delivered, givenUp: await afterFailure(context, hook, batch, outcome), failure: outcome.detail }
    await context.catalog.delivered(hook.id, seqsOf(batch), context.clock())
    delivered += batch.length
  }
  return { delivered, givenUp: 0 }
}

/** A machine that slept may have lost the lease: then another process delivers. */
async function isOurs(lease: Lease): Promise<boolean> {
  try {
    await lease.renew()
    return true
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'conflict') return false
    throw error
  }
}

/** A clock that jumped back must not keep it waiting for longer than any pause lasts. */
function isResting({ clock }: Context, { retryAt }: HookState): boolean {
  const left = (retryAt ?? 0) - clock()
  return left > 0 && left <= MOST_PAUSE_MS * 4
}

/** Events that were tried before go alone, so that one that is not taken does not take others with it. */
async function nextBatch({ catalog }: Context, { id, batch = BATCH }: HookConfig): Promise<readonly WaitingEvent[]> {
  const waiting = await catalog.waitingFor(id, { limit: batch })
  const [first] = waiting
  if (!first || first.tries > 0) return waiting.slice(0, 1)
  const tried = waiting.findIndex(({ tries }) => tries > 0)
  return tried < 0 ? waiting : waiting.slice(0, tried)
}

const seqsOf = (batch: readonly WaitingEvent[]) => batch.map(({ seq }) => seq)

const timeoutOf = ({ type, timeoutMs }: HookConfig): number => timeoutMs ?? (type === 'webhook' ? WEBHOOK_MS : COMMAND_MS)

async function send(
  context: Context,
  hook: HookConfig,
  batch: readonly Pick<WaitingEvent, 'event'>[],
  { signal, timeoutMs }: DeliveryOptions,
): Promise<Outcome | 'aborted'> {
  const archive = toMultikey(context.key.publicKey)
  const message: Message = { version: 1, archive, hook: hook.id, events: batch.map(({ event }) => event) }
  try {
    if (hook.type === 'webhook') return await sendWebhook(hook, message, { signal, timeoutMs, at: Date.now() })
    return await runCommand(hook, message, { signal, timeoutMs, path: context.path })
  } catch (error) {
    // Not the receiver's fault: it is neither delivered nor failed, and comes again.
    if (signal.aborted) return 'aborted'
    throw error
  }
}

/** Pauses grow, and what is past its time is given up; resolves to the number of those. */
async function afterFailure(
  context: Context,
  hook: HookConfig,
  batch: readonly WaitingEvent[],
  outcome: Extract<Outcome, { ok: false }>,
): Promise<number> {
  const { catalog, clock } = context
  const at = clock()
  const failures = (await catalog.hookStates()).find((one) => one.hook === hook.id)?.failures ?? 0
  const pause = Math.max(pauseAfter(context, failures), outcome.retryAfterMs ?? 0)
  await catalog.deliveryFailed(hook.id, seqsOf(batch), { at, retryAt: at + pause, failure: outcome.detail })
  const [first] = batch
  const isRefused = outcome.code === 'refused' && batch.length === 1 && (first?.tries ?? 0) + 1 >= REFUSED_TRIES
  const old = await pastTime(context, hook)
  const lost = isRefused && first && !old.some(({ seq }) => seq === first.seq) ? [first, ...old] : old
  if (lost.length === 0) return 0
  await catalog.giveUp(hook.id, seqsOf(lost))
  // Of its own giving up no hook gives up again: two hooks that are both down would tell each other for ever.
  const told = lost.filter(({ event }) => event.type !== 'hook-gave-up')
  const since = told[0]?.event.at
  if (since !== undefined) await context.events.emit({ type: 'hook-gave-up', hook: hook.id, events: told.length, since })
  return lost.length
}

/** Full jitter over the upper half: hooks that failed together do not come back together. */
function pauseAfter({ random }: Context, failures: number): number {
  const most = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 20))
  const [byte = 0] = random(1)
  return Math.round(most * (0.5 + byte / 512))
}

/** The head of the queue alone has been tried often enough; what waits behind it as long is lost with it. */
async function pastTime({ catalog, clock }: Context, { id, giveUpDays = GIVE_UP_DAYS }: HookConfig): Promise<readonly WaitingEvent[]> {
  const [first] = await catalog.waitingFor(id, { limit: 1 })
  const before = clock() - giveUpDays * DAY_MS
  if (!first || first.tries < LEAST_TRIES || first.at > before) return []
  return (await catalog.waitingFor(id)).filter(({ at }) => at <= before)
}

/** What waits for hooks that are configured no longer is kept for as long as they might come back. */
async function forgetOrphans(context: Context, states: Iterable<HookState>): Promise<void> {
  const configured = new Set(context.hooks.map(({ id }) => id))
  const before = context.clock() - GIVE_UP_DAYS * DAY_MS
  for (const { hook, waiting, oldestAt } of states) {
    if (configured.has(hook) || waiting === 0 || (oldestAt ?? Number.MAX_SAFE_INTEGER) > before) continue
    const old = (await context.catalog.waitingFor(hook)).filter(({ at }) => at <= before)
    await context.catalog.giveUp(hook, seqsOf(old))
  }
}

/** Sends a hook an event that means nothing, past the outbox. */
export async function testHook(context: Context, id: string, { signal }: AbortOptions = {}): Promise<HookTest> {
  const hook = hookOf(context, id)
  const event = eventOf({ type: 'hook-tested', hook: id }, context.clock())
  const startedAt = performance.now()
  const outcome = await send(context, hook, [{ event }], { signal: signal ?? new AbortController().signal, timeoutMs: timeoutOf(hook) })
  const ms = Math.round(performance.now() - startedAt)
  if (outcome === 'aborted') throw signal?.reason
  return { id, ok: outcome.ok, ms, ...(!outcome.ok && { detail: outcome.detail }) }
}

function hookOf({ hooks }: Context, id: string): HookConfig {
  const hook = hooks.find((one) => one.id === id)
  if (hook) return hook
  const known =
    hooks.length === 0 ? 'there are none; write "hooks" into perdure.json' : `configured: ${hooks.map((one) => one.id).join(', ')}`
  throw new ConfigError('not-found', `no hook is called ${id}; ${known}`)
}
