/** Waiting that an abort ends. */
import type { AbortOptions } from '../contracts/options.ts'

/** Resolves after so many milliseconds. */
export type Sleep = (ms: number, options?: AbortOptions) => Promise<void>

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export const pause: Sleep = (ms, { signal } = {}) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
