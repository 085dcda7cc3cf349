/**
 * What the process exits with, so that scripts and cron jobs need not read output.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | satisfied: everything the policy asks for holds |
 * | 1 | failed: the command could not do its work |
 * | 2 | usage: unknown command, option or argument, or a configuration that cannot be read |
 * | 3 | degraded: below policy, at or above the floor; also a put whose plan was not completed, or work to do found by `repair --plan` |
 * | 4 | unknown: something was unreachable, or an audit is incomplete |
 * | 5 | damaged, and repairable: run `perdure repair` |
 * | 6 | at risk (below the floor) or lost |
 * | 130 | interrupted; the same command again resumes |
 */
import type { ObjectState } from '../contracts.ts'

export const EXIT = { ok: 0, failed: 1, usage: 2, degraded: 3, unknown: 4, damaged: 5, atRisk: 6, interrupted: 130 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const BY_STATE: Readonly<Record<ObjectState, ExitCode>> = {
  satisfied: EXIT.ok,
  degraded: EXIT.degraded,
  unknown: EXIT.unknown,
  damaged: EXIT.damaged,
  'at-risk': EXIT.atRisk,
  lost: EXIT.atRisk,
}

const WORST_FIRST: readonly ObjectState[] = ['lost', 'at-risk', 'damaged', 'unknown', 'degraded', 'satisfied']

/** The exit code of `verify`, `status` and `repair`. */
export function exitCodeOf(state: ObjectState): ExitCode {
  return BY_STATE[state]
}

/** The worse of two states; of nothing at all, `satisfied`. */
export function worseOf(a: ObjectState, b: ObjectState): ObjectState {
  return WORST_FIRST.indexOf(a) <= WORST_FIRST.indexOf(b) ? a : b
}

/** The exit code of `put`: a receipt that is not complete names a vault that did not accept the object or showed no bytes of it. */
export function exitCodeOfPut(complete: boolean, until: 'accepted' | 'floor' | 'policy'): ExitCode {
  return complete || until === 'accepted' ? EXIT.ok : EXIT.degraded
}
