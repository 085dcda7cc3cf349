/** Sets of sector numbers as Lotus writes them: lengths of runs by turns, those that are not in the set first. */

/** Undefined for what is no such list. */
export function bitsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.every((run) => Number.isSafeInteger(run) && run >= 0) ? value : undefined
}

export function hasBit(runs: readonly number[], bit: number): boolean {
  let end = 0
  for (const [turn, run] of runs.entries()) {
    end += run
    if (bit < end) return turn % 2 === 1
  }
  return false
}
