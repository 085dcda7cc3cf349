/** A file on its way, as the body of a multipart form (RFC 7578). */
import type { CID } from 'multiformats/cid'

const BOUNDARY_CHARACTERS = 60

export interface Upload {
  /** The content type, boundary and all. */
  readonly type: string
  /** To be read once. */
  readonly stream: AsyncIterable<Uint8Array>
  /** Bytes of the form around those of the file. */
  readonly overhead: number
  /** Why the bytes could not be read; undefined as long as they could. */
  readonly failure: () => unknown
}

export interface UploadOptions {
  /** What the file is called; default `file`. */
  readonly filename?: string | undefined
  /** Hears how many bytes were taken on. */
  readonly onSent?: ((byteLength: number) => void) | undefined
  /** Hears that nothing more comes. */
  readonly onEnd?: (() => void) | undefined
}

/** `names` is the CID of what the bytes are, or of what lies under a root: they cannot hold their own hash, so a boundary made of it is in none of them. */
export function uploadOf(names: CID, bytes: AsyncIterable<Uint8Array>, { filename = 'file', onSent, onEnd }: UploadOptions = {}): Upload {
  const boundary = `perdure-${names.toString().slice(-BOUNDARY_CHARACTERS)}`
  const headers = [`content-disposition: form-data; name="file"; filename="${filename}"`, 'content-type: application/octet-stream']
  const head = Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`)
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  let failure: unknown
  const body = async function* () {
    yield head
    try {
      for await (const chunk of bytes) {
        if (chunk.byteLength > 0) yield chunk
        onSent?.(chunk.byteLength)
      }
    } catch (error) {
      failure = error
      throw error
    }
    yield tail
    onEnd?.()
  }
  const type = `multipart/form-data; boundary=${boundary}`
  return { type, stream: body(), overhead: head.byteLength + tail.byteLength, failure: () => failure }
}

/** For fetch: one chunk at a time, when it is wanted. */
export function readable(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => void (await iterator.return?.()),
    },
    { highWaterMark: 0 },
  )
}
