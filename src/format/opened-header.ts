/** A header that was read, unwrapped and authenticated: what reading a payload takes, and nothing more. */

import { FormatError } from '../errors.ts'
import type { Aead } from './aead.ts'
import { chosenAead } from './aead.ts'
import { type Header, headerParser } from './age-header.ts'
import { PAYLOAD_NONCE_BYTES } from './age-layout.ts'
import { unwrapFileKey } from './file-key.ts'
import { payloadKey } from './kdf.ts'
import type { Identity } from './recipients.ts'
import { type ChunkStream, chunkStream } from './stream.ts'

export interface OpenHeaderOptions {
  readonly aead?: Aead | undefined
}

/** The start of an age file: its header, the nonce, and what was read beyond them. */
export interface FileStart {
  readonly header: Header
  readonly nonce: Uint8Array
  readonly rest: Uint8Array
}

/** Reads header and nonce from the front of an age file and leaves the iterator after the chunk that completed them. Throws `damaged` when it ends before. */
export async function readStart(file: AsyncIterator<Uint8Array>): Promise<FileStart> {
  const parser = headerParser()
  let header: Header | undefined
  let seen = 0
  let tail: Uint8Array = new Uint8Array(0)
  while (!header || tail.byteLength < PAYLOAD_NONCE_BYTES) {
    const { done, value: chunk } = await file.next()
    if (done) throw header ? cut('after its header') : cut('within its header')
    if (header) tail = Buffer.concat([tail, chunk])
    else {
      header = parser.take(chunk)
      if (header) tail = chunk.slice(header.byteLength - seen)
      seen += chunk.byteLength
    }
  }
  return { header, nonce: tail.slice(0, PAYLOAD_NONCE_BYTES), rest: tail.subarray(PAYLOAD_NONCE_BYTES) }
}

/** Unwraps the file key, checks the MAC, and keeps only the key of the payload. */
export async function openStart(
  { header, nonce }: FileStart,
  identities: readonly Identity[],
  { aead }: OpenHeaderOptions,
): Promise<ChunkStream> {
  const fileKey = await unwrapFileKey(header, identities)
  const stream = chunkStream(aead ?? (await chosenAead()), payloadKey(fileKey, nonce))
  fileKey.fill(0)
  return stream
}

const cut = (where: string) => new FormatError('damaged', `the sealed file ends ${where}; it was cut`)
