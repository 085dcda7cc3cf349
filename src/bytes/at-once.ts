/**
 * Short calls to the file system, made where they are asked for while the disk answers at once: a way over another thread takes ten times as long as the
 * answer. A slow answer, of a network or a sleeping disk, sends the next calls to other threads, where they wait side by side.
 */
import { setImmediate } from 'node:timers/promises'

/** An answer that takes longer holds everybody up. */
const SLOW_MS = 1
/** Calls that are made elsewhere after a slow one, before the disk is tried again; twice as many each time it is still slow. One slow call may be ours: memory being cleaned. */
const FEWEST_ELSEWHERE = 4
const MOST_ELSEWHERE = 64
/** How long calls may follow each other before everything else has its turn. */
const TURN_MS = 10

let elsewhere = 0
let penalty = FEWEST_ELSEWHERE
let turnBegan = 0

/** `now` and `later` give the same answer. */
export function atOnce<T>(now: () => T, later: () => Promise<T>): T | Promise<T> {
  if (elsewhere > 0) {
    elsewhere--
    return later()
  }
  const began = performance.now()
  try {
    return now()
  } finally {
    if (performance.now() - began > SLOW_MS) {
      elsewhere = penalty
      penalty = Math.min(penalty * 2, MOST_ELSEWHERE)
    } else penalty = FEWEST_ELSEWHERE
  }
}

/** Lets timers, signals and other work go on, if it is time. To be awaited now and then by whoever makes many calls. */
export async function takeTurns(): Promise<void> {
  if (performance.now() - turnBegan < TURN_MS) return
  await setImmediate()
  turnBegan = performance.now()
}
