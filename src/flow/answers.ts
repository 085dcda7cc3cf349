/** Answers of a vault, counted as they come: what its score is learned from. */
import type { AnswerTally } from '../contracts.ts'
import type { SpanAnswer } from './read-spans.ts'

/** So many times of reads are enough to learn from one audit. */
const LATENCIES = 16

export const NO_ANSWERS: AnswerTally = { intact: 0, damaged: 0, absent: 0, silent: 0, denied: 0, latencies: [] }

export interface Counting {
  count(answer: Pick<SpanAnswer, 'outcome' | 'asked' | 'ms'>): void
  tally(): AnswerTally
}

/** Counts what was asked; spans that nobody asked for, because the vault was given up on, say nothing. */
export function counting(): Counting {
  const counts = { intact: 0, damaged: 0, absent: 0, silent: 0, denied: 0 }
  const latencies: number[] = []
  return {
    count({ outcome, asked, ms }) {
      if (!asked) return
      counts[outcome]++
      if (outcome === 'intact' && ms !== undefined && latencies.length < LATENCIES) latencies.push(ms)
    },
    tally: () => ({ ...counts, latencies }),
  }
}

export function addAnswers(tallies: Iterable<AnswerTally>): AnswerTally {
  let sum = NO_ANSWERS
  for (const { intact, damaged, absent, silent, denied, latencies } of tallies)
    sum = {
      intact: sum.intact + intact,
      damaged: sum.damaged + damaged,
      absent: sum.absent + absent,
      silent: sum.silent + silent,
      denied: sum.denied + denied,
      latencies: [...sum.latencies, ...latencies].slice(0, LATENCIES),
    }
  return sum
}
