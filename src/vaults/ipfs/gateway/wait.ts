/** How long a gateway is waited for. */
import type { AbortOptions } from '../../../contracts.ts'

export interface WaitOptions extends AbortOptions {
  readonly timeoutMs: number
}

export interface Wait {
  readonly signal: AbortSignal
  readonly timedOut: () => boolean
  pause(): void
  resume(): void
  /** Everything was read: the connection may be used again. */
  settle(): void
  /** Ends what is still under way. */
  end(): void
}

export function waiting({ signal, timeoutMs }: WaitOptions): Wait {
  const stop = new AbortController()
  let late = false
  let settled = false
  let timer: NodeJS.Timeout | undefined
  const resume = () => {
    timer = setTimeout(() => {
      late = true
      stop.abort(new DOMException('the gateway took too long', 'TimeoutError'))
    }, timeoutMs)
  }
  const pause = () => clearTimeout(timer)
  resume()
  return {
    signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    timedOut: () => late,
    pause,
    resume,
    settle: () => {
      settled = true
    },
    end: () => {
      pause()
      if (!settled) stop.abort(new DOMException('nobody reads on', 'AbortError'))
    },
  }
}
