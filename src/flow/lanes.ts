/** A few pieces of work side by side, started by one loop that waits its turn. */
export interface Lanes {
  /** The first error of any work. */
  readonly failure: { readonly error: unknown } | undefined
  /** Resolves when the work has begun; waits while all lanes are busy. Rejects when earlier work failed. */
  run(work: () => Promise<void>): Promise<void>
  /** Resolves when nothing is under way; rejects when something failed. */
  idle(): Promise<void>
  /** Aborts what is under way and resolves when it has ended. */
  close(): Promise<void>
}

/** The first error aborts `stop`, so that the other lanes end soon. */
export function lanesOf(width: number, stop: AbortController): Lanes {
  const running = new Set<Promise<void>>()
  let failure: Lanes['failure']
  const check = () => {
    if (failure) throw failure.error
  }
  return {
    get failure() {
      return failure
    },
    async run(work) {
      while (running.size >= width) await Promise.race(running)
      check()
      const lane: Promise<void> = work()
        .catch((error: unknown) => {
          failure ??= { error }
          stop.abort(error)
        })
        .finally(() => running.delete(lane))
      running.add(lane)
    },
    async idle() {
      await Promise.all(running)
      check()
    },
    async close() {
      stop.abort()
      await Promise.all(running)
    },
  }
}
