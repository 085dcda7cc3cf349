/** What was learned of one gateway: how quick it is, whether it fails, whether it lied. */
import type { VaultError } from '../../../errors.ts'

/** How much of what is known each new answer replaces. */
const WEIGHT = 0.3

export interface Pace {
  /** What an answer usually takes in milliseconds; undefined before the first one. */
  readonly usualMs: number | undefined
  /** It asked not to be asked before that time. */
  readonly restUntil: number
  answered(ms: number): void
  /** Somebody else answered when it had been asked for so long. */
  outrun(ms: number): void
  /** It gave something else, or nothing; undefined for an error that is not the gateway's own. */
  failed(error: VaultError | undefined, now: number): void
  /** Negative where it is asked before the other. One that was never asked comes first, so that it becomes known. */
  compare(other: Pace): number
  /** From 0, asked first, to 3, asked last. */
  readonly standing: number
}

export function paceOf(): Pace {
  let usualMs: number | undefined
  let restUntil = 0
  let asked = false
  let failing = false
  let lied = false
  const learn = (ms: number) => {
    usualMs = usualMs === undefined ? ms : usualMs + (ms - usualMs) * WEIGHT
  }
  return {
    get usualMs() {
      return usualMs
    },
    get restUntil() {
      return restUntil
    },
    get standing() {
      if (lied) return 3
      if (failing) return 2
      return asked && usualMs === undefined ? 1 : 0
    },
    answered(ms) {
      asked = true
      failing = false
      learn(ms)
    },
    outrun(ms) {
      asked = true
      if (usualMs === undefined || ms > usualMs) learn(ms)
    },
    failed(error, now) {
      asked = true
      if (error?.code === 'damaged') lied = true
      // What it honestly does not have says nothing of how it answers.
      else if (error?.code !== 'absent') failing = true
      if (error?.retryAfterMs !== undefined) restUntil = now + error.retryAfterMs
    },
    compare(other) {
      return this.standing - other.standing || (usualMs ?? 0) - (other.usualMs ?? 0)
    },
  }
}
