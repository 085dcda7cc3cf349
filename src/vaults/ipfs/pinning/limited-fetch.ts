/** No question to a service is waited for without end. */

const TIMEOUT_MS = 30_000

/** The same fetch, ended when an answer is not whole by then. */
export function limitedFetch(fetch: typeof globalThis.fetch, timeoutMs = TIMEOUT_MS): typeof globalThis.fetch {
  return (input, init) => {
    const late = AbortSignal.timeout(timeoutMs)
    return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, late]) : late })
  }
}
