/**
 * Hooks beside the loop: what happens in a long cycle is told before it ends, and a receiver that was down is tried again while the loop sleeps. Nothing they
 * do holds it up.
 */
import { PerdureError } from '../errors.ts'
import type { Context } from './context.ts'
import { deliverHooks } from './hooks.ts'
import { isFatal } from './watch-run.ts'

/** How often the outbox is looked at; an empty one costs a look-up. */
const EVERY_MS = 5_000

/** Delivers from now on; what it returns ends that, and resolves when no delivery is under way. */
export function deliverBeside(context: Context, signal: AbortSignal, onFailure: (error: PerdureError) => void): () => Promise<void> {
  if (context.hooks.length === 0) return async () => undefined
  let running: Promise<void> | undefined
  const run = async () => {
    try {
      await deliverHooks(context, { signal })
    } catch (error) {
      // A catalog that is locked for a moment keeps nobody from being told later.
      if (!(error instanceof PerdureError) || isFatal(error)) clearInterval(timer)
      if (error instanceof PerdureError) onFailure(error)
      else throw error
    } finally {
      running = undefined
    }
  }
  const begin = () => {
    running ??= run()
  }
  const timer = setInterval(begin, EVERY_MS).unref()
  begin()
  return async () => {
    clearInterval(timer)
    await running
  }
}
