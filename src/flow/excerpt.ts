/** Lists for reports: all are counted, the first ones are kept, so that a report stays small however much went wrong. */
import type { Excerpt } from '../contracts.ts'

const KEPT = 1_000

export interface Growing<T> {
  add(item: T): void
  done(): Excerpt<T>
}

export function excerpt<T>(): Growing<T> {
  const first: T[] = []
  let count = 0
  return {
    add(item) {
      count++
      if (first.length < KEPT) first.push(item)
    },
    done: () => ({ count, first }),
  }
}
