/** SHA-256 of shared memory on a thread of its own: nothing is copied, and the caller's thread only waits. */
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/** The thread's whole program; as text, so that it runs wherever the package was bundled into. */
const PROGRAM = `
const { parentPort } = require('node:worker_threads')
const { createHash } = require('node:crypto')
parentPort.on('message', (bytes) => parentPort.postMessage(createHash('sha256').update(bytes).digest()))
`

/** It holds nothing: without limits it would let tens of megabytes of spent messages lie before it collects them. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 }

interface Waiting {
  readonly bytes: Uint8Array
  readonly resolve: (digest: Uint8Array) => void
}

interface HashThread {
  readonly worker: Worker
  /** In the order of asking, which is that of the answers. */
  readonly waiting: Waiting[]
}

let thread: HashThread | undefined

/** Can these bytes be seen by another thread as they are? */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

/** The digest of shared bytes, which must not change before it resolves. Never rejects: where there is no thread, it is hashed here. */
export function hashShared(bytes: Uint8Array): Promise<Uint8Array> {
  thread ??= begun()
  const { worker, waiting } = thread
  return new Promise((resolve) => {
    // The process stays alive for whom it hashes, and no longer.
    if (waiting.length === 0) worker.ref()
    waiting.push({ bytes, resolve })
    worker.postMessage(bytes)
  })
}

function begun(): HashThread {
  const worker = new Worker(PROGRAM, { eval: true, resourceLimits: LIMITS })
  const begunThread: HashThread = { worker, waiting: [] }
  const { waiting } = begunThread
  const end = () => {
    if (thread === begunThread) thread = undefined
    for (const { bytes, resolve } of waiting.splice(0)) resolve(createHash('sha256').update(bytes).digest())
  }
  worker.on('message', (digest: Uint8Array) => {
    waiting.shift()?.resolve(digest)
    if (waiting.length === 0) worker.unref()
  })
  worker.on('error', end)
  worker.on('exit', end)
  worker.unref()
  return begunThread
}
