/** One after the other, by key. */
import type { AbortOptions } from '../contracts.ts'

/** The end of the last work of each key. */
export type Turns = Map<string, Promise<void>>

/** Does the work when nothing else of that key is under way, however that ended. Waiting ends with the signal's reason; work under way goes on by itself. */
export function inTurn<T>(turns: Turns, key: string, work: () => Promise<T>, { signal }: AbortOptions = {}): Promise<T> {
  const before = turns.get(key) ?? Promise.resolve()
  const own = before.then(() => {
    signal?.throwIfAborted()
    return work()
  })
  const over = own.then(
    () => undefined,
    () => undefined,
  )
  turns.set(key, over)
  void over.then(() => {
    if (turns.get(key) === over) turns.delete(key)
  })
  return own
}
