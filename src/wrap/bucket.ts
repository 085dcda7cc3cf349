/** A token bucket: bytes pass at a rate, in order of arrival. */

import type { Sleep } from '../bytes/pause.ts'
import type { AbortOptions, Clock } from '../contracts.ts'

/** Resolves when so many bytes may pass. */
export type Take = (byteLength: number, options?: AbortOptions) => Promise<void>

/** How much may pass at once after a pause, as a share of a second. */
const BURST_SECONDS = 0.25

/** Bytes are taken on credit and the debt is waited for, so a chunk may be larger than the bucket. What an abort did not wait for is given back. */
export function bucket(bytesPerSecond: number, { clock, sleep }: { readonly clock: Clock; readonly sleep: Sleep }): Take {
  const capacity = bytesPerSecond * BURST_SECONDS
  let tokens = capacity
  let filledAt = clock()

  return async (byteLength, options = {}) => {
    const now = clock()
    tokens = Math.min(capacity, tokens + (Math.max(0, now - filledAt) * bytesPerSecond) / 1000)
    filledAt = now
    tokens -= byteLength
    if (tokens >= 0) return
    try {
      await sleep((-tokens / bytesPerSecond) * 1000, options)
    } catch (error) {
      tokens += byteLength
      throw error
    }
  }
}
