/** Foreign streams of any kind behind one face that lets go at once. */
import type { AbortOptions } from '../contracts/options.ts'
import type { Content } from '../contracts/source.ts'
import { PerdureError, SourceError } from '../errors.ts'

interface Reader {
  next(): Promise<IteratorResult<unknown>>
  /** Ends the source; works while a `next` is pending. */
  release(): Promise<unknown>
}

/**
 * Pulls a foreign stream. An aborted signal ends it at once, also while a chunk is awaited; leaving early releases it.
 * Throws SourceError `unsupported` for chunks that are not bytes, and `unreadable` around whatever the stream throws.
 */
export async function* abortable(content: Content, options: AbortOptions = {}): AsyncGenerator<Uint8Array> {
  const { signal } = options
  signal?.throwIfAborted()
  const reader = readerOf(content)
  // One rejector for the chunk at hand: racing every chunk against one lasting promise would keep them all in memory.
  let giveUp: ((reason: unknown) => void) | undefined
  const onAbort = () => giveUp?.(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  let done = false
  try {
    while (true) {
      const result = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        giveUp = reject
        next(reader, signal).then(resolve, reject)
      })
      if (result.done) {
        done = true
        return
      }
      if (!(result.value instanceof Uint8Array)) throw notBytes(result.value)
      yield result.value
      signal?.throwIfAborted()
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    const released = done ? undefined : Promise.allSettled([reader.release()])
    // A generator stuck in its own await would answer only after that: an aborted caller does not wait for it.
    if (!signal?.aborted) await released
  }
}

async function next(reader: Reader, signal: AbortSignal | undefined): Promise<IteratorResult<unknown>> {
  try {
    return await reader.next()
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof PerdureError) throw cause
    const detail = cause instanceof Error ? `: ${cause.message}` : ''
    throw new SourceError('unreadable', `the stream that was to be stored failed${detail}`, { cause })
  }
}

function readerOf(content: Content): Reader {
  if (content instanceof ReadableStream) {
    const reader = content.getReader()
    return { next: async () => (await reader.read()) as IteratorResult<unknown>, release: () => reader.cancel() }
  }
  if (typeof content === 'object' && Symbol.asyncIterator in content) {
    const iterator = content[Symbol.asyncIterator]()
    const destroy = 'destroy' in content && typeof content.destroy === 'function' ? content.destroy.bind(content) : undefined
    return { next: () => iterator.next(), release: async () => (destroy ? destroy() : iterator.return?.()) }
  }
  if (typeof content === 'object' && Symbol.iterator in content) {
    const iterator: Iterator<unknown> = content[Symbol.iterator]()
    return { next: async () => iterator.next(), release: async () => iterator.return?.() }
  }
  throw new SourceError('unsupported', 'this is not a stream of bytes; pass a Uint8Array, a Blob, a stream or an iterable of Uint8Array')
}

function notBytes(value: unknown): SourceError {
  const found = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name : typeof value
  return new SourceError('unsupported', `the stream yielded ${found}, not Uint8Array; encode it first, e.g. with TextEncoder`)
}
