/** SHA-256 and ChaCha20-Poly1305 over shared memory, each on a thread of its own: nothing is copied, and the caller's thread only waits. */
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/**
 * The thread's whole program; as text, so that it runs wherever the package was bundled into. Its `seal` is `chunkStream(nodeAead, key).seal` once more,
 * and a test holds the two against each other.
 */
const PROGRAM = `
const { parentPort } = require('node:worker_threads')
const { createCipheriv, createHash, createSecretKey } = require('node:crypto')
const PIECE = 16384, CHUNK = 65536, TAG = 16
const nonce = Buffer.alloc(12)
const hash = ({ bytes }) => createHash('sha256').update(bytes).digest()
const seal = ({ key, plaintext, first, final, out }) => {
  const secret = createSecretKey(key)
  for (let number = first, from = 0, to = 0; from < plaintext.byteLength; number++) {
    const end = Math.min(from + CHUNK, plaintext.byteLength)
    nonce.writeUIntBE(number, 5, 6)
    nonce[11] = final && end === plaintext.byteLength ? 1 : 0
    const cipher = createCipheriv('chacha20-poly1305', secret, nonce, { authTagLength: TAG })
    for (; from < end; from += PIECE) {
      const piece = cipher.update(plaintext.subarray(from, Math.min(from + PIECE, end)))
      out.set(piece, to)
      to += piece.byteLength
    }
    from = end
    cipher.final()
    out.set(cipher.getAuthTag(), to)
    to += TAG
  }
}
const work = { hash, seal }
parentPort.on('message', ({ verb, ...rest }) => parentPort.postMessage(work[verb](rest)))
`

/**
 * A young generation so small that what a cipher gives out is collected at once, and its memory used again while it is warm; with more, sealing takes a
 * sixth more CPU. The old one counts that memory too: with less than this every few leaves would be a full collection.
 */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 }

interface Waiting {
  readonly resolve: (answer: unknown) => void
  /** The same work here, where the thread died. */
  readonly local: () => unknown
}

interface BulkThread {
  readonly worker: Worker
  /** In the order of asking, which is that of the answers. */
  readonly waiting: Waiting[]
}

type Verb = 'hash' | 'seal'

const threads = new Map<Verb, BulkThread>()

/** Shorter bytes are worked on where they are: handing them to another thread takes longer. */
export const AHEAD_BYTES = 128 * 1024

/** Can these bytes be seen by another thread as they are? */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

const hashing = (bytes: Uint8Array) => ({ verb: 'hash' as const, bytes })

const sealing = (work: SealWork) => ({ verb: 'seal' as const, ...work })

/** The digest of shared bytes, which must not change before it resolves. Never rejects: where there is no thread, it is hashed here. */
export function hashShared(bytes: Uint8Array): Promise<Uint8Array> {
  return asked(hashing(bytes), () => createHash('sha256').update(bytes).digest())
}

export interface SealWork {
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly plaintext: Uint8Array
  /** Number of the first chunk in the file. */
  readonly first: number
  readonly final: boolean
  readonly out: Uint8Array
}

/** Seals shared plaintext, at least one byte of it, into shared memory; neither may be touched before it resolves. `local` does the same work here. */
export async function sealShared(work: SealWork, local: () => void): Promise<void> {
  await asked(sealing(work), local)
}

function asked<T>(message: { readonly verb: Verb }, local: () => T): Promise<T> {
  const { verb } = message
  const thread = threads.get(verb) ?? begun(verb)
  const { worker, waiting } = thread
  return new Promise((resolve) => {
    // The process stays alive for whom it works, and no longer.
    if (waiting.length === 0) worker.ref()
    waiting.push({ resolve: resolve as Waiting['resolve'], local })
    worker.postMessage(message)
  })
}

function begun(verb: Verb): BulkThread {
  // Without the process's own flags: `--input-type=module` would have the program be what it is not.
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], resourceLimits: LIMITS })
  const thread: BulkThread = { worker, waiting: [] }
  threads.set(verb, thread)
  const { waiting } = thread
  const end = () => {
    if (threads.get(verb) === thread) threads.delete(verb)
    for (const { resolve, local } of waiting.splice(0)) resolve(local())
  }
  worker.on('message', (answer: unknown) => {
    waiting.shift()?.resolve(answer)
    if (waiting.length === 0) worker.unref()
  })
  worker.on('error', end)
  worker.on('exit', end)
  worker.unref()
  return thread
}
