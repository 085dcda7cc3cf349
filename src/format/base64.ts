/** The base64 of age headers: standard alphabet, no padding, canonical only. */

export function encodeBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  const end = text.indexOf('=')
  return end < 0 ? text : text.slice(0, end)
}

/** Undefined for anything but the one spelling that `encodeBase64` gives. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return encodeBase64(bytes) === text ? bytes : undefined
}
