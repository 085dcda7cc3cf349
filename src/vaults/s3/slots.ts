/** Leave to hold one part in memory, shared by all uploads of a vault: however many run, their parts together are bounded. */

export interface Slots {
  /** Resolves when one is free, in the order of asking; rejects with the signal's reason. */
  take(signal?: AbortSignal): Promise<void>
  giveBack(): void
}

export function slotsOf(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()
  return {
    async take(signal) {
      signal?.throwIfAborted()
      if (free > 0) {
        free--
        return
      }
      await new Promise<void>((resolve, reject) => {
        const settle = () => {
          waiting.delete(turn)
          signal?.removeEventListener('abort', leave)
        }
        const turn = () => {
          settle()
          resolve()
        }
        const leave = () => {
          settle()
          reject(signal?.reason)
        }
        waiting.add(turn)
        signal?.addEventListener('abort', leave, { once: true })
      })
    },
    giveBack() {
      const [next] = waiting
      if (next) next()
      else free++
    },
  }
}
