/** Several gateways as one: the quickest first, the next when it takes longer than it usually does or fails, and whoever gave wrong bytes last. */
import type { CID } from 'multiformats/cid'
import type { Clock } from '../../../contracts.ts'
import { VaultError, type VaultErrorCode } from '../../../errors.ts'
import { type BlockOptions, ownBytes, type TrustlessGateway } from './client.ts'
import { type Pace, paceOf } from './pace.ts'

/** Patience with a gateway whose pace is not known yet, in milliseconds. */
const FIRST_HEDGE_MS = 1_000
const LEAST_HEDGE_MS = 50

/** Ends the questions that lost the race. */
const DONE = new DOMException('another gateway was quicker', 'AbortError')

/** What of several answers is said of all of them: nothing is absent while somebody did not answer. */
const GRAVEST: readonly VaultErrorCode[] = ['unreachable', 'denied', 'exhausted', 'invalid', 'damaged', 'unsupported', 'absent']

export interface RaceOptions {
  /** Times answers, and the waits that gateways ask for; default `Date.now`. */
  readonly clock?: Clock | undefined
  /** How long a gateway of unknown pace is waited for before the next is asked too, in milliseconds; default 1 000. Others: twice what they usually take. */
  readonly firstHedgeMs?: number | undefined
}

export type BlockGateway = Pick<TrustlessGateway, 'url' | 'block'>

export interface GatewayRace {
  /**
   * The block from whichever gateway gives it first, hashed by it. Throws a VaultError that says what each of them said, and has their errors as its
   * cause: `absent` when all of them lack it, else what is graver. A gateway that asked us to wait is not asked before.
   */
  block(cid: CID, options?: BlockOptions): Promise<Uint8Array>
}

/** What is learned of the gateways is remembered as long as the race is. Throws VaultError `invalid` for none. */
export function raceGateways(gateways: readonly BlockGateway[], options: RaceOptions = {}): GatewayRace {
  const { clock = Date.now, firstHedgeMs = FIRST_HEDGE_MS } = options
  if (gateways.length === 0) throw new VaultError('invalid', 'gateways', 'no gateway was given; give at least one')
  const runners = gateways.map((gateway) => ({ gateway, pace: paceOf() }))
  return {
    async block(cid, options = {}) {
      options.signal?.throwIfAborted()
      // What nobody is asked for teaches nothing of anybody.
      const own = ownBytes('gateways', cid)
      if (own) return own
      const now = clock()
      const errors: unknown[] = []
      const ready: Runner[] = []
      for (const runner of runners) {
        const { restUntil } = runner.pace
        if (restUntil > now) errors.push(resting(runner.gateway, restUntil - now))
        else ready.push(runner)
      }
      ready.sort((a, b) => a.pace.compare(b.pace))
      return (await race(ready, cid, { ...options, clock, firstHedgeMs, errors })) ?? Promise.reject(failure(cid, errors))
    },
  }
}

interface Runner {
  readonly gateway: BlockGateway
  readonly pace: Pace
}

interface Heat extends BlockOptions {
  readonly clock: Clock
  readonly firstHedgeMs: number
  /** What gateways said instead of the block. */
  readonly errors: unknown[]
}

async function race(runners: readonly Runner[], cid: CID, heat: Heat): Promise<Uint8Array | undefined> {
  const { signal, onlyIfCached, clock, firstHedgeMs, errors } = heat
  const stop = new AbortController()
  const joined = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const running = new Map<Runner, Promise<Answer>>()
  let next = 0
  const start = () => {
    const runner = runners[next++]
    if (runner) running.set(runner, ask(runner, cid, { signal: joined, onlyIfCached, clock }))
  }
  try {
    start()
    while (running.size > 0) {
      const usual = runners[next - 1]?.pace.usualMs
      const late = next < runners.length ? after(usual === undefined ? firstHedgeMs : Math.max(LEAST_HEDGE_MS, usual * 2)) : undefined
      const first = await Promise.race([...running.values(), ...(late ? [late.over] : [])])
      late?.cancel()
      signal?.throwIfAborted()
      if (first === 'late') start()
      else if (first.bytes) return first.bytes
      else {
        running.delete(first.runner)
        errors.push(first.error)
        start()
      }
    }
    return undefined
  } finally {
    stop.abort(DONE)
  }
}

interface Answer {
  readonly runner: Runner
  readonly bytes?: Uint8Array
  readonly error?: unknown
}

/** Never rejects, and learns from every answer. One that was not waited for to its end was at least so slow. */
async function ask(runner: Runner, cid: CID, { clock, ...options }: BlockOptions & { readonly clock: Clock }): Promise<Answer> {
  const { gateway, pace } = runner
  const began = clock()
  try {
    const bytes = await gateway.block(cid, options)
    pace.answered(clock() - began)
    return { runner, bytes }
  } catch (error) {
    const now = clock()
    if (options.signal?.aborted) {
      // How soon a caller gave up says nothing of the gateway.
      if (options.signal.reason === DONE) pace.outrun(now - began)
    } else pace.failed(error instanceof VaultError ? error : undefined, now)
    return { runner, error }
  }
}

function after(ms: number): { readonly over: Promise<'late'>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  return { over, cancel: () => clearTimeout(timer) }
}

function resting({ url }: BlockGateway, ms: number): VaultError {
  return new VaultError('unreachable', new URL(url).host, `it asked us to wait ${ms} ms more`, { retryAfterMs: ms })
}

function failure(cid: CID, errors: readonly unknown[]): VaultError {
  const known = errors.filter((error) => error instanceof VaultError)
  const strange = errors.length > known.length
  const code = strange ? 'unreachable' : (GRAVEST.find((one) => known.some((error) => error.code === one)) ?? 'unreachable')
  const waits = known.flatMap(({ retryAfterMs }) => retryAfterMs ?? [])
  const said = errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ')
  return new VaultError(code, 'gateways', `none of ${errors.length} gave ${cid}: ${said}`, {
    cause: new AggregateError(errors, 'what each gateway said'),
    retryAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
  })
}
