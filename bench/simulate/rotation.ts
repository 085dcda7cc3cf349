/** Which blocks of a replica an audit reads next: each once per round, in an order that nobody can foresee. */
import { draw } from '../../src/policy/challenge.ts'

export interface RotationState {
  /** What this round has not read yet. */
  readonly unread: readonly number[]
}

/** The next `count` blocks of a population. When a round ends in the middle, the next one begins. */
export function rotate(
  state: RotationState | undefined,
  { population, count, random }: { readonly population: number; readonly count: number; readonly random: () => Uint8Array },
): { readonly indexes: readonly number[]; readonly next: RotationState } {
  const taken = new Set<number>()
  let unread = state?.unread ?? []
  while (taken.size < Math.min(count, population)) {
    if (unread.length === 0) unread = Array.from({ length: population }, (_, index) => index)
    const left = Math.min(count, population) - taken.size
    const picks = new Set(left >= unread.length ? unread.keys() : draw({ seed: random(), population: unread.length, count: left }))
    for (const pick of picks) taken.add(unread[pick] ?? 0)
    unread = unread.filter((_, index) => !picks.has(index))
  }
  return { indexes: [...taken], next: { unread } }
}
