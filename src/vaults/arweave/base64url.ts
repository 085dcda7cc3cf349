/** Base64url as Arweave writes it: no padding, and one text for one sequence of bytes. */

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** The bytes of a text from outside; undefined when it is no text, another text for the same bytes, or has more than `mostBytes`. */
export function bytesOf(text: unknown, mostBytes: number): Buffer | undefined {
  if (typeof text !== 'string' || text.length > Math.ceil((mostBytes * 4) / 3)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
