/** Seeds on several threads, in chunks, so that one slow life does not hold up the others. */
import { Worker } from 'node:worker_threads'
import { emptyTally, merge, type Tally } from './seeds.ts'

const CHUNK = 50

export interface Spread {
  readonly from: number
  readonly to: number
  readonly years: number
  readonly threads: number
  readonly signal: AbortSignal
  /** All so far, and what is new in it. */
  readonly onChunk: (tally: Tally, chunk: Tally) => void
}

/** Lives all the seeds, or as many as there are until the signal. The order in which they are lived changes nothing. */
export async function runOnThreads({ from, to, years, threads, signal, onChunk }: Spread): Promise<Tally> {
  const tally = emptyTally()
  let next = from
  const lane = async () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { years } })
    try {
      while (next < to && !signal.aborted) {
        const chunk = { from: next, to: Math.min(to, next + CHUNK) }
        next = chunk.to
        const lived = await answerOf(worker, chunk)
        merge(tally, lived)
        onChunk(tally, lived)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: threads }, lane))
  tally.violating.sort((a, b) => a.seed - b.seed)
  return tally
}

function answerOf(worker: Worker, chunk: { readonly from: number; readonly to: number }): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(error)
    worker.once('error', onError)
    worker.once('message', (tally: Tally) => {
      worker.off('error', onError)
      resolve(tally)
    })
    worker.postMessage(chunk)
  })
}
