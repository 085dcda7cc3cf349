/** A thread that lives some of the seeds. */
import { parentPort, workerData } from 'node:worker_threads'
import { runSeeds } from './seeds.ts'

const { years } = workerData as { readonly years: number }

parentPort?.on('message', ({ from, to }: { readonly from: number; readonly to: number }) => {
  parentPort?.postMessage(runSeeds(from, to, { years }))
})
