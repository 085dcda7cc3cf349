/** Lets so many through at a time, the others in order of arrival. */
import type { AbortOptions } from '../contracts.ts'

/** Resolves when there is a free slot, to the function that frees it again; calling that twice is harmless. */
export type Enter = (options?: AbortOptions) => Promise<() => void>

/** A door with `slots` slots; whoever is aborted while waiting leaves the queue and takes nothing. */
export function queue(slots: number): Enter {
  const waiting = new Set<() => void>()
  let free = slots

  const leave = () => {
    let left = false
    return () => {
      if (left) return
      left = true
      const [next] = waiting
      if (next) next()
      else free++
    }
  }

  return ({ signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (free > 0) {
        free--
        return resolve(leave())
      }
      const enter = () => {
        waiting.delete(enter)
        signal?.removeEventListener('abort', stop)
        resolve(leave())
      }
      const stop = () => {
        waiting.delete(enter)
        reject(signal?.reason)
      }
      waiting.add(enter)
      signal?.addEventListener('abort', stop, { once: true })
    })
}
