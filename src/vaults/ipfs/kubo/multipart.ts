/** A file on its way to the node, as the body of a multipart form (RFC 7578). */
import type { CID } from 'multiformats/cid'

const BOUNDARY_CHARACTERS = 60

export interface Upload {
  /** The content type, boundary and all. */
  readonly type: string
  /** To be read once. */
  readonly stream: AsyncIterable<Uint8Array>
  /** Why the bytes could not be read; undefined as long as they could. */
  readonly failure: () => unknown
}

export interface UploadOptions {
  /** Hears how many bytes were taken on. */
  readonly onSent?: ((byteLength: number) => void) | undefined
  /** Hears that nothing more comes. */
  readonly onEnd?: (() => void) | undefined
}

/** `names` is the CID of what the bytes are, or of what lies under a root: they cannot hold their own hash, so a boundary made of it is in none of them. */
export function uploadOf(names: CID, bytes: AsyncIterable<Uint8Array>, { onSent, onEnd }: UploadOptions = {}): Upload {
  const boundary = `perdure-${names.toString().slice(-BOUNDARY_CHARACTERS)}`
  let failure: unknown
  const body = async function* () {
    const headers = ['content-disposition: form-data; name="file"; filename="file"', 'content-type: application/octet-stream']
    yield Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`)
    try {
      for await (const chunk of bytes) {
        if (chunk.byteLength > 0) yield chunk
        onSent?.(chunk.byteLength)
      }
    } catch (error) {
      failure = error
      throw error
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
    onEnd?.()
  }
  return { type: `multipart/form-data; boundary=${boundary}`, stream: body(), failure: () => failure }
}
