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

const LETTERS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
/** Both letters of every twelve bits, in the order of this machine's memory. */
const PAIRS = new Uint16Array(
  Uint8Array.from({ length: 2 * 4096 }, (_, at) => LETTERS[((at >> 1) >> (at % 2 === 0 ? 6 : 0)) & 63] as number).buffer,
)

/** Letters of so many bytes. */
export const base64urlLength = (byteLength: number): number => Math.ceil((byteLength * 4) / 3)

/**
 * The same as text, written where it will be sent from: a text in between would be garbage of a third more than the bytes. `at` must be even, and counts
 * from the beginning of the memory.
 */
export function base64urlInto(memory: ArrayBufferLike, at: number, bytes: Uint8Array): void {
  const whole = bytes.byteLength - (bytes.byteLength % 3)
  const pairs = new Uint16Array(memory, at, (whole / 3) * 2)
  let to = 0
  for (let from = 0; from < whole; from += 3) {
    const bits = ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number)
    pairs[to++] = PAIRS[bits >> 12] as number
    pairs[to++] = PAIRS[bits & 4095] as number
  }
  Buffer.from(memory).write(Buffer.from(bytes.subarray(whole)).toString('base64url'), at + 2 * to, 'latin1')
}
