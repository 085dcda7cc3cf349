/** How fast bytes go by and when they will be through. Pure, clock passed in. */
import type { Clock } from '../contracts.ts'
import { formatBytes, formatDuration } from './format.ts'

/** Weight of the past falls to 1/e in this many milliseconds. */
const MEMORY_MS = 3000

export interface Meter {
  readonly done: number
  advance(byteLength: number): void
  /** Bytes per second lately; undefined until it can be told. */
  rate(): number | undefined
  /** Milliseconds left; undefined without a total or a rate. */
  etaMs(): number | undefined
  /** `45.2 MiB / 512.0 MiB  8%  120.1 MiB/s  4.1 s left`, as far as it is known. */
  text(): string
}

/** Counts toward a total, which may be unknown. */
export function createMeter(options: { readonly total?: number | undefined; readonly clock: Clock }): Meter {
  const { total, clock } = options
  let done = 0
  let pending = 0
  let speed: number | undefined
  let since = clock()

  /** Folds what came since the last look into the moving average; looks closer than 50 ms are gathered. */
  const fold = () => {
    const elapsed = clock() - since
    if (elapsed < 50) return
    const now = (pending / elapsed) * 1000
    speed = speed === undefined ? now : speed + (now - speed) * (1 - Math.exp(-elapsed / MEMORY_MS))
    pending = 0
    since += elapsed
  }
  const rate = () => {
    fold()
    return speed
  }
  const etaMs = () => {
    const bytesPerSecond = rate()
    if (total === undefined || bytesPerSecond === undefined || bytesPerSecond <= 0) return undefined
    return (Math.max(0, total - done) / bytesPerSecond) * 1000
  }
  return {
    get done() {
      return done
    },
    advance: (byteLength) => {
      done += byteLength
      pending += byteLength
      fold()
    },
    rate,
    etaMs,
    text: () => {
      const speedNow = rate()
      const left = etaMs()
      const parts = [total === undefined ? formatBytes(done) : `${formatBytes(done)} / ${formatBytes(total)}`]
      if (total !== undefined && total > 0) parts.push(`${Math.min(100, Math.floor((done * 100) / total))}%`)
      if (speedNow !== undefined) parts.push(`${formatBytes(Math.round(speedNow))}/s`)
      if (left !== undefined && done < (total ?? 0)) parts.push(`${formatDuration(left)} left`)
      return parts.join('  ')
    },
  }
}
