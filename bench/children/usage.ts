/** Preloaded with `--import`: when the process ends, writes what it used to the file that PERDURE_BENCH_USAGE names. */
import { readFileSync, writeFileSync } from 'node:fs'

export interface Usage {
  /** Peak resident memory, in bytes. */
  readonly peakBytes: number
  /** Bytes passed to write calls and asked of read calls; absent where the system does not count them. */
  readonly writtenBytes?: number | undefined
  readonly readBytes?: number | undefined
}

function field(file: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(file, 'latin1'))
    return found ? Number(found[1]) : undefined
  } catch {
    // No /proc on this system.
    return undefined
  }
}

process.once('exit', () => {
  const path = process.env.PERDURE_BENCH_USAGE
  if (path === undefined) return
  // Not maxRSS where there is better: a child takes over its parent's peak.
  const peakKib = field('/proc/self/status', /^VmHWM:\s+(\d+) kB$/m) ?? process.resourceUsage().maxRSS
  const writtenBytes = field('/proc/self/io', /^wchar: (\d+)$/m)
  const readBytes = field('/proc/self/io', /^rchar: (\d+)$/m)
  writeFileSync(path, JSON.stringify({ peakBytes: peakKib * 1024, writtenBytes, readBytes } satisfies Usage))
})
