/** So much work at a time, the first failure kept. */

export interface Lanes {
  /** Resolves when the work has begun, which waits for a free lane; rejects instead once anything has failed. */
  run(work: () => Promise<void>): Promise<void>
  /** Resolves when nothing runs any more; rejects with the first failure. */
  end(): Promise<void>
  failure(): unknown
}

export function lanesOf(count: number): Lanes {
  const running = new Set<Promise<void>>()
  let failed: { readonly error: unknown } | undefined

  const check = () => {
    if (failed) throw failed.error
  }
  return {
    run: async (work) => {
      check()
      if (running.size >= count) await Promise.race(running)
      check()
      const lane = work()
        .catch((error: unknown) => {
          failed ??= { error }
        })
        .finally(() => running.delete(lane))
      running.add(lane)
    },
    end: async () => {
      await Promise.all(running)
      check()
    },
    failure: () => failed?.error,
  }
}
