/** The tags of an ANS-104 data item: an Avro array of records of two byte strings, in blocks, of which one of length zero is the last. */

export interface Tag {
  readonly name: string
  readonly value: string
}

/** Of ANS-104. */
export const MAX_TAGS = 128
export const MAX_ENCODED_BYTES = 4096

/** Longer than any number that means something in 4096 bytes. */
const MAX_LONG_BYTES = 5

/** `undefined` where the bytes are not exactly such an array of at most 128 tags, in UTF-8, none with an empty name or value. */
export function decodeTags(bytes: Uint8Array): readonly Tag[] | undefined {
  if (bytes.byteLength > MAX_ENCODED_BYTES) return undefined
  // Writers leave out the array altogether where there is no tag.
  if (bytes.byteLength === 0) return []
  const reader = readerOf(bytes)
  const tags: Tag[] = []
  for (;;) {
    const count = reader.long()
    if (count === undefined) return undefined
    if (count === 0) return reader.at() === bytes.byteLength ? tags : undefined
    // A negative count is followed by the length of its block in bytes.
    const length = count < 0 ? reader.long() : undefined
    if (count < 0 && length === undefined) return undefined
    const start = reader.at()
    if (tags.length + Math.abs(count) > MAX_TAGS) return undefined
    for (let left = Math.abs(count); left > 0; left--) {
      const name = reader.text()
      const value = reader.text()
      if (!name || !value) return undefined
      tags.push({ name, value })
    }
    if (length !== undefined && reader.at() - start !== length) return undefined
  }
}

interface Reader {
  readonly at: () => number
  readonly long: () => number | undefined
  readonly text: () => string | undefined
}

function readerOf(bytes: Uint8Array): Reader {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let offset = 0
  const long = () => {
    let zigzag = 0
    for (let index = 0; index < MAX_LONG_BYTES; index++) {
      const byte = bytes[offset++]
      if (byte === undefined) return undefined
      zigzag += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    }
    return undefined
  }
  const text = () => {
    const length = long()
    if (length === undefined || length < 0 || offset + length > bytes.byteLength) return undefined
    offset += length
    try {
      return utf8.decode(bytes.subarray(offset - length, offset))
    } catch {
      return undefined
    }
  }
  return { at: () => offset, long, text }
}
