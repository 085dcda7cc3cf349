/** How long one answer is waited for. */
import type { AbortOptions } from '../../contracts.ts'

export interface Patience {
  /** Aborts when the time is over, with the caller's signal, and at the end. */
  readonly signal: AbortSignal
  readonly isOver: () => boolean
  /** Lets go of everything: `AbortSignal.timeout` would keep what listens to it until the time is over, thousands of requests of an upload. */
  end(): void
}

export function patienceOf(timeoutMs: number, { signal }: AbortOptions = {}): Patience {
  const stop = new AbortController()
  let over = false
  const timer = setTimeout(() => {
    over = true
    stop.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError'))
  }, timeoutMs)
  const heard = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', heard, { once: true })
  if (signal?.aborted) heard()
  return {
    signal: stop.signal,
    isOver: () => over,
    end: () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', heard)
      stop.abort(new DOMException('nobody reads on', 'AbortError'))
    },
  }
}
