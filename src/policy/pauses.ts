/** How long a vault is left alone after it did not answer, or asked for less. Pure; the clock and the jitter are passed in. */
import type { VaultPause } from '../contracts/catalog-due.ts'
import { silenceSeen } from './hysteresis.ts'

const MINUTE_MS = 60_000
const FIRST_MS = MINUTE_MS
/** As long as it takes to be asked four times a day. */
const MOST_MS = 6 * 60 * MINUTE_MS

export interface Setback {
  readonly vault: string
  readonly reason: VaultPause['reason']
  /** How long it asked for. */
  readonly retryAfterMs?: number | undefined
  readonly detail?: string | undefined
}

/**
 * The next pause: a minute, then twice as long each time, up to six hours, and at least what the vault asks for. A first silence pauses shortly only: a
 * vault that flaps is soon asked again. Dates of a clock that has been set back since are not believed.
 */
export function pauseAfter(
  before: VaultPause | undefined,
  setback: Setback,
  { now, graceDays, unit }: { readonly now: number; readonly graceDays: number; readonly unit: number },
): VaultPause {
  const { vault, reason, retryAfterMs = 0, detail } = setback
  const same = before?.reason === reason ? before : undefined
  const failures = (same?.failures ?? 0) + 1
  const wait = Math.max(Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS) * (0.8 + 0.2 * unit), Math.min(retryAfterMs, MOST_MS))
  return {
    vault,
    reason,
    failures,
    since: Math.min(same?.since ?? now, now),
    at: now,
    until: now + Math.round(wait),
    silentMs: reason === 'silent' ? silenceSeen(same && { at: Math.min(same.at, now), silentMs: same.silentMs }, { now, graceDays }) : 0,
    ...(detail !== undefined && { detail }),
  }
}

/** Is the vault left alone at that moment? A pause that would last longer than any does was set by a clock that ran ahead. */
export const isPaused = ({ until }: Pick<VaultPause, 'until'>, now: number): boolean => until > now && until - now <= 2 * MOST_MS
