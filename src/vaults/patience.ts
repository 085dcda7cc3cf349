/** How long one answer is waited for; an upload that still moves is given its time again. */
import type { AbortOptions } from '../contracts.ts'

export interface Patience {
  /** Aborts when the time is over, with the caller's signal, and at the end. */
  readonly signal: AbortSignal
  readonly isOver: () => boolean
  /** The time begins again. */
  again(): void
  /** Lets go of everything that listens. */
  end(): void
}

export function patienceOf(timeoutMs: number, { signal }: AbortOptions = {}): Patience {
  const stop = new AbortController()
  let over = false
  const timer = setTimeout(() => {
    over = true
    stop.abort(new DOMException(`nothing moved for ${timeoutMs} ms`, 'TimeoutError'))
  }, timeoutMs)
  const heard = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', heard, { once: true })
  if (signal?.aborted) heard()
  return {
    signal: stop.signal,
    isOver: () => over,
    again: () => void timer.refresh(),
    end: () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', heard)
      stop.abort(new DOMException('nobody reads on', 'AbortError'))
    },
  }
}
