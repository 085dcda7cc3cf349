/** One delivery: what is sent, and what can come of it. */
import type { ArchiveEvent, DeliveryFailure } from '../contracts.ts'

/** What a webhook gets as its body, and a command on standard input. */
export interface Message {
  readonly version: 1
  /** The archive's public key. */
  readonly archive: string
  readonly hook: string
  /** In the order of announcement, at least one. */
  readonly events: readonly ArchiveEvent[]
}

export type Outcome =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: DeliveryFailure
      /** In words of our own: nothing the receiver said is repeated. */
      readonly detail: string
      /** How long the receiver asked to be left alone. */
      readonly retryAfterMs?: number | undefined
    }

export interface DeliveryOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

export const failure = (code: DeliveryFailure, detail: string, retryAfterMs?: number): Outcome => ({
  ok: false,
  code,
  detail,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
})
