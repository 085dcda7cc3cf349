/** When to ask an unreachable vault again: full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), within a budget. */

import { pause, type Sleep } from '../bytes/pause.ts'
import type { AbortOptions, Clock } from '../contracts.ts'
import { VaultError } from '../errors.ts'

export interface BackoffOptions {
  /** Times it is asked in all, default 4. */
  readonly tries?: number | undefined
  /** Longest first wait, default 250; it doubles from try to try. */
  readonly baseMs?: number | undefined
  /** Longest wait, default 10 000, unless the vault asks for a longer one. */
  readonly maxMs?: number | undefined
  /** Time for all tries and waits of one call, default 60 000; a wait that would end later is not begun. */
  readonly budgetMs?: number | undefined
  readonly sleep?: Sleep | undefined
  /** Uniform in [0, 1). */
  readonly random?: (() => number) | undefined
  readonly clock?: Clock | undefined
}

/** Resolves after the wait; rethrows the error when another try is of no use or not allowed. */
export type AfterFailure = (error: unknown) => Promise<void>

/** Begins the count for one call. Only `unreachable` is worth another try, and `retryAfterMs` is the least that is waited. */
export function backoff(options: BackoffOptions, call: AbortOptions = {}): AfterFailure {
  const { tries = 4, baseMs = 250, maxMs = 10_000, budgetMs = 60_000, sleep = pause, random = Math.random, clock = Date.now } = options
  const since = clock()
  let failures = 0

  return async (error) => {
    if (call.signal?.aborted) throw call.signal.reason
    failures++
    if (!(error instanceof VaultError) || error.code !== 'unreachable' || failures >= tries) throw error
    const jittered = random() * Math.min(maxMs, baseMs * 2 ** (failures - 1))
    const ms = Math.max(jittered, error.retryAfterMs ?? 0)
    if (clock() - since + ms > budgetMs) throw error
    await sleep(ms, { signal: call.signal })
  }
}
