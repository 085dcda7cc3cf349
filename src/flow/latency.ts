/** How long each vault takes to give a block, remembered in this process only: the order and the patience of reads come from it. */
export interface Latencies {
  record(vault: string, ms: number): void
  /** The 95th percentile of the last reads in milliseconds; undefined before there are five. */
  quantile(vault: string): number | undefined
}

const KEPT = 64

export function latencies(): Latencies {
  const seen = new Map<string, { readonly ring: number[]; next: number }>()
  return {
    record(vault, ms) {
      const entry = seen.get(vault) ?? { ring: [], next: 0 }
      entry.ring[entry.next] = ms
      entry.next = (entry.next + 1) % KEPT
      seen.set(vault, entry)
    },
    quantile(vault) {
      const ring = seen.get(vault)?.ring
      if (!ring || ring.length < 5) return undefined
      return [...ring].sort((a, b) => a - b)[Math.floor((ring.length - 1) * 0.95)]
    },
  }
}
