/** Metrics and health, for monitoring. */
import type { ObjectState } from './policy.ts'

export interface MetricsOptions {
  /** Default `prometheus`: text exposition format 0.0.4. */
  readonly format?: 'prometheus' | 'openmetrics' | undefined
}

export interface HealthOptions {
  /** A last cycle older than this is a failure; default 26 hours. */
  readonly maxCycleAgeMs?: number | undefined
  /** While no cycle has finished yet, its age is counted from here; default: nothing is expected. Milliseconds since the epoch. */
  readonly startedAt?: number | undefined
}

/** `failing`: an object is lost or at risk, or no cycle has finished in time. */
export interface Health {
  readonly status: 'ok' | 'failing'
  /** The worst state of any object. */
  readonly state: ObjectState
  readonly objects: number
  /** ISO 8601. */
  readonly lastCycle?: string
  /** Why it is failing, one sentence each. */
  readonly reasons: readonly string[]
}
